"""Many short texts in little memory: bulk messages resemble each other, so blocks of them compress well."""

import marshal
import zlib
from collections.abc import Iterator

BLOCK_SIZE = 512  # texts; packing one block takes about half a millisecond


class TextArchive:
    """A list of strings to append to and to read at any index; all but the last block are kept packed."""

    def __init__(self) -> None:
        self._packed: list[bytes] = []
        self._open: list[str] = []
        self._unpacked: tuple[int, list[str]] = (-1, [])

    def __len__(self) -> int:
        return len(self._packed) * BLOCK_SIZE + len(self._open)

    def append(self, text: str) -> None:
        self._open.append(text)
        if len(self._open) == BLOCK_SIZE:
            # marshal: the fastest way to bytes and back, and it keeps the lone surrogates JSON allows
            self._packed.append(zlib.compress(marshal.dumps(self._open), 1))
            self._open = []

    def __getitem__(self, index: int) -> str:
        block, position = divmod(index, BLOCK_SIZE)
        return self._block(block)[position]

    def __iter__(self) -> Iterator[str]:
        return (self[index] for index in range(len(self)))

    def _block(self, block: int) -> list[str]:
        if block == len(self._packed):
            return self._open
        if self._unpacked[0] != block:
            texts: list[str] = marshal.loads(zlib.decompress(self._packed[block]))  # noqa: S302 - our own bytes
            self._unpacked = (block, texts)
        return self._unpacked[1]
