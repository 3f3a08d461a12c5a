"""Webhooks are kept set: whoever's gateway was away when its device was made is told later, and what changed since is
noticed and mended.

A round asks those that are due, few at a time: what could not be set is tried again after a minute, and then seldom;
what is set is looked at every six hours, and at once where PUBLIC_URL is another, something came without our header, or
the device is out for its silence. Where its gateway knows of acknowledgements that did not arrive here, it is not the
link that is dead: the device sends on, and what is wrong is said of its webhook.

Another system's webhook is never replaced by itself. Devices whose gateway is known not to answer are left alone.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import structlog
from django.conf import settings
from django.db import connection

from devices.gateway.base import Hook
from devices.gateway.registry import gateway_for
from devices.health import acknowledgements, breaker
from devices.health.acknowledgements import NO_ACKNOWLEDGEMENT
from devices.models import Acknowledgement, Device
from devices.webhooks import header_secrets, subscribing
from devices.webhooks.subscribing import Agreed

log = structlog.get_logger(__name__)

# Of a device whose gateway answers, with the right key.
ANSWERS: Final = frozenset({"", "instance_connecting", "instance_closed", "instance_not_loaded", NO_ACKNOWLEDGEMENT})
MOST: Final = 40  # a round
AT_ONCE: Final = 8
# Whoever dies while asking leaves it to a later round.
_ASKING: Final = timedelta(minutes=5)


def keep(now: datetime) -> int:
    """See to those whose time has come; return how many were. Not inside a transaction: it may take a minute."""
    _make_rows()
    devices = Device.unscoped.in_bulk(_take(now))
    asked = [_Asked(device, subscribing.hook_of(device), _silent_since(device)) for device in devices.values()]
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="webhooks") as pool:
        for one, found in zip(asked, pool.map(_ask, asked), strict=True):
            _note(one.device, found, now)
    return len(devices)


class _Asked(NamedTuple):
    device: Device
    hook: Hook
    silent_since: datetime | None  # None: it is not out for its silence


class _Found(NamedTuple):
    agreed: Agreed
    link_is_alive: bool = False  # though nothing arrives


def _ask(asked: _Asked) -> _Found:
    """Speaks to the gateway alone."""
    try:
        agreed = subscribing.agree(asked.device, asked.hook)
        if agreed.problem or agreed.was_set or asked.silent_since is None:
            return _Found(agreed)
        setting = gateway_for(asked.device).hook
        return _Found(agreed, link_is_alive=setting is not None and setting.has_heard(asked.silent_since) is True)
    except Exception:
        log.exception("a provider that was asked about a webhook raised", device=asked.device.pk)
        return _Found(Agreed("unexpected_answer"))


def _note(device: Device, found: _Found, now: datetime) -> None:
    agreed = found.agreed._replace(problem="hook_unreached") if found.link_is_alive else found.agreed
    subscribing.note(device, agreed, now)
    if found.link_is_alive:
        log.warning("webhook does not arrive", device=device.pk)
        acknowledgements.watch_no_more(device.pk)
    elif agreed.was_set:
        log.info("webhook set", device=device.pk, problem=agreed.problem)
        if not agreed.problem and device.status_reason == NO_ACKNOWLEDGEMENT:
            # It was not the device that was silent: nothing of it could arrive.
            acknowledgements.try_again(device.pk)
            breaker.ask_now(device.pk)


def _silent_since(device: Device) -> datetime | None:
    if device.status_reason != NO_ACKNOWLEDGEMENT:
        return None
    return Acknowledgement.objects.filter(device=device).values_list("heard_at", flat=True).first()


def _make_rows() -> None:
    for device in Device.unscoped.present().filter(enabled=True, webhook=None).order_by("pk")[:MOST]:
        header_secrets.secret_of(device)


def _take(now: datetime) -> list[int]:
    """Those that are due, which nobody else takes for a while: ids of devices."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE devices_webhook SET look_at = %(now)s + %(asking)s * interval '1 second' WHERE device_id IN (
                SELECT webhook.device_id FROM devices_webhook AS webhook
                    JOIN devices_device AS device ON device.id = webhook.device_id
                WHERE (coalesce(webhook.look_at <= %(now)s, true) OR webhook.public_url <> %(url)s
                        AND coalesce(webhook.looked_at < %(now)s - %(asking)s * interval '1 second', true))
                  AND device.enabled AND device.deleted_at IS NULL
                  AND (device.status = 'connected' OR device.status_reason = ANY(%(answers)s))
                ORDER BY webhook.look_at NULLS FIRST LIMIT %(most)s FOR NO KEY UPDATE OF webhook SKIP LOCKED
            ) RETURNING device_id
            """,
            {
                "now": now,
                "asking": _ASKING.total_seconds(),
                "url": settings.PUBLIC_URL,
                "answers": sorted(ANSWERS),
                "most": MOST,
            },
        )
        return sorted(device_id for (device_id,) in cursor.fetchall())
