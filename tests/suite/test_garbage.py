"""The suite itself: the garbage collector leaves alone what was there before the first test, and nothing else."""

import gc
import weakref

from tests.garbage import OBJECTS_BETWEEN_COLLECTIONS


class Ring:
    def __init__(self) -> None:
        self.itself = self


def test_what_was_collected_is_frozen_and_what_a_test_leaves_behind_is_found() -> None:
    assert gc.get_freeze_count() > 100_000
    assert gc.isenabled()
    assert gc.get_threshold()[0] == OBJECTS_BETWEEN_COLLECTIONS
    left = weakref.ref(Ring())
    gc.collect()
    assert left() is None
