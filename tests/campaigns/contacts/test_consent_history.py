"""What was said of consent is kept, by every door, and is never changed."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from accounts.audit import Actor
from campaigns.actions import contact_acts
from campaigns.contacts import consent, consent_history, people
from campaigns.contacts.consent_history import Statement, Told
from campaigns.imports import work
from campaigns.models import ConsentRecord, Contact, ContactImport
from campaigns.states import Channel
from jobs import suppression
from jobs.models import Suppression
from jobs.replies.keeping import Said
from jobs.states import MessageKind, Wish
from tests.accounts import people as members
from tests.campaigns.arrange import Caller, contact
from tests.campaigns.imports.test_contact_import import imported

PHONE, OTHER = "+51987650001", "+51987650002"
MAY, JUNE = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
FORM = Told("form", "Web", {"ip": "192.0.2.7"}, text_version="2026-05")

db = pytest.mark.django_db


def records() -> list[ConsentRecord]:
    return list(ConsentRecord.unscoped.order_by("id"))


def said(*, of: str = PHONE) -> list[tuple[bool, str, str]]:
    """Of a number: whether it is a no, through what it came, and where it was said."""
    return [(one.is_revocation, one.channel, one.source) for one in records() if one.phone == of]


# --- Only added ----------------------------------------------------------------------------------------------


@pytest.fixture
def record(db):
    call = Caller()
    made = contact(call.account, PHONE)
    return consent.record(call.account.pk, Statement(PHONE, made.pk, False, MAY, FORM))


@pytest.mark.parametrize(
    "statement", ["UPDATE campaigns_consentrecord SET source = 'x'", "DELETE FROM campaigns_consentrecord"]
)
def test_the_database_refuses_to_change_a_record_or_to_delete_one(record, statement):
    with pytest.raises(DatabaseError, match="only added"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert [one.source for one in records()] == ["Web"]


def test_an_erased_persons_records_go_and_those_of_others_stay(record):
    account_id = record.account_id
    other = contact(record.account, OTHER)
    consent.record(account_id, Statement(OTHER, other.pk, False, MAY, FORM))
    stranger = Caller().account
    consent.record(stranger.pk, Statement(PHONE, None, True, MAY, FORM, kind=""))

    assert consent_history.erase(account_id, contact_ids=[record.contact_id]) == 1
    assert [(one.account_id, one.phone) for one in records()] == [(account_id, OTHER), (stranger.pk, PHONE)]
    assert consent_history.erase(account_id, phone_keys=[other.phone_key]) == 1
    with pytest.raises(DatabaseError, match="only added"), transaction.atomic():
        ConsentRecord.unscoped.all().delete()  # whoever erased somebody may erase nobody else by that


# --- Every door ----------------------------------------------------------------------------------------------


@db
def test_by_api_a_change_of_consent_is_kept_and_any_other_is_not(call):
    made = call.post("contacts", name="Ana", phone=PHONE, opted_out=False).json()
    assert said() == []  # nobody said anything
    call.patch(f"contacts/{made['id']}", opted_out=True)
    call.patch(f"contacts/{made['id']}", opted_out=True, name="Eva")
    call.patch(f"contacts/{made['id']}", opted_out=False)
    assert said() == [(True, "api", "API"), (False, "api", "API")]
    assert [(one.kind, one.basis) for one in records()] == [("", ""), ("commercial", "consent")]
    assert {(one.contact_id, one.user_id) for one in records()} == {(made["id"], call.membership.user_id)}
    call.post("contacts", phone=OTHER, opted_out=True)
    assert said(of=OTHER) == [(True, "api", "API")]


@db
def test_by_the_form_of_a_contact_and_many_at_once():
    call = Caller()
    browser, email = members.browser(call.membership), call.membership.user.email
    ana, eva = contact(call.account, PHONE), contact(call.account, OTHER)
    form = {"name": "Ana", "phone": PHONE, "labels": "", "opted_out": "true"}
    assert browser.post(f"/admin/campaigns/contact/{ana.pk}/change/", form).status_code == 302
    for action in ("opt_in", "opt_out"):
        form = {"action": action, "id": [ana.pk, eva.pk], "confirmed": "yes"}
        assert browser.post("/admin/campaigns/contact/bulk/", form).status_code == 302
    yes, no = (False, "admin", email), (True, "admin", email)
    assert said() == [no, yes, no]
    assert said(of=OTHER) == [yes, no]
    assert {one.user_id for one in records()} == {call.membership.user_id}
    eva.refresh_from_db()
    assert records()[-1].given_at == eva.opted_out_at


@db
def test_an_opt_in_of_people_whom_nobody_had_asked_makes_them_agree(call):
    made = contact(call.account, PHONE)
    everybody = Contact.objects.for_account(call.account)
    assert contact_acts.opt_in(Actor(call.account, call.membership.user), everybody) == 1
    assert contact_acts.opt_in(Actor(call.account, call.membership.user), everybody) == 0
    made.refresh_from_db()
    assert made.opted_in_at == records()[0].given_at


@db
def test_an_opt_in_of_many_lifts_of_people_who_never_opted_out_only_what_they_said_themselves(call):
    for phone in (PHONE, OTHER):
        contact(call.account, phone)
    suppression.suppress(call.account.pk, [PHONE], suppression.OPTED_OUT)
    call.post("suppressions", phone=OTHER, reason="RNE")
    everybody = Contact.objects.for_account(call.account)
    contact_acts.opt_in(Actor(call.account, call.membership.user), everybody)
    assert list(Suppression.unscoped.values_list("phone", flat=True)) == [OTHER]


@db
def test_an_earlier_start_takes_nobodys_later_consent_back(call):
    made = contact(call.account, PHONE, opted_in_at=JUNE, opted_in_source="Web")
    consent.said([Said(1, call.account.pk, 3, PHONE, Wish.IN, frozenset(), MAY)])
    made.refresh_from_db()
    assert (made.opted_in_at, made.opted_in_source) == (JUNE, "Web")


@db
def test_by_a_file_with_its_line_of_new_and_of_known_people(call):
    known = contact(call.account, PHONE)
    content = f"phone,opted in,opted in at,source,name\n{PHONE},yes,2026-05-01,Feria,Ana\n{OTHER},yes,,Web,Eva\n"
    columns = {"phone": 0, "opted_in": 1, "opted_in_at": 2, "opted_in_source": 3, "name": 4}
    mapping = json.dumps({"columns": columns})
    done = imported(call, content, "feria.csv", mapping=mapping)
    assert (said(), said(of=OTHER)) == ([(False, "file", "Feria")], [(False, "file", "Web")])
    assert [one.evidence for one in records() if one.phone == PHONE] == [
        {"import": done["id"], "file": "feria.csv", "line": 2}
    ]
    assert {(one.phone, one.contact_id) for one in records()} == {
        (one.phone, one.pk) for one in Contact.objects.for_account(call.account)
    }
    known.refresh_from_db()
    assert known.opted_in_at in {one.given_at for one in records()}
    # The same file again says nothing new.
    imported(call, content, "feria.csv", mapping=mapping)
    assert len(records()) == 2
    imported(call, f"phone,opted out\n{PHONE},yes\n+51987650003,yes\n", "bajas.csv")
    assert said()[1:] == said(of="+51987650003") == [(True, "file", "")]
    assert {one.user_id for one in records()} == {call.membership.user_id}


@db
def test_by_a_file_with_another_basis_and_the_texts_version(call):
    known, out = contact(call.account, PHONE), contact(call.account, "+51987650003", opted_out_at=MAY)
    content = (
        "phone,base legal,opted in,opted_in_version,source,opted in at\n"
        f"{PHONE},interés legítimo,,,CRM,\n{OTHER},contrato,,,CRM,2026-05-01\n"
        "+51987650003,contrato,,,CRM,2026-06-01\n+51987650004,,sí,2026-05,Web,\n"
    )
    mapping = {
        "opted_in_basis": 1,
        "opted_in": 2,
        "opted_in_version": 3,
        "opted_in_source": 4,
        "opted_in_at": 5,
        "phone": 0,
    }
    done = imported(call, content, "crm.csv", mapping=json.dumps({"columns": mapping}))
    assert (done["opted_in"], done["warnings"]) == (1, [])
    assert {(one.phone[-1], one.basis, one.text_version, one.kind) for one in records()} == {
        ("1", "legitimate_interest", "", "commercial"),
        ("2", "contract", "", "commercial"),
        ("3", "contract", "", "commercial"),
        ("4", "consent", "2026-05", "commercial"),
    }
    there = {one.phone[-1]: one for one in Contact.objects.for_account(call.account)}
    assert {digit: one.other_basis for digit, one in there.items()} == {
        "1": "legitimate_interest",
        "2": "contract",
        "3": "contract",
        "4": "",
    }
    assert {digit for digit, one in there.items() if one.opted_in_at or one.opted_in_source} == {"4"}
    assert there["3"].opted_out_at == MAY  # only consent lifts a no
    assert {known.pk, out.pk} <= {one.contact_id for one in records()}
    imported(call, content, "crm.csv", mapping=json.dumps({"columns": mapping}))
    assert len(records()) == 4


@db
def test_by_a_file_of_numbers_to_suppress(call):
    made = contact(call.account, PHONE)
    suppression.suppress(call.account.pk, [OTHER], suppression.OPTED_OUT)
    content = f"phone,reason,since\n{PHONE},RNE,2026-05-01\n{OTHER},RNE,\n{PHONE},otra vez,\n"
    imported_suppressions(call, content)
    assert (said(), said(of=OTHER)) == ([(True, "file", "RNE")], [])
    [kept] = records()
    assert (kept.contact_id, kept.evidence["line"], kept.evidence["file"]) == (made.pk, 2, "rne.csv")


def imported_suppressions(call, content: str) -> None:
    file = SimpleUploadedFile("rne.csv", content.encode())
    assert call.client.post(call.path("suppressions/import"), {"file": file}).status_code in (200, 201, 202)
    row = ContactImport.unscoped.latest("pk")
    while work.advance(row.pk, float("inf")):
        pass


@db
def test_a_number_that_a_person_puts_on_the_list(call):
    made = call.post("suppressions", phone=PHONE, reason="llamó").json()
    assert said() == [(True, "", "llamó")]
    [kept] = records()
    assert (kept.evidence, kept.user_id) == ({"suppression": made["id"]}, call.membership.user_id)


@db
@pytest.mark.parametrize("is_contact", [True, False])
def test_what_people_write_is_kept_of_contacts_and_of_strangers(call, is_contact):
    made = contact(call.account, PHONE) if is_contact else None
    for number, (wish, at) in enumerate([(Wish.OUT, MAY), (Wish.IN, JUNE)], 7):
        consent.said([Said(number, call.account.pk, 3, PHONE, wish, frozenset(), at)])
    assert said() == [(True, "reply", "WhatsApp"), (False, "reply", "WhatsApp")]
    assert [one.evidence for one in records()] == [{"message": 7, "device": 3}, {"message": 8, "device": 3}]
    assert {one.contact_id for one in records()} == {made and made.pk}
    if made is not None:
        made.refresh_from_db()
        assert (made.opted_in_at, made.opted_out_at) == (JUNE, None)


@db
def test_who_was_out_before_being_a_contact_agrees_by_start(call):
    made = contact(call.account, PHONE)
    consent.said([Said(1, call.account.pk, 3, PHONE, Wish.IN, frozenset(), JUNE)])
    made.refresh_from_db()
    assert made.opted_in_at == JUNE


# --- Whose they are ------------------------------------------------------------------------------------------


@db
def test_who_is_out_and_gets_another_number_is_out_under_that_too(call):
    made = contact(call.account, PHONE)
    people.save(made, {"opted_out": True}, Told("admin", "ana@example.com"))
    call.patch(f"contacts/{made.pk}", phone=OTHER)
    assert said(of=OTHER) == [(True, "api", "API")]
    assert set(Suppression.unscoped.values_list("phone", flat=True)) == {PHONE, OTHER}
    made.refresh_from_db()
    assert [one.phone for one in consent_history.of_contact(made)] == [OTHER, PHONE]


@db
def test_the_records_of_a_deleted_contact_stay_with_its_number(call):
    made = contact(call.account, PHONE)
    consent.record(call.account.pk, Statement(PHONE, made.pk, False, MAY, FORM))
    contact_acts.delete(Actor(call.account), made)
    again = contact(call.account, PHONE)
    assert [one.source for one in consent_history.of_contact(again)] == ["Web"]
    assert again.opted_in_at is None  # what was agreed to is known, not that it still is
    nobody = contact(call.account, None)
    assert list(consent_history.of_contact(nobody)) == []
    assert list(consent_history.of_person(call.account.pk, None, None)) == []
    assert list(consent_history.of_contact(contact(Caller().account, PHONE))) == []


# --- What it does --------------------------------------------------------------------------------------------


@db
def test_a_no_is_obeyed_and_a_yes_lifts_it_only_if_it_came_later(call):
    made = contact(call.account, PHONE)

    def say(is_no: bool, at: datetime) -> tuple[datetime | None, datetime | None, bool]:
        consent.record(call.account.pk, Statement(PHONE, made.pk, is_no, at, FORM))
        made.refresh_from_db()
        return made.opted_in_at, made.opted_out_at, Suppression.unscoped.filter(phone=PHONE).exists()

    assert say(False, JUNE) == (JUNE, None, False)
    assert say(False, MAY) == (JUNE, None, False)  # an earlier yes is kept, and known already
    assert say(True, MAY) == (JUNE, MAY, True)
    assert say(False, MAY - timedelta(days=1)) == (JUNE, MAY, True)
    assert say(False, JUNE + timedelta(days=1)) == (JUNE + timedelta(days=1), None, False)
    assert len(records()) == 5


@db
def test_what_a_person_banned_for_another_reason_no_yes_lifts(call):
    made = contact(call.account, PHONE)
    call.post("suppressions", phone=PHONE, reason="fraude")
    consent.record(call.account.pk, Statement(PHONE, made.pk, False, timezone.now() + timedelta(hours=1), FORM))
    assert Suppression.unscoped.filter(phone=PHONE).exists()


@db
@pytest.mark.parametrize("basis", ["legitimate_interest", "contract"])
def test_another_basis_than_consent_is_noted_and_is_no_consent(call, basis):
    made = contact(call.account, PHONE, opted_out_at=MAY)
    consent.record(call.account.pk, Statement(PHONE, made.pk, False, JUNE, FORM, basis=basis))
    made.refresh_from_db()
    assert (made.other_basis, made.opted_in_at, made.opted_out_at) == (basis, None, MAY)


@db
def test_a_yes_to_messages_of_service_is_none_to_commercial_ones(call):
    made = contact(call.account, PHONE)
    consent.record(call.account.pk, Statement(PHONE, made.pk, False, JUNE, FORM, kind=MessageKind.SERVICE))
    made.refresh_from_db()
    assert (made.other_basis, made.opted_in_at) == ("", None)
    assert said() == [(False, "form", "Web")]


# --- From before -----------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_what_was_known_before_becomes_the_first_records():
    def migrate(name):
        MigrationExecutor(connection).migrate([("campaigns", name)])
        return MigrationExecutor(connection).loader.project_state([("campaigns", name)]).apps

    try:
        before = migrate("0020_campaign_kind")
        account = before.get_model("accounts", "Account")._base_manager.create(name="Uno")
        contacts = before.get_model("campaigns", "Contact")._base_manager
        both = {"opted_in_at": MAY, "opted_in_source": "Web", "opted_out_at": JUNE, "opted_out_source": "bajas.csv"}
        for number, fields in enumerate([both, {"opted_in_at": MAY}, {}, {}]):
            contacts.create(
                account_id=account.pk, phone=f"+5198765000{number}", phone_key=f"5198765000{number}", **fields
            )
        Suppression.unscoped.create(account_id=account.pk, phone="+51987650000", reason_code="opted_out")
        Suppression.unscoped.create(account_id=account.pk, phone="+51987650003", reason="RNE", since=JUNE)
        Suppression.unscoped.create(account_id=account.pk, phone="+51987650009", reason_code="opted_out", since=JUNE)
        Suppression.unscoped.filter(phone="+51987650003").update(phone_key="51987650003")
        Suppression.unscoped.filter(phone="+51987650000").update(phone_key="51987650000")
    finally:
        executor = MigrationExecutor(connection)
        executor.migrate(executor.loader.graph.leaf_nodes())
    kept = {(one.phone[-1], one.is_revocation, one.source, one.given_at, one.channel) for one in records()}
    assert kept == {
        ("0", False, "Web", MAY, ""),
        ("0", True, "bajas.csv", JUNE, ""),
        ("1", False, "", MAY, ""),
        ("3", True, "RNE", JUNE, ""),
        ("9", True, "", JUNE, ""),
    }
    assert sum(one.contact_id is None for one in records()) == 1


def test_every_channel_has_a_name_and_room():
    assert all(label and len(value) <= 10 for value, label in Channel.choices)
