"""What Evolution API's answers to connect, create, logout, restart and webhook/find mean; bodies as real ones were."""

import json
from typing import Any

import pytest

from devices.gateway.base import Hook, Link, LinkCode, Linking, Made
from devices.gateway.evolution import instance_creation, phone_linking, webhook_settings
from devices.gateway.http import Response

QR = "2@ref1x0,M3NFeBjByaDJ45qUTOeUqf1hmEcG1vkFVG7UwAcGLhY=,Y5luKFAKlnALUVgnrGleTcYWcocakFnS6rzSkOLVmI="
SHOWS = {"pairingCode": None, "code": QR, "base64": "data:image/png;base64,x", "count": 1}
UNKNOWN = {"status": 404, "error": "Not Found", "response": {"message": ['The "x" instance does not exist']}}
CLOSED = {"status": 400, "error": "Bad Request", "response": {"message": ['The "x" instance is not connected']}}
TAKEN = {"status": 403, "error": "Forbidden", "response": {"message": ['This name "x" is already in use.']}}
REFUSED = {"status": 401, "error": "Unauthorized", "response": {"message": "Unauthorized"}}


def answer(status: int, body: Any) -> Response:
    return Response(status, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, SHOWS, Linking(Link.OPENING, "", LinkCode(QR))),
        (200, {**SHOWS, "pairingCode": "XAFJ32MQ", "count": 7}, Linking(Link.OPENING, "", LinkCode(QR, "XAFJ32MQ", 7))),
        (200, {**SHOWS, "pairingCode": "<b>12345</b>"}, Linking(Link.OPENING, "", LinkCode(QR))),
        (200, {"count": 0}, Linking(Link.OPENING, "instance_connecting")),
        (200, {"instance": {"instanceName": "x", "state": "open"}}, Linking(Link.OPEN)),
        (
            200,
            {"instance": {"instanceName": "x", "status": "refused"}, "qrcode": {"count": 30}},
            Linking(Link.CLOSED, "instance_closed"),
        ),
        (
            200,
            {"error": True, "message": 'The "x" instance does not exist'},
            Linking(Link.CLOSED, "instance_not_loaded"),
        ),
        (200, {"error": True, "message": "[object Object]"}, Linking(Link.CLOSED, "gateway_error")),
        (200, {**SHOWS, "code": "x" * 1001}, Linking(Link.CLOSED, "unexpected_answer")),
        (200, {**SHOWS, "code": "2@\n"}, Linking(Link.CLOSED, "unexpected_answer")),
        (404, UNKNOWN, Linking(Link.CLOSED, "unknown_instance")),
        (401, REFUSED, Linking(Link.CLOSED, "unauthorized")),
    ],
)
def test_connect(status: int, body: Any, expected: Linking) -> None:
    assert phone_linking.read(answer(status, body)) == expected


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, {"status": "SUCCESS", "error": False, "response": {"message": "Instance logged out"}}, ""),
        (200, {"instance": {"instanceName": "x", "state": "open"}}, ""),  # a restart
        (200, SHOWS, ""),  # one while a code shows
        (200, {"error": True, "message": "[object Object]"}, "not_linked"),  # one of a closed instance
        (400, CLOSED, "not_linked"),
        (400, {"response": {"message": ["Boom"]}}, "gateway_refused"),
        (404, UNKNOWN, "unknown_instance"),
        (404, {"response": {"message": ["Cannot POST /instance/restart/x"]}}, "wrong_address"),  # 1.x has PUT
        (200, {}, "unexpected_answer"),
        (200, "<html>", "unexpected_answer"),
    ],
)
def test_acts(status: int, body: Any, expected: str) -> None:
    assert phone_linking.done(answer(status, body)) == expected


def made(**more: Any) -> dict[str, Any]:
    return {"instance": {"instanceName": "x", "integration": "WHATSAPP-BAILEYS"}, "hash": "C3CCE074-509B", **more}


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (201, made(), Made("C3CCE074-509B")),
        (201, made(hash={"apikey": "OF-1.X"}), Made("OF-1.X")),
        (201, made(instance={"instanceName": "another"}), Made(reason="unexpected_answer")),
        (201, made(hash="two words"), Made(reason="unexpected_answer")),
        (201, made(hash="line\r\nX: y"), Made(reason="unexpected_answer")),
        (403, TAKEN, Made(reason="instance_exists")),
        (401, REFUSED, Made(reason="server_key_refused")),
        (403, "<html>", Made(reason="server_key_refused")),
        (400, {"response": {"message": ["Invalid integration"]}}, Made(reason="gateway_refused")),
        (404, {"response": {"message": ["Cannot POST /instance/create"]}}, Made(reason="wrong_address")),
        (503, {"code": "LICENSE_REQUIRED"}, Made(reason="licence_required")),
    ],
)
def test_create(status: int, body: Any, expected: Made) -> None:
    assert instance_creation.read(answer(status, body), "x") == expected


HOOK = Hook("https://pregonero.example/webhooks/evolution/1", "X-Webhook-Secret", "hush")
ROW = {
    "url": HOOK.url,
    "enabled": True,
    "headers": {HOOK.header: HOOK.secret, "authorization": "Bearer abc"},
    "events": ["CONNECTION_UPDATE", "MESSAGES_UPDATE", "MESSAGES_UPSERT", "SEND_MESSAGE"],
    "webhookByEvents": True,
}


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, ROW, ""),
        (200, None, "hook_missing"),
        (200, {}, "hook_missing"),
        (200, {**ROW, "enabled": False}, "hook_missing"),
        (200, {**ROW, "events": ["MESSAGES_UPDATE"]}, "hook_missing"),
        (200, {**ROW, "headers": None}, "hook_header_lost"),
        (200, {**ROW, "headers": {HOOK.header: "another"}}, "hook_header_lost"),
        (200, {**ROW, "url": "https://n8n.example/hook"}, "hook_elsewhere"),
        (200, {**ROW, "url": "https://before.example/webhooks/evolution/1"}, "hook_missing"),
        (200, {**ROW, "url": "https://[half"}, "hook_elsewhere"),
        (404, UNKNOWN, "unknown_instance"),
        (400, {}, "gateway_refused"),
    ],
)
def test_find(status: int, body: Any, expected: str) -> None:
    assert webhook_settings.read(answer(status, body), HOOK) == expected
