"""What is held of a person, as a file: everything, and nobody else's."""

import json

import pytest

from accounts.audit import Actor
from accounts.models import AuditEntry
from campaigns.actions import person_acts
from devices.phone_numbers import key_of
from jobs.exclusions import spellings
from jobs.models import ExclusionEntry, ExclusionList, ExclusionLoad
from tests.campaigns.erasing.arrange import ANSWERED, LID, NAME, PHONE, STREET, WROTE, everything

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def held(account, device, another):
    everything(account, device)
    return json.loads(person_acts.exported(Actor(account), "+541155667788"))


def test_it_tells_all_that_is_held(account, held):
    (contact,) = held["contacts"]
    assert (contact["name"], contact["phone"], contact["labels"]) == (NAME, PHONE, ["vip"])
    assert contact["custom_attributes"] == {"calle": STREET}
    assert contact["opted_out_source"] == account.memberships.get().user.email
    assert [(one["revoked"], one["channel"], one["source"]) for one in held["consents"]] == [
        (False, "form", "Web"),
        (True, "admin", contact["opted_out_source"]),
    ]
    assert held["consents"][0]["evidence"] == {"name": NAME, "street": STREET}
    texts = [one["text"] for one in held["messages"]]
    assert f"Hola {NAME}" in texts  # of the file
    assert f"Hola {NAME} de {STREET}" in texts  # of the campaign
    assert ANSWERED in texts
    assert {"sent", "queued"} <= {one["state"] for one in held["messages"]}
    assert [one["text"] for one in held["replies"]] == [WROTE, f"y {WROTE}"]
    assert [one["text"] for one in held["answers"]] == [ANSWERED]
    assert [one["reason"] for one in held["suppressions"]] == [f"llamó {NAME}"]
    assert held["identities"][0]["lid"] == LID
    assert "contact.changed" in {one["action"] for one in held["audit"]}


def test_it_tells_nobody_else(held):
    assert "Otra" not in json.dumps(held, ensure_ascii=False)
    assert "+51911111111" not in json.dumps(held)


def test_another_account_holds_nothing(account, device, another):
    everything(account, device)

    told = json.loads(person_acts.exported(Actor(another.account), PHONE))

    assert {name: said for name, said in told.items() if said and name not in ("account", "made_at", "phone")} == {}


def test_it_is_in_the_log_without_the_number(account, device, held):
    entry = AuditEntry.unscoped.get(action="person.exported")

    assert (entry.subject, entry.details) == ("person", {})


def test_it_tells_which_exclusion_lists_name_them(account, device):
    mine = ExclusionList.unscoped.create(account=account, name="REPEP", kind="repep")
    load = ExclusionLoad.objects.create(exclusion_list=mine, forms=["plain"], numbers=1)
    ExclusionList.unscoped.filter(pk=mine.pk).update(load=load)
    ExclusionEntry.objects.create(load_id=load.pk, digest=spellings.digest_of(key_of(PHONE)))
    ExclusionList.unscoped.create(account=account, name="RNE", kind="rne")

    told = json.loads(person_acts.exported(Actor(account), PHONE))

    assert [one["name"] for one in told["exclusion_lists"]] == ["REPEP"]
