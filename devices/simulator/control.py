"""`/_simulator/…`: what a test, a demo or a rehearsal asks of the simulator itself. No key is needed."""

from collections.abc import Callable, Mapping
from typing import Any

from devices.simulator.evolution import instances as states
from devices.simulator.evolution import numbers
from devices.simulator.evolution.calls import Call
from devices.simulator.evolution.instances import Instance
from devices.simulator.evolution.world import LOGGED_OUT, World
from devices.simulator.faults import FAULTS, FaultError, FaultPlan, Rule, parse_rule, parse_spec
from devices.simulator.ledger import STATUSES
from devices.simulator.serving import bodies, wire
from devices.simulator.serving.server import Request

TIMELINE_LIMIT = 100_000
ENTRIES_LIMIT = 100_000
ARRIVALS_LIMIT = 20_000  # each delays what is being answered meanwhile by some microseconds
_ENTRIES = 1_000
_LONGEST_SHOWN_BODY = 65_536  # bytes


class ControlError(ValueError):
    """A call to the simulator that makes no sense; answered with 400 and the text."""


def serve(world: World, request: Request) -> None:
    """Raises BrokenBody."""
    path, query = request.path_and_query()
    request.answer(_answer(Call(world, request, query, bodies.read(request), "", None), path))


def _answer(call: Call, path: str) -> bytes:
    act = _ROUTES.get((call.request.method.decode(), path.removeprefix("/_simulator").rstrip("/")))
    if act is None:
        routes = [f"{method} /_simulator{tail}" for method, tail in _ROUTES]
        return wire.json_answer(404, {"error": "no such simulator call", "calls": routes})
    try:
        return wire.json_answer(200, act(call))
    except (ControlError, FaultError, KeyError, TypeError, ValueError) as problem:
        return wire.json_answer(400, {"error": str(problem)})


def _show_ledger(call: Call) -> Any:
    world, ledger = call.world, call.world.ledger
    shown: dict[str, Any] = {
        "accepted": ledger.accepted,
        "distinct": ledger.distinct,
        "duplicates": ledger.accepted - ledger.distinct,
        "requests": world.requests,
        "by_instance": {
            instance.name: {"accepted": ledger.accepted_by(instance.index), "requests": instance.requests}
            for instance in world.instances
        },
        "faults": dict(call.world.triggered),
        "webhooks": world.postman.as_json(),
    }
    if call.query.get("entries", "0") not in ("", "0"):
        limit = min(int(call.query.get("limit", _ENTRIES)), ENTRIES_LIMIT)
        shown["entries"] = [
            {
                "number": number,
                "text": text,
                "count": count,
                "instance": world.instances.name_of(instance),
                "first_at": first_at,
                "last_at": last_at,
            }
            for number, text, count, instance, first_at, last_at in ledger.entries(
                int(call.query.get("offset", 0)), limit
            )
        ]
    return shown


def _reset_ledger(call: Call) -> Any:
    call.world.reset_counts()
    return _show_ledger(call)


def _renew(call: Call) -> Any:
    call.world.renew()
    return _show_ledger(call)


def _timeline(call: Call) -> Any:
    name = call.query.get("instance")
    index = _instance(call, name).index if name else None
    return call.world.ledger.times(index, min(int(call.query.get("limit", TIMELINE_LIMIT)), TIMELINE_LIMIT))


def _arrivals(call: Call) -> Any:
    instances, ledger = call.world.instances, call.world.ledger
    limit = min(int(call.query.get("limit", ARRIVALS_LIMIT)), ARRIVALS_LIMIT)
    return [
        (at, instances.name_of(instance), port)
        for at, instance, port in ledger.arrivals(int(call.query.get("offset", 0)), limit)
    ]


def _show_faults(call: Call) -> Any:
    return {
        "faults": _in_force(call.world.plans[""]),
        "by_instance": {name: _in_force(plan) for name, plan in call.world.plans.items() if name},
        "triggered": dict(call.world.triggered),
        "known": {
            fault.name: {"suffix": fault.suffix, "parameter": fault.parameter, "meaning": fault.meaning}
            for fault in FAULTS.values()
        },
    }


def _set_faults(call: Call) -> Any:
    """`{"accept-then-hang": 0.05, "429": "0.1:30", "zombie": {"rate": 1, "times": 3}}`, or `{"spec": "…"}`.

    Replaces all faults, or with `?instance=` those of one instance.
    """
    if "spec" in call.body:
        rules = parse_spec(str(call.body["spec"]))
    else:
        rules = {"": [_rule(fault, given) for fault, given in call.body.items()]}
    if call.query.get("instance"):
        call.world.set_faults_of(_instance(call, call.query["instance"]), rules.get("", []))
    else:
        call.world.set_faults(rules)
    return _show_faults(call)


def _in_force(plan: FaultPlan) -> dict[str, str]:
    return {rule.fault.name: str(rule) for rule in plan.rules}


def _rule(fault: str, given: Any) -> Rule:
    if isinstance(given, dict):
        text = _rate(given.get("rate", 1))
        if "parameter" in given:
            text += f":{given['parameter']}"
        if "times" in given:
            text += f"x{given['times']}"
    else:
        text = _rate(given)
    return parse_rule(f"{fault}={text}")[0]


def _rate(given: Any) -> str:
    return given if isinstance(given, str) else f"{given:.6f}"


def _clear_faults(call: Call) -> Any:
    call.world.set_faults({})
    return _show_faults(call)


def _requests(call: Call) -> Any:
    kept = list(call.world.last_requests)[-int(call.query.get("limit", 50)) :]
    return [
        {
            "method": request.method.decode(),
            "path": request.target.decode("utf-8", "replace"),
            "headers": {name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers.items()},
            "body": request.body[:_LONGEST_SHOWN_BODY].decode("utf-8", "replace"),
        }
        for request in kept
    ]


def _show_instances(call: Call) -> Any:
    return [_as_json(instance) for instance in call.world.instances]


def _set_instance(call: Call) -> Any:
    """`{"instance": NAME, "state": "open|connecting|close|not-loaded"[, "reason": 401][, "token": …]}`."""
    instance = _instance(call, call.body.get("instance"))
    state = call.body.get("state", instance.state)
    if state not in states.STATES:
        raise ControlError(f"state is one of {', '.join(states.STATES)}")
    if state != instance.state:
        if state == states.OPEN:
            call.world.open(instance)
        elif state == states.CLOSE:
            call.world.close(instance, int(call.body.get("reason", LOGGED_OUT)))
        else:
            instance.state = state
    instance.set_token(str(call.body.get("token", instance.token)))
    return _as_json(instance)


def _scan(call: Call) -> Any:
    """`{"instance": NAME[, "code": …][, "passkey": true]}`: scan the code that shows, or type the pairing code."""
    instance = _instance(call, call.body.get("instance"))
    has_passkey = call.body.get("passkey") is True
    said = call.world.scan(instance, str(call.body.get("code", "")), has_passkey=has_passkey)
    return {"instance": instance.name, "said": said}


def _incoming(call: Call) -> Any:
    """`{"instance": NAME, "number": digits or jid, "text": "STOP"[, "lid": …][, "at": seconds]}`: a message to it."""
    instance = _instance(call, call.body.get("instance"))
    text, lid, at = str(call.body.get("text", "STOP")), str(call.body.get("lid", "")), call.body.get("at")
    call.world.receipts.reply(instance, str(call.body["number"]), text, lid, None if at is None else float(at))
    return {"instance": instance.name}


def _receipt(call: Call) -> Any:
    """`{"instance": NAME, "id": key.id, "status": "READ"}`: a receipt out of turn, also for unknown ids."""
    instance = _instance(call, call.body.get("instance"))
    message_id, status = str(call.body["id"]), str(call.body.get("status", "DELIVERY_ACK"))
    if status not in STATUSES:
        raise ControlError(f"status is one of {', '.join(STATUSES)}")
    ledger = call.world.ledger
    row = ledger.row_of(message_id)
    jid = numbers.create_jid(str(call.body.get("number", "")) if row is None else ledger.number(row))
    call.world.receipts.report(instance, -1 if row is None else row, jid, message_id, status)
    return {"instance": instance.name, "known": row is not None}


def _away(call: Call) -> Any:
    """`{"seconds": 150}`: refuse every connection for so long; what was accepted stays known."""
    seconds = float(call.body["seconds"])
    call.world.leave(seconds)
    return {"seconds": seconds}


def _instance(call: Call, name: Any) -> Instance:
    found = call.world.instances.get(str(name))
    if found is None:
        raise ControlError(f"there is no instance {name!r}")
    return found


def _as_json(instance: Instance) -> Mapping[str, Any]:
    return {
        "name": instance.name,
        "token": instance.token,
        "state": instance.state,
        "phone": instance.phone,
        "webhook": instance.webhook.url if instance.webhook else None,
    }


_ROUTES: dict[tuple[str, str], Callable[[Call], Any]] = {
    ("GET", "/ledger"): _show_ledger,
    ("DELETE", "/ledger"): _reset_ledger,
    ("POST", "/renew"): _renew,
    ("GET", "/timeline"): _timeline,
    ("GET", "/arrivals"): _arrivals,
    ("GET", "/faults"): _show_faults,
    ("POST", "/faults"): _set_faults,
    ("DELETE", "/faults"): _clear_faults,
    ("GET", "/requests"): _requests,
    ("GET", "/instances"): _show_instances,
    ("POST", "/instances"): _set_instance,
    ("POST", "/scan"): _scan,
    ("POST", "/incoming"): _incoming,
    ("POST", "/receipt"): _receipt,
    ("POST", "/away"): _away,
}
