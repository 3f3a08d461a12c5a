"""Where the output of the children goes: files in DATA_DIR/log, and the terminal with a name in front."""

import sys
from collections import deque
from pathlib import Path
from typing import IO

KEPT_LINES = 20
MAX_LOG_BYTES = 10_000_000
COLOURS = (36, 32, 35, 34, 33, 96, 92, 95, 94)


class Console:
    """`is_quiet` keeps the children's lines off the terminal: for them there are the files."""

    def __init__(self, log_dir: Path, *, is_quiet: bool) -> None:
        log_dir.mkdir(parents=True, exist_ok=True)
        self._log_dir = log_dir
        self._is_quiet = is_quiet
        self._is_coloured = sys.stdout.isatty()
        self._files: dict[str, IO[bytes]] = {}
        self._last: dict[str, deque[str]] = {}

    def log_path(self, name: str) -> Path:
        return self._log_dir / f"{name}.log"

    def write(self, name: str, line: bytes, *, is_shown: bool = True) -> None:
        """Take one line of a child, without its end."""
        self._write_to_file(name, line + b"\n")
        text = line.decode(errors="replace")
        self._last.setdefault(name, deque(maxlen=KEPT_LINES)).append(text)
        if is_shown and not self._is_quiet:
            self.show(f"{self._label(name)} {text}")

    def note(self, text: str) -> None:
        """Say something of the launcher's own, which quiet terminals want too."""
        self.show(f"{self._label('stack')} {text}" if not self._is_quiet else text)

    def show(self, text: str) -> None:
        try:
            print(text, flush=True)
        except OSError:
            self._is_quiet = True  # the terminal is gone (`| head`); the work goes on, the files have it all

    def last_lines(self, name: str) -> list[str]:
        return list(self._last.get(name, ()))

    def close(self) -> None:
        for file in self._files.values():
            file.close()
        self._files.clear()

    def _label(self, name: str) -> str:
        label = f"{name:<9}│"
        if not self._is_coloured:
            return label
        return f"\033[{COLOURS[sum(name.encode()) % len(COLOURS)]}m{label}\033[0m"

    def _write_to_file(self, name: str, data: bytes) -> None:
        path = self.log_path(name)
        file = self._files.get(name)
        if file is None:
            file = self._files[name] = path.open("ab", buffering=0)
        file.write(data)
        if file.tell() > MAX_LOG_BYTES:
            file.close()
            path.replace(path.with_name(path.name + ".1"))
            del self._files[name]
