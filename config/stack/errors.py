"""What ends a launcher: each message is one line for the person at the terminal."""

import signal


class StackError(Exception):
    """The stack cannot start or cannot go on; the message says why and what to do."""


class FailedError(StackError):
    """A program of the stack failed for good; `last_lines` is what it said before."""

    def __init__(self, what: str, last_lines: list[str]) -> None:
        super().__init__(what)
        self.last_lines = last_lines


class StoppedError(Exception):
    """Someone asked the launcher to stop, by Ctrl-C or by a signal."""

    def __init__(self, signum: int) -> None:
        super().__init__(signal.Signals(signum).name)
        self.signum = signum
