"""How an instance of Evolution API is, by what it answers to connectionState."""

import json

import pytest

from devices.gateway.base import Link
from devices.gateway.evolution import connection_state
from devices.gateway.http import Response

UNKNOWN_INSTANCE = {"status": 404, "error": "Not Found", "response": {"message": ['The "x" instance does not exist']}}
UNKNOWN_ROUTE = {"status": 404, "error": "Not Found", "response": {"message": ["Cannot GET /instance/x"]}}
UNLICENSED = {"error": "service not activated", "code": "LICENSE_REQUIRED", "register_url": "https://x"}


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, {"instance": {"instanceName": "x", "state": "open"}}, (Link.OPEN, "")),
        (200, {"instance": {"instanceName": "x", "state": "connecting"}}, (Link.OPENING, "instance_connecting")),
        (200, {"instance": {"instanceName": "x", "state": "close"}}, (Link.CLOSED, "instance_closed")),
        (200, {"instance": {"instanceName": "x", "state": "refused"}}, (Link.CLOSED, "instance_closed")),
        (200, {"instance": {"instanceName": "x"}}, (Link.CLOSED, "instance_not_loaded")),
        (200, {"instance": {"state": "brand new"}}, (Link.CLOSED, "unexpected_answer")),
        (200, {"instance": "open"}, (Link.CLOSED, "unexpected_answer")),
        (200, [], (Link.CLOSED, "unexpected_answer")),
        (200, "<html>", (Link.CLOSED, "unexpected_answer")),
        (401, {"status": 401, "error": "Unauthorized"}, (Link.CLOSED, "unauthorized")),
        (404, UNKNOWN_INSTANCE, (Link.CLOSED, "unknown_instance")),
        (404, UNKNOWN_ROUTE, (Link.CLOSED, "wrong_address")),
        (404, "<html>not found</html>", (Link.CLOSED, "wrong_address")),
        (302, "", (Link.CLOSED, "wrong_address")),
        (503, UNLICENSED, (Link.CLOSED, "licence_required")),
        (503, "", (Link.CLOSED, "gateway_error")),
        (500, {"message": "x"}, (Link.CLOSED, "gateway_error")),
        (502, "<html>", (Link.CLOSED, "gateway_error")),
        (429, "", (Link.CLOSED, "gateway_error")),
    ],
)
def test_what_an_answer_means(status, body, expected):
    raw = body if isinstance(body, str) else json.dumps(body)
    found = connection_state.read(Response(status, raw.encode()))
    assert found == expected
