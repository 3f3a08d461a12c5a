"""One person's notifications in one account: what is unread, what has been read, what goes."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone

from accounts.models import Account, User
from campaigns.live import changes
from campaigns.models import Notification

KEPT: Final = timedelta(days=90)  # after it was read
COUNTED_AT_MOST: Final = 100  # the bell says "99+"


def unread_count(account: Account | int, user: User | int) -> int:
    """How many this person has not read; not more than COUNTED_AT_MOST are counted."""
    found = Notification.objects.for_account(account).filter(user=user).unread()
    return int(found.order_by()[:COUNTED_AT_MOST].count())


def mark_read(account: Account, user: User, ids: Iterable[int] | None) -> int:
    """Mark these as read, or all for None. Another's ids change nothing. Returns how many were unread."""
    found = Notification.unscoped.of(account, user).unread()
    if ids is not None:
        found = found.filter(pk__in=list(ids))
    return int(found.update(read_at=timezone.now()))


def tell_live(told: Notification) -> None:
    """Tell the person's open pages. After the commit that made it."""
    changes.notified(told, unread_count(told.account_id, told.user_id))


def delete_old(now: datetime) -> int:
    """Delete what was read longer ago than KEPT; what is unread stays."""
    deleted, _ = Notification.unscoped.filter(read_at__lt=now - KEPT).delete()
    return int(deleted)
