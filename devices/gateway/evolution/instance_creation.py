"""Making an instance, by `/instance/create`, which asks for the server's own key.

Its token is the server's to choose: two instances that share one are taken for each other.
"""

from typing import Any, Final

from devices.gateway import http
from devices.gateway.base import Made
from devices.gateway.evolution import connection_state
from devices.gateway.evolution.instance_calls import Instance
from devices.gateway.evolution.phone_linking import PhoneLinking

INTEGRATION: Final = "WHATSAPP-BAILEYS"
MAX_TOKEN: Final = 500  # characters, as of Device.token


def create(server: Instance, timeout_seconds: float) -> Made:
    """Make the instance that `server` names; its key is the server's. Never raises.

    Where the answer is none that we can use, what it made is taken away again: nobody would know its token.
    """
    body = {"instanceName": server.name, "integration": INTEGRATION, "qrcode": False}
    try:
        answer = server.call_server("POST", "instance/create", body, timeout_seconds)
    except http.Unreachable as error:
        return Made(reason=error.reason)
    made = read(answer, server.name)
    if made.reason == "unexpected_answer" and answer.status == 201:
        PhoneLinking(server).delete(timeout_seconds)
    return made


def read(answer: http.Response, name: str) -> Made:
    match answer.status:
        case 201:
            token = _token(answer.json(), name)
            return Made(token) if token else Made(reason="unexpected_answer")
        case 403 if "already in use" in answer.text:
            return Made(reason="instance_exists")
        case 401 | 403:
            return Made(reason="server_key_refused")
        case 400:
            return Made(reason="gateway_refused")
        case _:
            return Made(reason=connection_state.read(answer).reason or "unexpected_answer")


def _token(said: Any, name: str) -> str:
    """2.x's hash is the token, 1.x's holds it; "" where it is none that could go into a header, or another's."""
    if not isinstance(said, dict) or not isinstance(said.get("instance"), dict):
        return ""
    held = said.get("hash")
    token = held.get("apikey") if isinstance(held, dict) else held
    is_usable = isinstance(token, str) and 0 < len(token) <= MAX_TOKEN and token.isascii() and token.isprintable()
    return str(token) if is_usable and " " not in str(token) and said["instance"].get("instanceName") == name else ""
