"""How the bytes of a text file become letters: found out from its bytes, and from what they make of words.

Several encodings give every byte a letter. Which one was meant is told by Spanish and Portuguese: "José Núñez" is
one in Mac Roman alone, and "JosŽ Nœ–ez" in none.
"""

import codecs
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

ENCODINGS: Final = (
    "utf-8",
    "utf-8-sig",
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "cp1252",
    "iso-8859-1",
    "mac-roman",
    "cp850",
)
UNDECODABLE: Final = "\ufffd"

_ONE_BYTE = ("cp1252", "mac-roman", "cp850")  # the likeliest first: it has what no word decides
_BLOCK_BYTES = 1024 * 1024
_WORDS_ASKED = 2_000
_WORD = re.compile(rb"[A-Za-z\x80-\xff]*[\x80-\xff][A-Za-z\x80-\xff]*")
_LONGEST_WORD = 40
_WELL_FORMED = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_HIGH = re.compile(rb"[\x80-\xff]")
_SHOWN_WORD = re.compile(r"[^\W\d_]*[^\W\d_\x00-\x7f][^\W\d_]*|[^\x00-\x7f]+")

_LETTERS: Final = frozenset("áéíóúñüçãõâêôà")
_AROUND_WORDS: Final = frozenset("¿¡ºª°€–—…‘’“”«»·´\u00a0")
_BAD, _GOOD = -3, 2


class NotText(Exception):
    """Another kind of file."""


def detect(path: Path) -> str:
    """One of ENCODINGS. Reads all of the file: the first ñ may stand in its last line. Raises NotText."""
    with path.open("rb") as file:
        block = file.read(_BLOCK_BYTES)
        if block.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        if block[:4096].count(0) * 3 > len(block[:4096]):  # UTF-16 without a BOM: every other byte is 0
            return "utf-16-be" if block[:1] == b"\0" else "utf-16-le"
        if block.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF")):
            raise NotText
        has_bom = block.startswith(codecs.BOM_UTF8)
        file.seek(0)
        if has_bom or _is_utf_8(file):
            # With the mark it is UTF-8 even with something broken in it, which the lines will tell.
            return "utf-8-sig" if has_bom else "utf-8"
        file.seek(0)
        return _one_byte_encoding(file)


def words(path: Path, encoding: str, most: int = 5) -> list[str]:
    """The first different words of a file that show whether its encoding is right: those with more than ASCII."""
    found: dict[str, None] = {}
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    with path.open("rb") as file:
        for block in _blocks(file):
            text = decoder.decode(block)
            if text.isascii():
                continue
            for match in _SHOWN_WORD.finditer(text):
                if (word := match[0].strip("\ufeff")[:_LONGEST_WORD]) and not word.isspace():
                    found[word] = None
                if len(found) >= most:
                    return list(found)
    return list(found)


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    while block := file.read(_BLOCK_BYTES):
        yield block


def _is_utf_8(file: BinaryIO) -> bool:
    """Whether all of it is UTF-8, or all but a little that is broken: other encodings make no such sequences."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for block in _blocks(file):
            if not block.isascii() or decoder.getstate()[0]:
                decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        file.seek(0)
        well_formed = broken = 0
        for block in _blocks(file):
            sequences = _WELL_FORMED.findall(block)
            well_formed += len(sequences)
            broken += len(_HIGH.findall(block)) - sum(map(len, sequences))
        return well_formed > broken
    return True


def _one_byte_encoding(file: BinaryIO) -> str:
    found: set[bytes] = set()
    for block in _blocks(file):
        if not block.isascii():
            for match in _WORD.finditer(block):
                found.add(match[0][:_LONGEST_WORD])
                if len(found) >= _WORDS_ASKED:
                    break
        if len(found) >= _WORDS_ASKED:
            break
    return max(_ONE_BYTE, key=lambda encoding: sum(_score(word.decode(encoding, "replace")) for word in found))


def _score(word: str) -> int:
    """How much this looks like a word of Spanish or Portuguese."""
    return sum(_score_of_letter(word, place) for place, letter in enumerate(word) if letter > "\x7f")


def _score_of_letter(word: str, place: int) -> int:
    letter = word[place]
    before, after = word[place - 1 : place], word[place + 1 : place + 2]
    small = letter.lower()
    if small not in _LETTERS:
        # A sign stands beside words, and not in them.
        return 0 if letter in _AROUND_WORDS and not (before.isalpha() and after.isalpha()) else _BAD
    if small == "ç" and after and after.lower() not in "aouãõáóâô":
        return _BAD
    if small == "õ" and after.lower() != "e":
        return _BAD
    if letter != small and (before.islower() or (before.isupper() and after.islower())):
        return _BAD  # a capital in the middle
    if letter == small and before.isupper() and (after.isupper() or (word[:place].isupper() and place > 1)):
        return _BAD  # a small letter among capitals
    return _GOOD
