"""`/api/v1/accounts/{id}/attributes`: what an account's attributes are."""

import pytest

from accounts.models import AuditEntry, Role
from campaigns.models import AttributeName
from tests.campaigns.arrange import Caller
from tests.factories import make_account

pytestmark = pytest.mark.django_db


@pytest.fixture
def call() -> Caller:
    return Caller()


def attribute(call: Caller, name: str, kind: str = "") -> int:
    return int(AttributeName.unscoped.create(account=call.account, name=name, kind=kind).pk)


def test_they_are_listed_by_name_with_what_they_are(call):
    attribute(call, "vence", "date")
    attribute(call, "edad", "number")
    AttributeName.unscoped.create(account=make_account(), name="ajeno")
    found = call.get("attributes").json()["results"]
    assert [(one["name"], one["kind"]) for one in found] == [("edad", "number"), ("vence", "date")]
    assert [one["name"] for one in call.get("attributes", search="VEN").json()["results"]] == ["vence"]
    assert call.get("attributes", search="a\0").status_code == 400


def test_what_one_is_can_be_said_and_audiences_are_read_by_it(call):
    number = attribute(call, "edad", "mixed")
    condition = {"custom_attributes": {"edad": {"op": "contains", "value": "2"}}}
    assert call.post("segments", name="a", audience=condition).status_code == 201

    answer = call.patch(f"attributes/{number}", kind="number")

    assert (answer.status_code, answer.json()) == (200, {"id": number, "name": "edad", "kind": "number"})
    assert call.get(f"attributes/{number}").json() == answer.json()
    assert AuditEntry.unscoped.filter(action="attribute.changed").count() == 1
    refused = call.post("segments", name="b", audience=condition)
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["code"] == "operator_unfit"


@pytest.mark.parametrize("kind", ["integer", None, 5, ["text"]])
def test_what_there_is_not_is_refused(call, kind):
    number = attribute(call, "edad", "text")
    assert call.patch(f"attributes/{number}", kind=kind).status_code == 400
    assert AttributeName.unscoped.get().kind == "text"


def test_another_accounts_is_not_there_and_a_viewer_changes_none(call):
    other = AttributeName.unscoped.create(account=make_account(), name="ajeno").pk
    assert call.get(f"attributes/{other}").status_code == 404
    assert call.patch(f"attributes/{other}", kind="text").status_code == 404
    viewer = Caller(Role.VIEWER, call.account)
    mine = attribute(call, "edad")
    assert viewer.get(f"attributes/{mine}").status_code == 200
    assert viewer.patch(f"attributes/{mine}", kind="text").status_code == 403
