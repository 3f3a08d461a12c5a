"""`/instance/…` and `/webhook/…` of Evolution API 2.3.7."""

import re
import uuid
from collections.abc import Mapping
from typing import Any, Final

from devices.simulator.evolution import instances as states
from devices.simulator.evolution import refusals
from devices.simulator.evolution.calls import Call
from devices.simulator.evolution.instances import EVENTS, Instance, Webhook
from devices.simulator.evolution.schemas import check_webhook
from devices.simulator.evolution.world import LOGGED_OUT
from devices.simulator.serving import wire

_INTEGRATIONS = ("WHATSAPP-BAILEYS", "WHATSAPP-BUSINESS", "EVOLUTION")
_PHONE: Final = re.compile(r"\d+[.@\w-]+", re.ASCII)
_DELETED_SECONDS: Final = 0.15  # for so long a deleted instance is still known, unloaded
_CREATE_WAITS: Final = 2.6  # `create` with a QR code takes so many times as long as `connect`


def connection_state(call: Call) -> bytes:
    return wire.json_answer(200, call.instance.state_body())


def fetch_instances(call: Call) -> bytes | None:
    """With the global key all, or those asked for; with an instance's key those that have it. From the database."""
    plan = call.world.plan_for(None)
    if plan.has("list-refused"):
        return wire.proxy_error(403)
    found = _listed(call)
    if isinstance(found, bytes):
        return found
    ledger = call.world.ledger
    rows = [each.as_row(ledger.accepted_by(each.index)) for each in found]
    if rows and (size := int(plan.has("giant-list") or 0)):
        rows[0]["disconnectionObject"] = "x" * size
    answer = wire.json_answer(200, rows)
    if not (milliseconds := plan.has("slow-list")):
        return answer
    call.world.loop.call_later(milliseconds / 1000, lambda: call.request.answer(answer))
    return None


def _listed(call: Call) -> list[Instance] | bytes:
    """The instances asked for, or the refusal. One that is asked for by itself must be loaded."""
    name, instance_id, number = (call.query.get(each) for each in ("instanceName", "instanceId", "number"))
    if call.has_global_key:
        asked = name or instance_id or number
        found = [
            instance
            for instance in call.world.instances
            if name in (None, instance.name) and instance_id in (None, instance.id) and number in (None, instance.phone)
        ]
        if asked and (not found or found[0].state == states.NOT_LOADED):
            return refusals.not_found(f'Instance "{asked}" not found')
        return found
    found = [
        instance
        for instance in call.world.instances.with_token(call.key)
        if name in (None, instance.name) and instance_id in (None, instance.id)
    ]
    if not found:
        return refusals.unauthorized()
    if missing := [instance.name for instance in found if instance.state == states.NOT_LOADED]:
        return refusals.not_found(f'Instance{"s" if len(missing) > 1 else ""} "{", ".join(missing)}" not found')
    return found


def connect(call: Call) -> bytes | None:
    """Shows a QR code after a while; one that is shown already at once, unless a pairing code is asked for."""
    instance, world = call.instance, call.world
    if instance.state == states.OPEN:
        return connection_state(call)
    if instance.state == states.NOT_LOADED:
        return wire.json_answer(200, {"error": True, "message": f'The "{instance.name}" instance does not exist'})
    wants_code = bool(call.query.get("number"))
    if instance.state == states.CONNECTING and not wants_code:
        return wire.json_answer(200, instance.qr_body())
    instance.wants_pairing_code = wants_code
    world.show_qr(instance)
    world.loop.call_later(world.options.qr_seconds, lambda: call.request.answer(_qr_or_state(instance)))
    return None


def _qr_or_state(instance: Instance) -> bytes:
    """The code; where it was scanned meanwhile, the state."""
    return wire.json_answer(200, instance.state_body() if instance.state == states.OPEN else instance.qr_body())


def create(call: Call) -> bytes | None:
    """Needs the global key; an existing name was refused before the key was looked at."""
    body = call.body
    number = body.get("number", "")
    if not isinstance(number, str):
        return refusals.invalid(["number is not of a type(s) string"])
    if "number" in body and _PHONE.match(number) is None:
        return refusals.invalid(['number does not match pattern "^\\\\d+[\\\\.@\\\\w-]+"'])
    integration = body.get("integration")
    if integration not in _INTEGRATIONS:
        return refusals.bad_request("Invalid integration")
    name, token = str(body.get("instanceName", "")), str(body.get("token") or "")
    instance = call.world.add_instance(name, token or str(uuid.uuid4()).upper(), number)
    instance.integration = integration
    instance.state, instance.was_connected = states.CLOSE, False
    asked = body.get("webhook")
    if isinstance(asked, dict) and asked.get("url"):
        instance.webhook = _webhook(asked, None)
    created = {"instanceName": name, "instanceId": instance.id}
    call.world.webhooks.emit_value(instance, "instance.create", created)
    if body.get("qrcode"):
        instance.wants_pairing_code = bool(number)
        call.world.show_qr(instance)
    answer = {
        "instance": {
            **created,
            "integration": integration,
            "webhookWaBusiness": None,
            "accessTokenWaBusiness": "",
            "status": instance.state,
        },
        "hash": instance.token,
        "webhook": _summary(instance.webhook),
        "websocket": {},
        "rabbitmq": {},
        "nats": {},
        "sqs": {},
        "settings": states.settings(body),
    }
    if not body.get("qrcode"):
        return wire.json_answer(201, answer)

    def answer_with_code() -> None:
        call.request.answer(wire.json_answer(201, {**answer, "qrcode": instance.qr_body()}))

    call.world.loop.call_later(call.world.options.qr_seconds * _CREATE_WAITS, answer_with_code)
    return None


def restart(call: Call) -> bytes:
    """Answers at once with what was before: the QR code that it shows, or `open`."""
    instance = call.instance
    if instance.state not in (states.OPEN, states.CONNECTING):
        return wire.json_answer(200, {"error": True, "message": "[object Object]"})
    answer = _qr_or_state(instance)
    if instance.state == states.OPEN:
        call.world.reconnect(instance)
    return answer


def logout(call: Call) -> bytes:
    instance = call.instance
    if instance.state == states.CLOSE or instance.qr_count:
        return refusals.bad_request(f'The "{instance.name}" instance is not connected')
    call.world.close(instance, LOGGED_OUT)
    return _done("Instance logged out")


def delete(call: Call) -> bytes:
    """One that was connecting is known for a moment longer, and may send a stray event."""
    instance, world = call.instance, call.world
    was_connecting = instance.state == states.CONNECTING
    if instance.state == states.OPEN:
        world.close(instance, LOGGED_OUT)
    deleted = {"instanceName": instance.name, "instanceId": instance.id}
    world.webhooks.emit_value(instance, "instance.delete", deleted)
    if was_connecting:
        world.linger(instance, _DELETED_SECONDS)
    else:
        world.remove_instance(instance)
    return _done("Instance deleted")


def set_webhook(call: Call) -> bytes:
    """Any url is taken, also one that nobody can call. What is not said of its headers stays as it was."""
    problems = check_webhook(call.body, EVENTS)
    if problems:
        return refusals.invalid(problems)
    asked: Mapping[str, Any] = call.body["webhook"]
    if asked["enabled"] and "events" not in asked:
        return refusals.crash("Cannot read properties of undefined (reading 'length')")
    call.instance.webhook = _webhook(asked, call.instance.webhook)
    return wire.json_answer(201, call.instance.webhook.as_row(call.instance.id))


def find_webhook(call: Call) -> bytes:
    webhook = call.instance.webhook
    return wire.json_answer(200, webhook.as_row(call.instance.id) if webhook else None)


def _webhook(asked: Mapping[str, Any], before: Webhook | None) -> Webhook:
    """No events named means all of them; none at all while it is disabled."""
    enabled = bool(asked.get("enabled", True))
    headers = asked.get("headers")
    kept = {} if before is None else before.headers
    return Webhook(
        url=str(asked["url"]),
        enabled=enabled,
        by_events=bool(asked.get("byEvents", before is not None and before.by_events)),
        base64=bool(asked.get("base64", before is not None and before.base64)),
        headers=dict(headers) if isinstance(headers, dict) else kept,
        events=frozenset((asked.get("events") or EVENTS) if enabled else ()),
    )


def _summary(webhook: Webhook | None) -> dict[str, Any]:
    if webhook is None:
        return {}
    return {
        "webhookUrl": webhook.url,
        "webhookHeaders": webhook.headers,
        "webhookByEvents": webhook.by_events,
        "webhookBase64": webhook.base64,
    }


def _done(message: str) -> bytes:
    return wire.json_answer(200, {"status": "SUCCESS", "error": False, "response": {"message": message}})
