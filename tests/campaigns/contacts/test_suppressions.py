"""`/api/v1/accounts/{id}/suppressions`."""

from importlib import import_module

import pytest
from django.apps import apps
from django.db import IntegrityError

from accounts.audit import Actor
from accounts.models import AuditEntry, Role
from jobs import actions, suppression
from jobs.models import Suppression
from tests.accounts import people
from tests.campaigns.arrange import Caller, refused
from tests.factories import make_account

pytestmark = pytest.mark.django_db


def test_any_spelling_goes_in_and_e164_comes_out(call):
    answer = call.post("suppressions", phone="987 654 321", reason="llamó por teléfono")
    assert answer.status_code == 201
    made = answer.json()
    assert (made["phone"], made["reason"]) == ("+51987654321", "llamó por teléfono")
    assert call.get("suppressions").json()["results"] == [made]
    assert call.get(f"suppressions/{made['id']}").json() == made
    assert AuditEntry.unscoped.get().action == "suppression.created"


def test_a_number_stands_there_once(call):
    assert call.post("suppressions", phone="987654321").status_code == 201
    assert refused(call.post("suppressions", phone="+51 987654321")) == (409, "phone_suppressed")
    assert Caller().post("suppressions", phone="987654321").status_code == 201


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("+5511987654321", "+551187654321"),  # Brazil's ninth digit
        ("+5215512345678", "+525512345678"),
        ("+5491123456789", "+541123456789"),
    ],
)
def test_every_spelling_of_a_number_is_one_number(call, one, other):
    Suppression.unscoped.create(account=call.account, phone=one)
    assert refused(call.post("suppressions", phone=other)) == (409, "phone_suppressed")
    assert [row["phone"] for row in call.get("suppressions", phone=other).json()["results"]] == [one]
    assert suppression.lift(call.account.pk, [other]) == 1


def test_only_a_number_that_is_on_the_list_is_said_to_be_on_it(call):
    number = Suppression(phone="+51987654321", reason=None)
    with pytest.raises(IntegrityError):
        actions.suppress(Actor(call.account), number)
    # The database quotes the row that it refuses: whatever a person wrote there.
    number = Suppression(phone="+51987654321", reason="suppression_once_per_number", reason_code=None)
    with pytest.raises(IntegrityError):
        actions.suppress(Actor(call.account), number)


def test_without_a_country_a_number_without_plus_is_nobodys():
    call = Caller(account=make_account())
    assert refused(call.post("suppressions", phone="987654321")) == (400, "phone_country_missing")
    assert call.post("suppressions", phone="https://wa.me/51987654321").json()["phone"] == "+51987654321"


def test_whoever_a_recipient_file_can_name_can_be_suppressed(call):
    assert call.post("suppressions", phone="+51123123123").status_code == 201  # of no plan
    assert refused(call.post("suppressions", phone="123123123")) == (400, "phone_not_in_plan")


@pytest.mark.parametrize("body", [{"phone": "123"}, {"phone": ""}, {}, {"phone": "987654321", "reason": "x" * 201}])
def test_what_is_wrong_is_refused(call, body):
    assert call.post("suppressions", **body).status_code == 400
    assert not Suppression.unscoped.exists()


def test_filters(call):
    for phone in ("+51987654321", "+5511987654321"):
        Suppression.unscoped.create(account=call.account, phone=phone)

    def found(**query):
        return [one["phone"] for one in call.get("suppressions", **query).json()["results"]]

    assert found(phone="987654321") == ["+51987654321"]
    assert found(phone="x") == []
    assert found(search="+55 11") == ["+5511987654321"]
    assert found(search="7654") == ["+5511987654321", "+51987654321"]


def test_only_the_reason_can_be_changed(call):
    one = Suppression.unscoped.create(account=call.account, phone="+51987654321")
    answer = call.patch(f"suppressions/{one.pk}", phone="987654322", reason="otra")
    assert (answer.json()["phone"], answer.json()["reason"]) == ("+51987654321", "otra")


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        (Role.ADMINISTRATOR, [200, 201, 200, 204]),
        (Role.AGENT, [200, 201, 200, 403]),
        (Role.VIEWER, [200, 403, 403, 403]),
    ],
)
def test_what_each_role_may(role, expected, db):
    call = Caller(role)
    one = Suppression.unscoped.create(account=call.account, phone="+51987654321")
    answers = [
        call.get("suppressions"),
        call.post("suppressions", phone="987654322"),
        call.patch(f"suppressions/{one.pk}", reason="x"),
        call.delete(f"suppressions/{one.pk}"),
    ]
    assert [answer.status_code for answer in answers] == expected


def test_another_accounts_suppressions_do_not_exist(call):
    theirs = Suppression.unscoped.create(account=make_account(), phone="+51987654321")
    for method in ("get", "patch", "delete"):
        assert refused(getattr(call, method)(f"suppressions/{theirs.pk}")) == (404, "not_found")
    assert Suppression.unscoped.exists()


# --- Why: a code of ours, or a person's words ------------------------------------------------------------


@pytest.fixture
def opted_out(call):
    contact = call.post("contacts", name="Ana", phone="+51987654321").json()
    call.patch(f"contacts/{contact['id']}", opted_out=True)
    return Suppression.unscoped.get()


def test_who_opted_out_is_stored_as_a_code_and_said_in_spanish_on_the_wire(call, opted_out):
    assert (opted_out.reason, opted_out.reason_code) == ("", "opted_out")
    assert call.get(f"suppressions/{opted_out.pk}").json()["reason"] == "El contacto pidió no recibir mensajes."


@pytest.mark.parametrize(
    ("language", "said"), [("en", "Asked not to be written to"), ("pt-br", "Pediu para não receber mensagens")]
)
def test_the_admin_says_it_in_the_readers_language(call, opted_out, language, said):
    browser = people.browser(call.membership)
    address = "/admin/jobs/suppression/"
    for page in (address, f"{address}?q={said[:12]}", f"{address}{opted_out.pk}/change/"):
        html = browser.get(page, headers={"accept-language": language}).content.decode()
        assert said in html, page
        assert "El contacto pidió" not in html


def test_a_person_may_say_it_in_their_own_words(call, opted_out):
    call.patch(f"suppressions/{opted_out.pk}")
    opted_out.refresh_from_db()
    assert opted_out.reason_code == "opted_out"
    assert call.patch(f"suppressions/{opted_out.pk}", reason="Queja").json()["reason"] == "Queja"
    opted_out.refresh_from_db()
    assert (opted_out.reason, opted_out.reason_code) == ("Queja", "")


def test_what_was_stored_as_a_sentence_becomes_the_code(call):
    numbers = [("+51987654321", "El contacto pidió no recibir mensajes."), ("+51987654322", "Queja")]
    for phone, reason in numbers:
        Suppression.unscoped.create(account=call.account, phone=phone, reason=reason)
    import_module("jobs.migrations.0007_backfill_suppression_reason_code").backfill(apps, None)
    stored = Suppression.unscoped.order_by("phone").values_list("reason", "reason_code")
    assert list(stored) == [("", "opted_out"), ("Queja", "")]
