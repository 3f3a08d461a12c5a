"""One launcher at a time for each data directory, and the word it leaves for the others."""

import fcntl
import json
import os
from typing import Any

from config.stack.errors import StackError
from config.stack.places.layout import Layout
from config.stack.supervision.leftovers import Leftover


class AlreadyRunningError(StackError):
    """Another launcher has this data directory."""


class LauncherLock:
    """A lock on DATA_DIR/launcher.json, which the kernel frees however its holder ends.

    The file says the holder's pid, command, address and children, for the message of a second launcher
    and for the tidying up after one that was killed.
    """

    def __init__(self, layout: Layout, command: str, url: str = "") -> None:
        self._layout = layout
        self._said: dict[str, Any] = {"pid": os.getpid(), "command": command, "url": url}
        self._descriptor = -1

    def __enter__(self) -> "LauncherLock":
        """Raises AlreadyRunningError."""
        try:
            descriptor = os.open(self._layout.lock_file, os.O_RDWR | os.O_CREAT, 0o600)
        except PermissionError:
            raise StackError(f"{self._layout.lock_file} belongs to another user: start as that user") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            said = _read(descriptor)
            os.close(descriptor)
            raise AlreadyRunningError(_describe(said, self._layout)) from None
        self._descriptor = descriptor
        self.left_behind = [Leftover(*child) for child in _read(descriptor).get("children", [])]
        self._write()
        return self

    def __exit__(self, *error: object) -> None:
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)

    def record_children(self, children: list[Leftover]) -> None:
        self._said["children"] = children
        self._write()

    def _write(self) -> None:
        text = json.dumps(self._said).encode()
        os.pwrite(self._descriptor, text, 0)
        os.ftruncate(self._descriptor, len(text))


def _describe(said: dict[str, Any], layout: Layout) -> str:
    where = f" at {said['url']}" if said.get("url") else ""
    who = f"`{said.get('command', 'another launcher')}` (pid {said.get('pid', 'unknown')})"
    return f"already running{where}: {who} has the data directory {layout.data_dir}"


def _read(descriptor: int) -> dict[str, Any]:
    """A launcher that was killed while it wrote leaves half a text: as good as none."""
    try:
        return dict(json.loads(os.pread(descriptor, 1_000_000, 0)))
    except ValueError:
        return {}
