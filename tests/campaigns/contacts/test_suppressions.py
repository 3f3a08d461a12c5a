"""`/api/v1/accounts/{id}/suppressions`."""

import pytest

from accounts.models import AuditEntry, Role
from jobs import suppression
from jobs.models import Suppression
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
