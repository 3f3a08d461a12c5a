"""Labels and attributes are one for all their spellings: the account's first."""

import json

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from accounts.models import AuditEntry
from accounts.written.folding import same_name
from campaigns.audience import freezing
from campaigns.audience.conditions import Audience
from campaigns.contacts import attributes, labels
from campaigns.launch import previewing
from campaigns.models import AttributeName, Contact, Label, Segment
from tests.campaigns import campaigns_of
from tests.campaigns.arrange import Caller, names
from tests.campaigns.imports.test_contact_import import imported

TWINS = (
    "telefono,nombre,etiquetas\n+51987650001,A,VIP\n+51987650002,B,vip\n"
    "+51987650003,C,Peque\u00f1o\n+51987650004,D,Pequen\u0303o\n"
)


@pytest.mark.parametrize(
    ("one", "other"), [("VIP", "vip"), ("Peque\u00f1o", "PEQUEN\u0303O"), ("a  b ", "A b"), ("Straße", "STRASSE")]
)
def test_case_composition_and_blanks_make_no_other_name(one, other):
    assert same_name(one) == same_name(other)


@pytest.mark.parametrize(("one", "other"), [("año", "ano"), ("vip", "v.i.p"), ("ab", "a b")])
def test_accents_and_letters_do(one, other):
    assert same_name(one) != same_name(other)


@pytest.mark.django_db
class TestLabels:
    def test_of_a_file_are_one(self):
        call = Caller()
        imported(call, TWINS)
        assert sorted(names(call.get("labels"))) == ["Peque\u00f1o", "VIP"]
        assert Contact.unscoped.filter(labels=["VIP"]).count() == 2
        assert Contact.unscoped.filter(labels=["Peque\u00f1o"]).count() == 2

    def test_of_a_contact_are_the_accounts_own(self):
        call = Caller()
        call.post("labels", name="VIP")
        made = call.post("contacts", name="Ana", labels=["vip", "Vip", "nuevo"])
        assert made.json()["labels"] == ["VIP", "nuevo"]
        assert Caller().post("contacts", name="Ana", labels=["vip"]).json()["labels"] == ["vip"]

    def test_are_put_on_and_taken_off_in_any_spelling(self):
        call = Caller()
        made = call.post("contacts", name="Ana", labels=["VIP"]).json()
        put = call.post("contacts/bulk_label", labels=["vip"], contact_ids=[made["id"]])
        assert put.json() == {"matched": 1, "changed": 0}
        everybody = Contact.objects.for_account(call.account)
        labels.take_off(call.account.pk, everybody, ["Vip"])
        assert everybody.get().labels == []

    def test_are_found_by_audiences_in_any_spelling(self):
        account = campaigns_of.account()
        call = Caller(account=account)
        call.post("contacts", name="Ana", labels=["VIP"], custom_attributes={"Región": "norte"})
        for raw in (
            {"labels": ["vip"]},
            {"custom_attributes": {"REGIÓN": "norte"}},
            {"exclude": {"labels": ["otra"]}, "labels": ["Vip"]},
        ):
            assert Audience.parse(raw).select(account).count() == 1
        made = call.post(
            "segments", name="x", audience={"labels": ["vip"], "exclude": {"custom_attributes": {"región": 1}}}
        )
        assert made.json()["audience"] == {"labels": ["VIP"], "exclude": {"custom_attributes": {"Región": 1}}}


@pytest.mark.django_db
class TestAttributes:
    def test_of_contacts_are_the_accounts_own(self):
        call = Caller()
        call.post("contacts", name="Ana", custom_attributes={"Región": "norte"})
        made = call.post("contacts", name="Eva", custom_attributes={"REGIO\u0301N": "sur", "dni": 1})
        assert made.json()["custom_attributes"] == {"Región": "sur", "dni": 1}
        assert attributes.names(call.account.pk) == ["Región", "dni"]

    def test_of_a_file_are_the_accounts_own_and_two_columns_stay_two(self):
        call = Caller()
        call.post("contacts", name="Ana", custom_attributes={"Plan": "oro"})
        columns = {"phone": 0, "custom_attributes": {"plan": 1, "PLAN": 2}}
        made = imported(call, "telefono,plan,PLAN\n+51987650001,a,b\n", mapping=json.dumps({"columns": columns}))
        assert made["status"] == "completed"
        assert Contact.unscoped.get(phone="+51987650001").custom_attributes == {"Plan": "a", "Plan 2": "b"}

    def test_are_found_by_filters_and_variables_in_any_spelling(self):
        account = campaigns_of.account()
        call = Caller(account=account)
        call.post("contacts", name="Ana", phone="+51987650001", labels=["vip"], custom_attributes={"Región": "norte"})
        assert names(call.get("contacts", **{"attribute.región": "norte"})) == ["Ana"]
        made = campaigns_of.campaign(account, message="{{ Custom_Attributes.REGIÓN }}")
        assert previewing.preview(made, timezone.now()).sample[0].text == "norte"
        assert freezing.count_lacking(account, Audience.parse(made.audience), ["custom_attributes.región"]) == [0]


@pytest.mark.django_db(transaction=True)
def test_twins_that_exist_are_merged_and_the_audit_says_which():
    def migrate(name):
        executor = MigrationExecutor(connection)
        executor.migrate([("campaigns", name)])
        return MigrationExecutor(connection).loader.project_state([("campaigns", name)]).apps

    try:
        before = migrate("0007_campaign_allow_missing")
        account = before.get_model("accounts", "Account")._base_manager.create(name="Uno")
        other = before.get_model("accounts", "Account")._base_manager.create(name="Dos")
        for owner, name in ((account, "vip"), (account, "VIP"), (account, "Vip"), (other, "vip"), (account, "new")):
            before.get_model("campaigns", "Label")._base_manager.create(account_id=owner.pk, name=name)
        contacts = before.get_model("campaigns", "Contact")._base_manager
        for found, said in (
            (["VIP"], {"Región": "norte"}),
            (["new", "VIP"], {"Región": "sur"}),
            (["vip", "VIP", "Vip"], {"región": "este", "Región": "oeste"}),
            (["Vip"], {"región": "este"}),
        ):
            contacts.create(account_id=account.pk, labels=found, custom_attributes=said)
        contacts.create(account_id=other.pk, labels=["vip"], custom_attributes={"región": 1})
        audience = {"labels": ["vip", "VIP"], "exclude": {"labels": ["Vip"], "custom_attributes": {"región": "a"}}}
        segments = before.get_model("campaigns", "Segment")._base_manager
        segment = segments.create(account_id=account.pk, name="x", audience=audience)
    finally:
        executor = MigrationExecutor(connection)
        executor.migrate(executor.loader.graph.leaf_nodes())

    assert sorted(Label.objects.for_account(account.pk).values_list("name", "folded")) == [
        ("VIP", "vip"),
        ("new", "new"),
    ]
    assert sorted(AttributeName.objects.for_account(account.pk).values_list("name", flat=True)) == ["Región"]
    mine = Contact.objects.for_account(account.pk).order_by("pk")
    assert list(mine.values_list("labels", "custom_attributes")) == [
        (["VIP"], {"Región": "norte"}),
        (["new", "VIP"], {"Región": "sur"}),
        (["VIP"], {"Región": "oeste"}),
        (["VIP"], {"Región": "este"}),
    ]
    assert Contact.objects.for_account(other.pk).get().custom_attributes == {"región": 1}
    assert Segment.unscoped.get(pk=segment.pk).audience == {
        "labels": ["VIP"],
        "exclude": {"labels": ["VIP"], "custom_attributes": {"Región": "a"}},
    }
    assert sorted(AuditEntry.unscoped.values_list("account_id", "action", "subject", "details")) == [
        (account.pk, "attribute.merged", "Región", {"merged": ["región"]}),
        (account.pk, "label.merged", "VIP", {"merged": ["Vip", "vip"]}),
    ]
