"""What a file needs that somebody will open in a spreadsheet: to be taken for UTF-8, and for no formula."""

import re
from collections.abc import Callable
from functools import partial
from typing import Final

BOM: Final = "\ufeff"  # a spreadsheet takes the file for UTF-8 only with it
# The last four are the full-width forms.
_FORMULA: Final = r"(?=\s*[=+\-@＝＋－＠])"


def defuser(separators: str) -> Callable[[str], str]:
    """Make a function that puts an apostrophe before whatever a spreadsheet may take for a formula in a text.

    A formula begins a cell, or a part of it where the spreadsheet splits at one of `separators` instead of ours.
    """
    return partial(re.compile(rf"(^|[{re.escape(separators)}]){_FORMULA}").sub, r"\1'")
