import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.stack.conftest import Start, is_alive
from tests.waiting import GIVE_UP_SECONDS, eventually


def begin(start: Start, scenario: str, directory: Path) -> subprocess.Popen[str]:
    launcher = start("tests.stack.fake_stack", scenario, str(directory))
    for line in launcher.stdout:
        if line == "ready\n":
            return launcher
    raise AssertionError(f"the launcher ended: {launcher.stderr.read()}")


def pids(directory: Path) -> list[int]:
    return [int(pid) for name in ("first", "second") for pid in (directory / f"{name}.pids").read_text().split()]


def test_a_child_that_dies_is_started_again_and_nothing_of_it_stays(start: Start, tmp_path: Path) -> None:
    begin(start, "plain", tmp_path)
    old_first, forked_by_it, second, _ = pids(tmp_path)
    os.kill(old_first, signal.SIGKILL)
    eventually(lambda: pids(tmp_path)[0] != old_first)
    assert is_alive(pids(tmp_path)[0])
    assert is_alive(second)
    eventually(lambda: not is_alive(forked_by_it))


def test_what_keeps_dying_ends_the_stack_and_its_last_lines_are_shown(start: Start, tmp_path: Path) -> None:
    launcher = start("tests.stack.fake_stack", "hopeless", str(tmp_path))
    output, errors = launcher.communicate(timeout=GIVE_UP_SECONDS)
    assert launcher.returncode == 1
    assert errors.startswith("pregonero: second keeps dying (exit code 3)\n")
    assert errors.rstrip().endswith("the disk is on fire")
    assert output.count("trying") == 3
    assert not is_alive(int((tmp_path / "first.pids").read_text().split()[0]))


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_all_children_last_first_and_whatever_they_forked(
    start: Start, tmp_path: Path, signum: signal.Signals
) -> None:
    launcher = begin(start, "plain", tmp_path)
    launcher.send_signal(signum)
    assert launcher.wait(timeout=GIVE_UP_SECONDS) == 0
    assert (tmp_path / "stopped").read_text().split() == ["second", "first"]
    assert not any(is_alive(pid) for pid in pids(tmp_path))


def test_a_child_that_does_not_stop_is_killed_after_its_grace(start: Start, tmp_path: Path) -> None:
    launcher = begin(start, "stubborn", tmp_path)
    launcher.terminate()
    output, _ = launcher.communicate(timeout=GIVE_UP_SECONDS)
    assert "second is killed: it did not stop" in output
    assert not any(is_alive(pid) for pid in pids(tmp_path))


@pytest.mark.skipif(not Path("/proc").exists(), reason="the kernel ends a dead launcher's children on Linux only")
def test_children_do_not_outlive_a_launcher_that_is_killed(start: Start, tmp_path: Path) -> None:
    launcher = begin(start, "plain", tmp_path)
    launcher.kill()
    launcher.wait()
    first, forked_by_first, second, forked_by_second = pids(tmp_path)
    eventually(lambda: not is_alive(first) and not is_alive(second))
    for pid in (forked_by_first, forked_by_second):  # Celery has the kernel end its own in the same way
        os.kill(pid, signal.SIGKILL)


def test_the_output_of_each_child_is_on_the_terminal_with_its_name_and_in_its_file(
    start: Start, tmp_path: Path
) -> None:
    launcher = start("tests.stack.fake_stack", "plain", str(tmp_path))
    eventually((tmp_path / "second.pids").exists)
    eventually(lambda: (tmp_path / "second.log").exists() and (tmp_path / "second.log").read_text() != "")
    launcher.terminate()
    output, _ = launcher.communicate(timeout=GIVE_UP_SECONDS)
    assert "second   │ second is here\n" in output
    assert (tmp_path / "second.log").read_text() == "second is here\n"


def test_a_command_in_front_ends_the_stack_with_its_exit_code(start: Start, tmp_path: Path) -> None:
    (tmp_path / "seconds").write_text("0")
    launcher = begin(start, "in-front", tmp_path)
    assert launcher.wait(timeout=GIVE_UP_SECONDS) == 7
    assert not any(is_alive(pid) for pid in pids(tmp_path))


def test_a_command_in_front_is_ended_with_the_launcher(start: Start, tmp_path: Path) -> None:
    (tmp_path / "seconds").write_text("600")
    launcher = begin(start, "in-front", tmp_path)
    assert "in front\n" in launcher.stdout
    launcher.terminate()
    assert launcher.wait(timeout=GIVE_UP_SECONDS) == 0
    assert not any(is_alive(pid) for pid in pids(tmp_path))
