"""`python -m config.stack run | demo | exec -- COMMAND…`: see launcher.py."""

import argparse
import signal
import sys

from config.stack import launcher
from config.stack.errors import FailedError, StackError, StoppedError


def main() -> int:
    arguments = _parse()
    try:
        if arguments.what == "run":
            launcher.run()
        elif arguments.what == "demo":
            return launcher.demo()
        else:
            return launcher.execute(arguments.command)
    except StoppedError as stop:
        # Being stopped is how `run` ends well; the others did not get to do what was asked of them.
        return 0 if arguments.what == "run" else 128 + stop.signum
    except StackError as error:
        report(error)
        return 1
    return 0


def report(error: StackError) -> None:
    print(f"pregonero: {error}", file=sys.stderr)
    if isinstance(error, FailedError):
        print("\n".join(f"    {line}" for line in error.last_lines), file=sys.stderr)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m config.stack", description="Run Pregonero with its own servers.")
    what = parser.add_subparsers(dest="what", required=True)
    what.add_parser("run", help="the whole stack, until Ctrl-C")
    what.add_parser("demo", help="a stack of its own, a sample of 1,000 messages sent through it, and the result")
    beside = what.add_parser("exec", help="a command beside PostgreSQL and Valkey")
    beside.add_argument("command", nargs="+", metavar="-- COMMAND")
    return parser.parse_args()


if __name__ == "__main__":
    # Until the supervisor listens for signals a Ctrl-C ends the launcher at once, without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(main())
