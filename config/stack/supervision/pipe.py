"""One pipe of a child's output, read without ever waiting and handed on line by line."""

import os
from collections.abc import Callable

LONGEST_LINE = 65536


class Pipe:
    """`writer` is the child's end: give it to the child, then call `keep_reader_only`."""

    def __init__(self, take_line: Callable[[bytes], None]) -> None:
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.reader, False)
        self._take_line = take_line
        self._unfinished = b""

    def keep_reader_only(self) -> None:
        os.close(self.writer)

    def read(self) -> bool:
        """Hand on the whole lines that are there; False when nobody can write any more."""
        while True:
            try:
                data = os.read(self.reader, LONGEST_LINE)
            except BlockingIOError:
                return True
            if not data:
                return False
            *lines, self._unfinished = (self._unfinished + data).split(b"\n")
            for line in lines:
                self._take_line(line.rstrip(b"\r"))
            if len(self._unfinished) > LONGEST_LINE:
                self._flush()

    def close(self) -> None:
        """Hand on what is left."""
        self.read()
        self._flush()
        os.close(self.reader)

    def _flush(self) -> None:
        if self._unfinished:
            self._take_line(self._unfinished)
            self._unfinished = b""
