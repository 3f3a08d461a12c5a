"""Where an instance tells what happens: `/webhook/set` and `/webhook/find`.

It takes any address, and never says that it cannot reach it. What is not said of the headers stays as it was, and
`events: []` means all. Whoever has the instance's token can read our secret by `find`.
"""

from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from devices.gateway import http
from devices.gateway.base import Hook
from devices.gateway.evolution import connection_state, message_store
from devices.gateway.evolution.instance_calls import Instance

# What is made anything of; each more is a call more for every message.
EVENTS: Final = ("MESSAGES_UPDATE", "MESSAGES_UPSERT", "CONNECTION_UPDATE")


class WebhookSettings:
    """One instance's HookSetting."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance

    def set(self, hook: Hook, timeout_seconds: float) -> str:
        webhook = {
            "enabled": True,
            "url": hook.url,
            "byEvents": False,
            "base64": False,
            "headers": {hook.header: hook.secret},
            "events": list(EVENTS),
        }
        try:
            answer = self._instance.call("POST", "webhook/set", {"webhook": webhook}, timeout_seconds)
        except http.Unreachable as error:
            return error.reason
        said = answer.json()
        if answer.status != 201:
            return _refusal(answer)
        return "" if isinstance(said, dict) and said.get("url") == hook.url else "unexpected_answer"

    def check(self, hook: Hook, timeout_seconds: float) -> str:
        try:
            answer = self._instance.call("GET", "webhook/find", timeout_seconds=timeout_seconds)
        except http.Unreachable as error:
            return error.reason
        return read(answer, hook)

    def has_heard(self, since: datetime) -> bool | None:
        return message_store.has_heard(self._instance, since)


def read(answer: http.Response, hook: Hook) -> str:
    """What `find` says of it. Somebody else's is one that is on, and does not lead to an older address of ours."""
    if answer.status != 200:
        return _refusal(answer)
    row: Any = answer.json()
    if not isinstance(row, dict) or not isinstance(row.get("url"), str) or row.get("enabled") is not True:
        return "hook_missing"
    if row["url"] != hook.url:
        return "hook_missing" if _is_ours(row["url"], hook) else "hook_elsewhere"
    headers = row.get("headers")
    if not isinstance(headers, dict) or headers.get(hook.header) != hook.secret:
        return "hook_header_lost"
    events = row.get("events")
    return "" if isinstance(events, list) and all(event in events for event in EVENTS) else "hook_missing"


def _is_ours(url: str, hook: Hook) -> bool:
    """The same device's, at another address of this server."""
    try:
        return urlsplit(url).path == urlsplit(hook.url).path
    except ValueError:
        return False


def _refusal(answer: http.Response) -> str:
    return "gateway_refused" if answer.status == 400 else connection_state.read(answer).reason or "unexpected_answer"
