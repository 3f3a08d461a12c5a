"""`/instance/…` and `/webhook/…` of Evolution API 2.3.7."""

import uuid
from collections.abc import Mapping
from typing import Any

from devices.simulator.evolution import instances as states
from devices.simulator.evolution import refusals
from devices.simulator.evolution.calls import Call
from devices.simulator.evolution.instances import EVENTS, Instance, Webhook
from devices.simulator.evolution.schemas import check_webhook, is_url
from devices.simulator.evolution.world import LOGGED_OUT
from devices.simulator.serving import wire

_INTEGRATIONS = ("WHATSAPP-BAILEYS", "WHATSAPP-BUSINESS", "EVOLUTION")


def connection_state(call: Call) -> bytes:
    return wire.json_answer(200, call.instance.state_body())


def fetch_instances(call: Call) -> bytes:
    """With the global key all, or those asked for; with an instance's key that instance alone."""
    name, instance_id, number = (call.query.get(each) for each in ("instanceName", "instanceId", "number"))
    found: list[Instance] = [
        instance
        for instance in (call.world.instances if call.has_global_key else call.world.instances.with_token(call.key))
        if name in (None, instance.name) and instance_id in (None, instance.id) and number in (None, instance.phone)
    ]
    if not found and not call.has_global_key:
        return refusals.unauthorized()
    if not found and (name or instance_id or number):
        return refusals.not_found(f'Instance "{name or instance_id or number}" not found')
    ledger = call.world.ledger
    return wire.json_answer(200, [each.as_row(ledger.accepted_by(each.index)) for each in found])


def connect(call: Call) -> bytes:
    instance = call.instance
    if instance.state == states.OPEN:
        return connection_state(call)
    if instance.state == states.NOT_LOADED:
        return wire.json_answer(200, {"error": True, "message": f'The "{instance.name}" instance does not exist'})
    if instance.state == states.CLOSE:
        call.world.show_qr(instance)
    return wire.json_answer(200, instance.qr_body(pairing="number" in call.query))


def create(call: Call) -> bytes:
    """Needs the global key; an existing name was refused before the key was looked at."""
    body = call.body
    integration = body.get("integration")
    if integration not in _INTEGRATIONS:
        return refusals.bad_request("Invalid integration")
    name, token = str(body.get("instanceName") or uuid.uuid4()), str(body.get("token") or "")
    instance = call.world.add_instance(name, token or str(uuid.uuid4()).upper(), str(body.get("number") or ""))
    instance.integration = integration
    instance.state, instance.was_connected = states.CLOSE, False
    asked = body.get("webhook")
    if isinstance(asked, dict) and asked.get("url"):
        instance.webhook = _webhook(asked)
    created = {"instanceName": name, "instanceId": instance.id}
    call.world.webhooks.emit_value(instance, "instance.create", created)
    if body.get("qrcode"):
        call.world.show_qr(instance)
    asked_settings = {key: body.get(key) is True for key in ("rejectCall", "groupsIgnore", "alwaysOnline")}
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
        "sqs": {},
        "settings": {**asked_settings, "msgCall": body.get("msgCall") or ""},
    }
    if body.get("qrcode"):
        answer["qrcode"] = instance.qr_body(pairing=bool(body.get("number")))
    return wire.json_answer(201, answer)


def restart(call: Call) -> bytes:
    instance = call.instance
    if instance.state not in (states.OPEN, states.CONNECTING):
        return wire.json_answer(200, {"error": True, "message": "[object Object]"})
    call.world.restart(instance)
    return connection_state(call)


def logout(call: Call) -> bytes:
    instance = call.instance
    if instance.state == states.CLOSE:
        return refusals.bad_request(f'The "{instance.name}" instance is not connected')
    call.world.webhooks.emit_value(instance, "logout.instance", None)
    call.world.close(instance, LOGGED_OUT)
    return _done("Instance logged out")


def delete(call: Call) -> bytes:
    instance = call.instance
    if instance.state in (states.OPEN, states.CONNECTING):
        call.world.close(instance, LOGGED_OUT)
    deleted = {"instanceName": instance.name, "instanceId": instance.id}
    call.world.webhooks.emit_value(instance, "instance.delete", deleted)
    call.world.remove_instance(instance)
    return _done("Instance deleted")


def set_webhook(call: Call) -> bytes:
    problems = check_webhook(call.body, EVENTS)
    if problems:
        return refusals.invalid(problems)
    asked: Mapping[str, Any] = call.body["webhook"]
    if not is_url(asked["url"], needs_top_level_domain=False):
        return refusals.bad_request('Invalid "url" property')
    if asked["enabled"] and "events" not in asked:
        return refusals.crash("Cannot read properties of undefined (reading 'length')")
    call.instance.webhook = _webhook(asked)
    return wire.json_answer(201, call.instance.webhook.as_row(call.instance.id))


def find_webhook(call: Call) -> bytes:
    webhook = call.instance.webhook
    return wire.json_answer(200, webhook.as_row(call.instance.id) if webhook else None)


def _webhook(asked: Mapping[str, Any]) -> Webhook:
    """No events named means all of them; none at all while it is disabled."""
    enabled = bool(asked.get("enabled", True))
    headers = asked.get("headers")
    return Webhook(
        url=str(asked["url"]),
        enabled=enabled,
        by_events=bool(asked.get("byEvents")),
        base64=bool(asked.get("base64")),
        headers=dict(headers) if isinstance(headers, dict) else {},
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
