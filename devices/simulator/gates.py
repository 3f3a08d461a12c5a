"""Answers that need no instance, no body and no luck: those of a proxy, a licence check, a changed key."""

import time

from devices.simulator import wire
from devices.simulator.instances import Instance


def gate_answer(name: str, parameter: float, instance: Instance | None) -> bytes:
    """The response of a fault of `Kind.GATE`; nothing was done."""
    if name == "502":
        return wire.proxy_error(502)
    if name == "401":
        return wire.unauthorized()
    if name == "license":
        # Evolution API 2.4.0-rc `licensing/runtime.ts`: every call, until the operator activates it
        body = {
            "error": "service not activated",
            "code": "LICENSE_REQUIRED",
            "register_url": "https://license.example.com/register",
            "instance_id": instance.id if instance else None,
        }
        return wire.json_answer(503, body)
    as_date = name == "429-date"
    return wire.proxy_error(429, wire.retry_after(parameter, time.time(), as_date=as_date))
