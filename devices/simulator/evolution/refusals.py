"""The error bodies of Evolution API 2.3.7 (its `main.ts` and `exceptions/`), and those of a proxy before it."""

import time
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from devices.simulator.evolution.instances import Instance
from devices.simulator.serving import wire


def error(status: int, message: Any, name: str = "") -> bytes:
    """`{"status","error","response":{"message"}}`; what `message` is depends on who raised it."""
    name = name or HTTPStatus(status).phrase
    return wire.json_answer(status, {"status": status, "error": name, "response": {"message": message}})


def bad_request(*messages: Any) -> bytes:
    """A controller's refusal: an array of messages."""
    return error(400, list(messages))


def invalid(messages: Sequence[str]) -> bytes:
    """A body the schema refuses: an array in an array."""
    return error(400, [list(messages)])


def not_found(message: str) -> bytes:
    return error(404, [message])


def unauthorized() -> bytes:
    return error(401, "Unauthorized")


def crash(message: str) -> bytes:
    """An exception nobody caught: its text alone."""
    return error(500, message)


def broken_json(text: str) -> bytes:
    """What Express's own parser says."""
    return error(400, text, "Internal Server Error")


def too_large() -> bytes:
    return error(413, "request entity too large", "Internal Server Error")


def gate_answer(name: str, parameter: float, instance: Instance | None) -> bytes:
    """The response of a fault of `Kind.GATE`; nothing was done."""
    if name == "502":
        return wire.proxy_error(502)
    if name == "403":
        return wire.proxy_error(403)
    if name == "401":
        return unauthorized()
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
