"""How an instance is, by connectionState: the status code and, where it misleads, the body."""

from typing import Final

from devices.gateway import http
from devices.gateway.base import Link, Probe
from devices.gateway.evolution.instance_calls import Instance

STATES: Final = {
    "open": Probe(Link.OPEN),
    "connecting": Probe(Link.OPENING, "instance_connecting"),
    "close": Probe(Link.CLOSED, "instance_closed"),
    "refused": Probe(Link.CLOSED, "instance_closed"),
}


def probe(instance: Instance, timeout_seconds: float) -> Probe:
    try:
        return read(instance.call("GET", "instance/connectionState", timeout_seconds=timeout_seconds))
    except http.Unreachable as error:
        return Probe(Link.CLOSED, error.reason)


def read(answer: http.Response) -> Probe:
    match answer.status:
        case 200:
            return _state(answer.json())
        case 401 | 403:
            return Probe(Link.CLOSED, "unauthorized")
        case 404:
            # A route that does not exist has the same status: then this is no Evolution API.
            unknown_instance = "instance does not exist" in answer.text
            return Probe(Link.CLOSED, "unknown_instance" if unknown_instance else "wrong_address")
        case 503 if "LICENSE_REQUIRED" in answer.text:
            return Probe(Link.CLOSED, "licence_required")
        case status if status >= 500 or status == 429:
            return Probe(Link.CLOSED, "gateway_error")
        case _:
            return Probe(Link.CLOSED, "wrong_address")


def _state(body: object) -> Probe:
    instance = body.get("instance") if isinstance(body, dict) else None
    if not isinstance(instance, dict):
        return Probe(Link.CLOSED, "unexpected_answer")
    if "state" not in instance:  # in the gateway's database, but not in its memory
        return Probe(Link.CLOSED, "instance_not_loaded")
    return STATES.get(str(instance["state"]), Probe(Link.CLOSED, "unexpected_answer"))
