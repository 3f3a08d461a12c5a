"""Every code that goes out has its Spanish sentence, and a sentence for the person in front of the page."""

import ast
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import translation

from jobs.wording import job_reasons, recipient_errors
from jobs.wording.line_problems import LINE_PROBLEMS
from jobs.wording.phone_problems import PHONE_PROBLEMS
from jobs.wording.recipient_errors import RECIPIENT_ERRORS
from jobs.wording.refusals import FROM_IN_FRONT, REFUSALS, refusal

ERRORS = {"Rejected", "NotSent", "DeviceUnavailable", "OutcomeUnknown"}
# Of lists, ids and actions in an address or a call, which a page does not let anybody get wrong.
ONLY_FOR_PROGRAMS = {
    "idempotency_key_invalid",
    "limit_invalid",
    "before_invalid",
    "status_invalid",
    "state_invalid",
    "receipt_invalid",
    "cursor_invalid",
    "job_not_found",
    "impossible_move",
    "resolution_invalid",
    "positions_invalid",
}
ON_THE_WIRE = list(REFUSALS)


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
    assert codes - set(RECIPIENT_ERRORS) == set()


def test_whatever_ends_a_job_can_be_told_of_its_recipients():
    assert {job_reasons.FILE_LOST, job_reasons.NO_DEVICES} <= set(RECIPIENT_ERRORS)


def test_no_reason_promises_a_retry_to_who_has_had_the_last():
    assert not [said.wire for said in RECIPIENT_ERRORS.values() if "reintenta" in said.wire]


def test_a_code_of_tomorrow_has_a_sentence_too():
    assert recipient_errors.on_the_wire("something_new") == "No se pudo enviar el mensaje."
    assert recipient_errors.on_the_wire("") == ""
    assert recipient_errors.on_the_page("") == ""


@pytest.mark.parametrize("code", ON_THE_WIRE)
def test_every_refusal_says_something_and_has_no_gap_left(code):
    error = refusal(code, limit=1, low=1, high=2, choices="a, b", status="x", names="@valor9")
    assert error.status_code in {400, 404, 409, 413}
    assert error.message
    assert not {"{", "}"} & set(error.message)


def test_every_problem_of_a_line_can_be_the_file_s():
    assert set(LINE_PROBLEMS) - set(REFUSALS) == {"invalid_number"}


def test_every_refusal_of_an_upload_has_its_words_on_the_page_and_its_field():
    refusals = {code: REFUSALS[code] for code in ON_THE_WIRE if code not in ONLY_FOR_PROGRAMS}
    assert all(said.page for said in refusals.values())
    assert [code for code, said in refusals.items() if not said.field] == ["idempotency_conflict"]


@pytest.mark.parametrize("language", ["es", "pt-br"])
def test_in_spanish_and_portuguese(language):
    rows = [
        *REFUSALS.values(),
        *FROM_IN_FRONT.values(),
        *LINE_PROBLEMS.values(),
        *PHONE_PROBLEMS.values(),
        *RECIPIENT_ERRORS.values(),
        *job_reasons.JOB_REASONS.values(),
    ]
    with translation.override(language):
        for row in rows:
            if row.page:
                assert str(row.page) != row.page._args[0]
        unknown = recipient_errors.on_the_page("new code")
        assert str(unknown) == str(recipient_errors.OTHER.page)
