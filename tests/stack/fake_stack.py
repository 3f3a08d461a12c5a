"""A launcher with small programs in place of servers: `python -m tests.stack.fake_stack SCENARIO DIRECTORY`."""

import sys
from pathlib import Path

from config.stack.__main__ import report
from config.stack.errors import StackError, StoppedError
from config.stack.supervision.console import Console
from config.stack.supervision.programs import Program
from config.stack.supervision.supervisor import Patience, Supervisor

# Writes its pid and that of a process it has forked; on TERM it says so, and its child stays behind.
WELL_BEHAVED = """
import os, signal, subprocess, sys, time
name, directory = sys.argv[1:]
def stop(*_):
    open(f"{directory}/stopped", "a").write(f"{name}\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
forked = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]).pid
open(f"{directory}/{name}.draft", "w").write(f"{os.getpid()} {forked}")
os.rename(f"{directory}/{name}.draft", f"{directory}/{name}.pids")
print(f"{name} is here", flush=True)
while True: time.sleep(60)
"""
STUBBORN = WELL_BEHAVED.replace("sys.exit(0)", "print('not yet', flush=True)")
HOPELESS = "import sys; print('trying', flush=True); print('the disk is on fire', flush=True); sys.exit(3)"


def main() -> int:
    scenario, directory = sys.argv[1], Path(sys.argv[2])

    def fake(name: str, source: str) -> Program:
        argv = (sys.executable, "-c", source, name, str(directory))
        pids = directory / f"{name}.pids"
        return Program(name, argv, is_ready=pids.exists, grace_seconds=0.5 if source is STUBBORN else 20)

    patience = Patience(deaths=3, first_wait_seconds=0.01, lived_seconds=60)
    try:
        with Supervisor(Console(directory, is_quiet=False), patience=patience) as supervisor:
            supervisor.start(fake("first", WELL_BEHAVED))
            second = {"hopeless": HOPELESS, "stubborn": STUBBORN}.get(scenario, WELL_BEHAVED)
            supervisor.start(fake("second", second))
            supervisor.wait_until_ready()
            print("ready", flush=True)
            if scenario == "in-front":
                source = "import sys, time; print('in front', flush=True); time.sleep(float(sys.argv[1])); sys.exit(7)"
                seconds = (directory / "seconds").read_text()
                return supervisor.run_in_front([sys.executable, "-c", source, seconds])
            supervisor.serve()
    except StoppedError:
        return 0
    except StackError as error:
        report(error)
    return 1


if __name__ == "__main__":
    sys.exit(main())
