"""What the pages call the parts of a campaign: its attachment, its recurrence, the days of its sending window."""

from typing import Final

from django.utils.translation import gettext_lazy as _

from jobs.states import MessageKind
from jobs.wording.phrase import Phrase

# What each kind of campaign is: its name, and how to know it.
KINDS: Final[dict[str, tuple[Phrase, Phrase]]] = {
    MessageKind.COMMERCIAL: (
        _("Commercial"),
        _("Offers, promotions, news: whatever invites to buy. Laws ask for consent, hours and a way out."),
    ),
    MessageKind.SERVICE: (
        _("Service"),
        _("Only about what its recipients ordered, booked or asked: no offer stands in it."),
    ),
}

MEDIA: Final[dict[str, Phrase]] = {
    "image": _("image"),
    "video": _("video"),
    "audio": _("audio"),
    "document": _("document"),
}

RECURRENCES: Final[dict[str, Phrase]] = {
    "": _("Once"),
    "daily": _("Every day"),
    "weekly": _("Every week, on that weekday"),
    "monthly": _("Every month, on that day"),
    "cron": _("By a cron expression"),
}

WEEKDAYS: Final[tuple[Phrase, ...]] = (
    _("Mon"),
    _("Tue"),
    _("Wed"),
    _("Thu"),
    _("Fri"),
    _("Sat"),
    _("Sun"),
)
