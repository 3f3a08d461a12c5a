"""The suite itself: whole stacks are one worker's work, and nobody else's."""

from pathlib import Path

import pytest

from tests import distribution

TESTS = Path(distribution.__file__).parent


def test_all_that_start_a_whole_stack_go_to_one_worker() -> None:
    starting = {path for package in distribution.WITH_A_WHOLE_STACK for path in (TESTS / package).glob("test_*.py")}
    assert len(starting) > len(distribution.WITH_A_WHOLE_STACK)
    of = {distribution.unit_of(f"{path.relative_to(TESTS.parent)}::Test::test_a[b::c/d]") for path in starting}
    assert of == {distribution.TOGETHER}


@pytest.mark.parametrize("nodeid", ["tests/test_translations.py::test_a", "tests/jobs/live/test_x.py::test_b[stack/y]"])
def test_every_other_test_goes_alone(nodeid: str) -> None:
    assert distribution.unit_of(nodeid) == nodeid
