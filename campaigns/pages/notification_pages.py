"""What the bell and the page of notifications show. `notification_admin` decides whose."""

from typing import Any

from django.utils.translation import gettext as _

from accounts.models import Account, User
from campaigns.models import Notification
from campaigns.notices import inbox
from campaigns.wording import campaign_notes


def shown(notifications: list[Notification]) -> list[dict[str, Any]]:
    """Notifications in the reader's words."""
    return [
        {
            "row": told,
            "title": campaign_notes.shown_title(told.code, told.details),
            "text": campaign_notes.shown_text(told.code, told.details),
        }
        for told in notifications
    ]


def bell(account: Account, user: User) -> dict[str, Any]:
    """How the bell looks: {"unread", "badge": "" | "3" | "99+", "label"}."""
    unread = inbox.unread_count(account, user)
    badge = "" if not unread else "99+" if unread >= inbox.COUNTED_AT_MOST else str(unread)
    label = _("Notifications: %(count)s unread") % {"count": badge} if badge else _("Notifications")
    return {"unread": unread, "badge": badge, "label": label}
