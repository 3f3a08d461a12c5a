"""What the pages say of attributes: what they are, how a column of theirs is written, what is doubtful in it."""

from typing import Final

from django.utils.translation import gettext_lazy as _

from jobs.wording.phrase import Phrase

TYPES: Final[dict[str, Phrase]] = {
    "text": _("text"),
    "number": _("number"),
    "boolean": _("yes or no"),
    "date": _("date"),
    "json": "JSON",
    "": _("nothing in it"),
    "mixed": _("of several kinds"),
}

# How numbers and days are written, to follow the type.
READINGS: Final[dict[str, Phrase]] = {
    ",": _("decimals after a comma: 1.234,5"),
    ".": _("decimals after a point: 1,234.5"),
    "dmy": _("day/month/year"),
    "mdy": _("month/day/year"),
}

DOUBTS: Final[dict[str, Phrase]] = {
    "decimal_unclear": _(
        "It looks like numbers, but 1.234 may be a thousand or a little more than one: say which, or it stays text."
    ),
    "order_unclear": _("It looks like dates, but 01/02 may be January or February: say which, or it stays text."),
}
