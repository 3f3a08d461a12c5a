"""Taking a device out of service, with the reason, and when it is looked at again; a probe (`probes`) brings it back.

Trouble that names no recipient is the device's, or its gateway's, whatever kind of answer it comes as. A device that
comes back from it sends one message first: `trouble_count` stays until a message was accepted, and each time that none
was the next look is longer off. Who sends is not looked at (`heard`).
"""

import random
from collections.abc import Collection
from datetime import timedelta
from typing import Final

from django.db import connection
from django.db.models import Q
from django.db.models.functions import Now

from devices.gateway.base import NO_MESSAGE_ID, DeviceUnavailable, NotSent, OutcomeUnknown, Scope, SendError
from devices.models import Device, DeviceQuerySet
from devices.states import DeviceStatus

# Reasons that only a person can mend; the others may pass by themselves.
FOR_A_PERSON = frozenset(
    {
        "unauthorized",
        "unknown_instance",
        "licence_required",
        "egress_refused",
        "wrong_address",
        "token_unreadable",
        "unknown_provider",
    }
)
# Those that often pass within seconds: a reconnect, a restart, a gateway that is asked too much.
PASSING = frozenset(
    {
        "unreachable",
        "no_answer",
        "gateway_error",
        "unexpected_answer",
        "connection_closed",
        "instance_connecting",
        "instance_not_loaded",
        "rate_limited",
        "number_look_up_failed",
        "media_upload_failed",
    }
)
# What our own client calls a gateway that cannot be reached.
UNREACHABLE = frozenset({"ConnectTimeout", "ConnectionError", "DNSError", "SSLError"})
# Answers after which nobody knows whether a message went out, as reasons; every other is a `gateway_error`.
_DOUBTFUL: Final = {"ReadTimeout": "no_answer", NO_MESSAGE_ID: "unexpected_answer"}
# Not sent, and said of no recipient, though the answer came to one's message.
_OF_NOBODY: Final = frozenset({"number_look_up_failed", "media_upload_failed"})

BACK_OFF_SECONDS: Final = (1.0, 2.0, 5.0, 10.0, 20.0, 40.0, 60.0)
# A device that was well so lately, and is out for what passes, is waited for.
WELL_LATELY: Final = timedelta(minutes=10)
# Likewise one whose link was found closed just now, while it was at work: most are open again in a moment.
CLOSED_JUST_NOW: Final = timedelta(seconds=5)
# Who had messages accepted is told this often, at least; and is not asked how it is until two such times went by.
HEARD_EVERY: Final = timedelta(seconds=30)
HEARD_HOLDS: Final = 2.5 * HEARD_EVERY
# What was said of a device longer ago is an old word.
OLD: Final = HEARD_HOLDS
# Every wait for a look is shorter by up to this part of it, at random: who was made or went out together drifts apart.
SOONER: Final = 0.2


def reason_against(error: SendError) -> str:
    """Why an error speaks against the device it was met with, should others follow it; "" where it does not.

    One whose scope is the account speaks against this device alone, as yet: each of the others meets it by itself.
    Here it will have to speak against them all.
    """
    if error.code in UNREACHABLE:
        return "unreachable"
    match error:
        case DeviceUnavailable():
            return error.code
        case OutcomeUnknown():
            return _DOUBTFUL.get(error.code, "gateway_error")
        case NotSent() if error.scope in {Scope.DEVICE, Scope.ACCOUNT} or error.code in _OF_NOBODY:
            return error.code
    return ""


def back_off(trouble_count: int) -> timedelta:
    """How long after the so-many-eth trouble in a row a device is looked at again."""
    return timedelta(seconds=BACK_OFF_SECONDS[min(max(trouble_count, 1), len(BACK_OFF_SECONDS)) - 1])


def sooner(wait: timedelta) -> timedelta:
    """A wait, or up to a fifth less of it."""
    return wait * (1 - SOONER * random.random())  # noqa: S311 - no secret


def take_out(device_id: int, reason: str, wait: timedelta = timedelta()) -> bool:
    """Give the device no more work until a health check finds it well; False when it was out already.

    `wait`: what its gateway asked for, at least.
    """
    status = DeviceStatus.BLOCKED if reason in FOR_A_PERSON else DeviceStatus.DISCONNECTED
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE devices_device
            SET status = %(status)s, status_reason = %(reason)s, status_checked_at = clock_timestamp(),
                trouble_count = least(trouble_count + 1, cardinality(%(back_off)s::float8[])),
                next_check_at = clock_timestamp() + greatest(
                    %(wait)s,
                    (%(back_off)s::float8[])[least(trouble_count + 1, cardinality(%(back_off)s::float8[]))]
                        * (1 - %(sooner)s * random())
                ) * interval '1 second'
            WHERE id = %(device)s AND status <> %(status)s
            """,
            {
                "status": status,
                "reason": reason,
                "back_off": list(BACK_OFF_SECONDS),
                "wait": wait.total_seconds(),
                "sooner": SOONER,
                "device": device_id,
            },
        )
        return bool(cursor.rowcount)


def is_well(device_id: int) -> None:
    """Note that a message was accepted through a device that came back from trouble."""
    Device.unscoped.filter(pk=device_id, trouble_count__gt=0).update(trouble_count=0)


def heard(device_ids: Collection[int]) -> int:
    """Note that messages were accepted through these devices within HEARD_EVERY; return how many of them are connected.

    What sends well is well: they are not asked how they are for HEARD_HOLDS, or a fifth less. One statement for however
    many; a row that somebody else is writing to is left out. Devices that are out stay so: what they sent was accepted
    before.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE devices_device
            SET last_well_at = clock_timestamp(),
                status_checked_at = greatest(status_checked_at, clock_timestamp() - %(every)s * interval '1 second'),
                next_check_at = greatest(
                    next_check_at, clock_timestamp() + %(holds)s * (1 - %(sooner)s * random()) * interval '1 second'
                )
            WHERE id IN (
                SELECT id FROM devices_device WHERE id = ANY(%(devices)s::bigint[]) AND status = 'connected'
                ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
            )
            """,
            {
                "every": HEARD_EVERY.total_seconds(),
                "holds": HEARD_HOLDS.total_seconds(),
                "sooner": SOONER,
                "devices": list(device_ids),
            },
        )
        return int(cursor.rowcount)


def look_soon(device_ids: Collection[int], after: timedelta = timedelta()) -> int:
    """Have those of the devices looked at within moments whose last word is old; return how many.

    `after`: not before, and spread over as long again. Who is heard from until then is not looked at.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE devices_device
            SET next_check_at = clock_timestamp() + %(after)s * (1 + random()) * interval '1 second'
            WHERE id IN (
                SELECT id FROM devices_device
                WHERE id = ANY(%(devices)s::bigint[]) AND enabled
                  AND greatest(status_checked_at, last_well_at) < clock_timestamp() - %(old)s * interval '1 second'
                  AND next_check_at > clock_timestamp() + 2 * %(after)s * interval '1 second'
                ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
            )
            """,
            {"after": after.total_seconds(), "old": OLD.total_seconds(), "devices": list(device_ids)},
        )
        return int(cursor.rowcount)


def ask_now(device_id: int) -> bool:
    """Have a device asked how it is in the next round, however lately it was."""
    return bool(Device.unscoped.filter(pk=device_id, enabled=True).update(next_check_at=Now()))


def is_back(device_id: int) -> bool:
    """Give a device work again whose link is open by its gateway's word; False where it had never none.

    Not one that is out for what only a person can mend: that its link is open says nothing of it. One that was in
    trouble sends one message first, as ever.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE devices_device
            SET status = 'connected', status_reason = '', status_checked_at = clock_timestamp(),
                last_well_at = clock_timestamp()
            WHERE id = %s AND enabled AND deleted_at IS NULL AND status IN ('connecting', 'disconnected')
            """,
            (device_id,),
        )
        return bool(cursor.rowcount)


def out_by_an_old_word(devices: DeviceQuerySet) -> DeviceQuerySet:
    """Those that are out, as was said of them a while ago: they may be well by now, and nobody has asked."""
    is_out = Q(status__in=[DeviceStatus.DISCONNECTED, DeviceStatus.BLOCKED], status_checked_at__lt=Now() - OLD)
    return devices.present().filter(is_out, enabled=True)


def available_soon(devices: DeviceQuerySet) -> DeviceQuerySet:
    """Those that may be given work, now or within moments."""
    return devices.available() | expected(devices)


# `expected`, as the engine's own statements say it.
EXPECTED: Final = """(
    device.enabled AND device.deleted_at IS NULL AND device.status = 'disconnected' AND (
        device.status_reason = ANY(%(passing)s) AND device.last_well_at >= clock_timestamp() - %(lately)s
        OR device.status_reason = 'instance_closed' AND device.last_well_at >= clock_timestamp() - %(heard)s
            AND device.status_checked_at >= clock_timestamp() - %(just_now)s
    )
)"""
EXPECTED_PARAMETERS: Final = {
    "passing": sorted(PASSING),
    "lately": WELL_LATELY,
    "heard": HEARD_HOLDS,
    "just_now": CLOSED_JUST_NOW,
}


def expected(devices: DeviceQuerySet) -> DeviceQuerySet:
    """Those that are out for what passes, and were well lately: who needs them waits."""
    passes = Q(status_reason__in=PASSING, last_well_at__gte=Now() - WELL_LATELY)
    has_just_closed = Q(
        status_reason="instance_closed",
        last_well_at__gte=Now() - HEARD_HOLDS,
        status_checked_at__gte=Now() - CLOSED_JUST_NOW,
    )
    return devices.present().filter(passes | has_just_closed, enabled=True, status=DeviceStatus.DISCONNECTED)
