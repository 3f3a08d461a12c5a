"""`/api/v1/accounts/{id}/consents`: what was said, and what is said now."""

import pytest

from accounts.models import AuditEntry, Role
from campaigns.models import ConsentRecord
from jobs.models import Suppression
from tests.campaigns.arrange import Caller, contact, refused

pytestmark = pytest.mark.django_db

PHONE, OTHER = "+51987650001", "+51987650002"
FORM = {
    "kind": "commercial",
    "basis": "consent",
    "channel": "form",
    "source": "Formulario web",
    "evidence": {"ip": "192.0.2.7", "url": "https://tienda.example/alta"},
    "text_version": "2026-05",
    "given_at": "2026-05-01T10:00:00-05:00",
}


def problems(answer) -> set[tuple[str, str]]:
    assert answer.status_code == 400, answer.content
    return {(one["field"], one["code"]) for one in answer.json()["errors"]}


def test_a_consent_is_recorded_and_read_again(call):
    made = contact(call.account, PHONE)
    answer = call.post("consents", contact_id=made.pk, **FORM)
    assert answer.status_code == 201, answer.content
    kept = answer.json()
    assert kept == {
        **FORM,
        "id": kept["id"],
        "contact_id": made.pk,
        "phone": PHONE,
        "revoked": False,
        "given_at": "2026-05-01T15:00:00Z",
        "recorded_at": kept["recorded_at"],
        "recorded_by": call.membership.user_id,
    }
    made.refresh_from_db()
    assert made.opted_in_source == "Formulario web"
    for query in ({"contact": made.pk}, {"phone": "987 650 001"}):
        assert call.get("consents", **query).json()["results"] == [kept]
    entry = AuditEntry.unscoped.get()
    assert (entry.action, PHONE in str((entry.subject, entry.details))) == ("consent.recorded", False)


def test_a_revocation_of_any_number_suppresses_it(call):
    kept = call.post("consents", phone="987650002", revoked=True, channel="phone").json()
    assert (kept["contact_id"], kept["basis"], kept["kind"], kept["revoked"]) == (None, "", "", True)
    assert Suppression.objects.for_account(call.account).get().phone == OTHER
    made = contact(call.account, PHONE)
    call.post("consents", phone=PHONE, revoked=True)
    made.refresh_from_db()
    assert made.opted_out_at is not None
    assert call.get("contacts", opted_out="true").json()["results"][0]["id"] == made.pk


def test_a_persons_history_is_paged_newest_first(call):
    made = contact(call.account, PHONE)
    ids = [call.post("consents", contact_id=made.pk, **FORM).json()["id"] for _ in range(3)]
    first = call.get("consents", contact=made.pk, limit=2).json()
    second = call.client.get(first["next"]).json()
    assert [one["id"] for one in first["results"] + second["results"]] == ids[::-1]


def test_of_whom_must_be_said(call):
    made = contact(call.account, PHONE)
    for query in ({}, {"contact": made.pk, "phone": PHONE}, {"phone": "a\0"}):
        assert refused(call.get("consents", **query)) == (400, "consents_of_whom")
    for query in ({"contact": "x"}, {"contact": 10**30}, {"phone": "nada"}, {"contact": ""}, {"phone": ""}):
        assert call.get("consents", **query).json()["results"] == []
    for body in ({}, {"contact_id": made.pk, "phone": PHONE}, {"phone": OTHER}):
        assert refused(call.post("consents", source="Web", **body)) == (400, "consent_of_whom")
    assert refused(call.post("consents", source="Web", contact_id=made.pk + 1)) == (400, "contacts_unknown")


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"source": ""}, ("source", "source_missing")),
        ({"source": "x" * 101}, ("source", "max_length")),
        ({"kind": "spam"}, ("kind", "invalid_choice")),
        ({"basis": ""}, ("basis", "invalid_choice")),
        ({"basis": ["consent"]}, ("basis", "invalid_choice")),
        ({"channel": "magia"}, ("channel", "invalid_choice")),
        ({"revoked": True}, ("basis", "basis_of_revocation")),
        ({"given_at": "2026-05-01"}, ("given_at", "given_at_invalid")),
        ({"given_at": "2126-05-01T00:00:00Z"}, ("given_at", "given_at_invalid")),
        ({"given_at": 7}, ("given_at", "given_at_invalid")),
        ({"evidence": []}, ("evidence", "evidence_invalid")),
        ({"evidence": {"x": "y" * 4000}}, ("evidence", "evidence_invalid")),
        ({"evidence": {"x": "a\0"}}, ("evidence", "text_invalid")),
        ({"text_version": "x" * 101}, ("text_version", "max_length")),
    ],
)
def test_what_cannot_be_meant_is_refused_and_leaves_nothing(call, body, problem):
    made = contact(call.account, PHONE)
    assert problem in problems(call.post("consents", contact_id=made.pk, **{**FORM, **body}))
    assert not ConsentRecord.unscoped.exists()


def test_a_number_that_is_none_is_refused(call):
    assert {field for field, _ in problems(call.post("consents", phone="12", revoked=True))} == {"phone"}


def test_nobody_reads_or_writes_another_accounts_records(call):
    made = contact(call.account, PHONE)
    call.post("consents", contact_id=made.pk, **FORM)
    other = Caller()
    assert other.get("consents", contact=made.pk).json()["results"] == []
    assert other.get("consents", phone=PHONE).json()["results"] == []
    assert refused(other.post("consents", contact_id=made.pk, **FORM)) == (400, "contacts_unknown")
    viewer = Caller(Role.VIEWER, call.account)
    assert len(viewer.get("consents", contact=made.pk).json()["results"]) == 1
    assert viewer.post("consents", contact_id=made.pk, **FORM).status_code == 403
    assert Caller(Role.AGENT, call.account).post("consents", contact_id=made.pk, **FORM).status_code == 201
