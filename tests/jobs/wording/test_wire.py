"""Every code that goes out has its Spanish sentence."""

import ast
from pathlib import Path

import pytest
from django.conf import settings

from jobs.wording import reasons, wire

ERRORS = {"Rejected", "NotSent", "DeviceUnavailable", "OutcomeUnknown"}


def gateway_codes() -> set[str]:
    """Every code that stands in the gateway's source beside one of its errors, or in the transport's table."""
    codes = set()
    gateway = Path(settings.BASE_DIR) / "devices" / "gateway"
    for file in [gateway / "base.py", gateway / "transport.py", *gateway.glob("*/*.py")]:
        tree = ast.parse(file.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ERRORS:
                codes |= {leaf.value for leaf in ast.walk(node.args[0]) if isinstance(leaf, ast.Constant)}
            elif isinstance(node, ast.Tuple) and any(getattr(item, "id", "") in ERRORS for item in node.elts):
                codes.add(node.elts[-1].value)
            elif isinstance(node, ast.Dict) and file.name == "transport.py":
                codes |= {value.value for value in node.values if isinstance(value, ast.Constant)}
    return {code for code in codes if isinstance(code, str)}


def test_whatever_the_gateway_says_can_be_told():
    codes = gateway_codes()
    assert {"not_on_whatsapp", "not_connected", "rate_limited", "DNSError"} <= codes
    assert codes - set(wire.RECIPIENT_ERRORS) == set()


def test_whatever_ends_a_job_can_be_told_of_its_recipients():
    assert {reasons.FILE_LOST, reasons.NO_DEVICES} <= set(wire.RECIPIENT_ERRORS)


def test_no_reason_promises_a_retry_to_who_has_had_the_last():
    assert not [reason for reason in wire.RECIPIENT_ERRORS.values() if "reintenta" in reason]


def test_a_code_of_tomorrow_has_a_sentence_too():
    assert wire.recipient_error("something_new") == "No se pudo enviar el mensaje."
    assert wire.recipient_error("") == ""


@pytest.mark.parametrize("code", wire.REFUSALS)
def test_every_refusal_says_something_and_has_no_gap_left(code):
    error = wire.refusal(code, limit=1, low=1, high=2, choices="a, b", status="x")
    assert error.status_code in {400, 404, 409, 413}
    assert error.message
    assert not {"{", "}"} & set(error.message)


def test_every_problem_of_a_line_has_a_sentence():
    assert set(wire.LINES) - set(wire.REFUSALS) == {"invalid_number"}
