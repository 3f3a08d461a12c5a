"""Tickets: how a browser on another origin opens a WebSocket, where it can send neither header nor cookie.

A ticket opens one connection within 30 seconds. Redis keeps its hash only, and forgets it when it is used.
"""

import hashlib
import secrets
from typing import Final

from django.conf import settings
from redis import Redis

from accounts.access.memberships import choose_membership
from accounts.models import Membership, User

LIFETIME_SECONDS: Final = 30


def issue(membership: Membership) -> str:
    """Make a ticket in the name of this member."""
    ticket = secrets.token_urlsafe(32)
    value = f"{membership.user_id}:{membership.account_id}"
    with Redis.from_url(settings.REDIS_URL) as redis:
        redis.set(_key(ticket), value, ex=LIFETIME_SECONDS)
    return ticket


def redeem(ticket: str) -> Membership | None:
    """Use a ticket up; return the membership it stands for. None when it is unknown, used or too old."""
    with Redis.from_url(settings.REDIS_URL) as redis:
        value = redis.getdel(_key(ticket))
    if not isinstance(value, bytes):
        return None
    user_id, account_id = (int(part) for part in value.split(b":"))
    membership = choose_membership(User.objects.filter(pk=user_id).first(), account_id)
    # A member who was removed in those seconds would otherwise find themselves in another account.
    return membership if membership is not None and membership.account_id == account_id else None


def _key(ticket: str) -> str:
    return "pregonero:ws-ticket:" + hashlib.sha256(ticket.encode()).hexdigest()
