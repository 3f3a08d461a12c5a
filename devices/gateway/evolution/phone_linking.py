"""Linking an instance to a phone: connect, logout, restart and delete of `/instance/`.

The first code takes `connect` two seconds; while one shows it answers with it at once, and a new one comes every 45 s,
up to thirty (QRCODE_LIMIT). Its failures are 200s that say `error`.
"""

import re
from datetime import timedelta
from typing import Any, Final

from devices.gateway import http
from devices.gateway.base import Link, LinkCode, Linking, Probe
from devices.gateway.evolution import connection_state
from devices.gateway.evolution.instance_calls import Instance

MAX_QR: Final = 1_000  # characters; real ones have some 240, and a QR code holds 2,331 of them
_TYPED: Final = re.compile(r"[A-Z0-9]{8}")
_MOST_CODES: Final = 10_000
_NOT_SHOWN_YET: Final = "instance_connecting"


class PhoneLinking:
    """One instance's Linker."""

    code_lives = timedelta(seconds=45)

    def __init__(self, instance: Instance) -> None:
        self._instance = instance

    def start(self, number: str, timeout_seconds: float) -> Linking:
        digits = number.removeprefix("+")
        try:
            answer = self._instance.call(
                "GET",
                "instance/connect",
                timeout_seconds=timeout_seconds,
                query=f"number={digits}" if digits.isascii() and digits.isdigit() else "",
            )
        except http.Unreachable as error:
            return Linking(Link.CLOSED, error.reason)
        return read(answer)

    def look(self, timeout_seconds: float) -> Linking:
        # `connect` would begin anew where it has ended: it is asked only where one shows.
        said = connection_state.probe(self._instance, timeout_seconds)
        return self.start("", timeout_seconds) if said.link is Link.OPENING else _without_code(said)

    def log_out(self, timeout_seconds: float) -> str:
        return self._do("DELETE", "instance/logout", timeout_seconds)

    def restart(self, timeout_seconds: float) -> str:
        return self._do("POST", "instance/restart", timeout_seconds)

    def delete(self, timeout_seconds: float) -> str:
        reason = self._do("DELETE", "instance/delete", timeout_seconds)
        return "" if reason == "unknown_instance" else reason

    def _do(self, method: str, action: str, timeout_seconds: float) -> str:
        try:
            return done(self._instance.call(method, action, timeout_seconds=timeout_seconds))
        except http.Unreachable as error:
            return error.reason


def read(answer: http.Response) -> Linking:
    """What `connect` says: a code, or why there is none."""
    said = answer.json()
    if answer.status != 200 or not isinstance(said, dict):
        return _without_code(connection_state.read(answer))
    if isinstance(instance := said.get("instance"), dict):
        status = instance.get("status")  # so it calls the state of one that shows no code any more
        if "state" not in instance and isinstance(status, str) and status in connection_state.STATES:
            return _without_code(connection_state.STATES[status])
        return _without_code(connection_state.read(answer))
    if said.get("error"):
        return Linking(Link.CLOSED, "instance_not_loaded" if "does not exist" in answer.text else "gateway_error")
    if "code" not in said:
        is_starting = "count" in said  # nothing but {"count": 0} before the first
        return Linking(Link.OPENING, _NOT_SHOWN_YET) if is_starting else Linking(Link.CLOSED, "unexpected_answer")
    code = _code(said)
    return Linking(Link.CLOSED, "unexpected_answer") if code is None else Linking(Link.OPENING, "", code)


def done(answer: http.Response) -> str:
    """What the others say: "" where it is done. A restart answers with the state, or with the code that shows."""
    said = answer.json()
    if answer.status in {200, 201} and isinstance(said, dict):
        if said.get("error"):
            return "not_linked"
        is_known = said.get("error") is False or "count" in said or isinstance(said.get("instance"), dict)
        return "" if is_known else "unexpected_answer"
    if answer.status == 400:
        return "not_linked" if "is not connected" in answer.text else "gateway_refused"
    return connection_state.read(answer).reason or "unexpected_answer"


def _code(said: dict[str, Any]) -> LinkCode | None:
    """Nothing of it is believed but what can be drawn and typed."""
    qr, typed, count = said["code"], said.get("pairingCode"), said.get("count")
    if not isinstance(qr, str) or not 0 < len(qr) <= MAX_QR or not qr.isascii() or not qr.isprintable():
        return None
    return LinkCode(
        qr,
        typed if isinstance(typed, str) and _TYPED.fullmatch(typed) else "",
        count if type(count) is int and 0 < count <= _MOST_CODES else 1,
    )


def _without_code(said: Probe) -> Linking:
    return Linking(said.link, said.reason)
