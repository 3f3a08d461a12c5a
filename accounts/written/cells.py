"""A text in a cell of our files, and back: never a formula to a spreadsheet, never nothing to whoever reads it. Pure.

`text_of(as_cell(text))` is the text, if it has no blanks around it. Cells of other programs are read the same way.
"""

import re
from typing import Final

from accounts.written.blanks import PLAIN, UNSEEN, is_blank
from accounts.written.reading import with_plain_line_ends
from accounts.written.spreadsheets import defuser, undefuser

_SEPARATORS: Final = ",;|\t\r\n"
_defuse: Final = defuser(_SEPARATORS)
_undefuse: Final = undefuser(_SEPARATORS)
_PHONE: Final = re.compile(r"\+[0-9]{1,15}")  # no formula


def as_cell(text: str) -> str:
    """The cell that says this text."""
    cell = as_formula_free_cell(text)
    return f"'{text}" if cell == text and text and is_blank(text.lstrip("'")) else cell


def as_formula_free_cell(text: str) -> str:
    """The cell that says this text to whoever takes nothing for a filler; `whole_text_of` reads it."""
    return text if _PHONE.fullmatch(text) else _defuse(text)


def text_of(cell: str) -> str:
    """What a cell says; "" where that is nothing."""
    if not cell or PLAIN.fullmatch(cell):
        return cell
    text = with_plain_line_ends(trimmed(cell))
    if is_blank(text):
        return ""
    if "'" not in text:
        return text
    return text[1:] if text[0] == "'" and is_blank(text.lstrip("'")) else trimmed(_undefuse(text))


def whole_text_of(cell: str) -> str:
    """What a cell says, be it "-" or "null"."""
    return _undefuse(trimmed(cell))


def trimmed(cell: str) -> str:
    """Without what nobody sees around it."""
    return cell.strip() if cell.isascii() else cell.strip(UNSEEN)
