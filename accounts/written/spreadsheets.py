"""What a file needs that somebody will open in a spreadsheet: to be taken for UTF-8, and for no formula."""

import re
from collections.abc import Callable
from functools import partial
from typing import Final

BOM: Final = "\ufeff"  # a spreadsheet takes the file for UTF-8 only with it
# The last four are the full-width forms.
_FORMULA: Final = r"(?=['\s]*[=+\-@＝＋－＠])"


def defuser(separators: str) -> Callable[[str], str]:
    """Make a function that puts an apostrophe before whatever a spreadsheet may take for a formula in a text.

    A formula begins a cell, or a part of it where the spreadsheet splits at one of `separators` instead of ours. An
    apostrophe that stands there already gets another: `undefuser` takes one away.
    """
    return partial(re.compile(_beginning(separators) + _FORMULA).sub, "'")


def undefuser(separators: str) -> Callable[[str], str]:
    """Make the function that gives back the text that a `defuser` of these separators was given."""
    return partial(re.compile(f"{_beginning(separators)}'{_FORMULA}").sub, "")


def _beginning(separators: str) -> str:
    return rf"(?:^|(?<=[{re.escape(separators)}]))"
