"""`/api/v1/accounts/{id}/labels`."""

import threading

import pytest
from django.db import connection, transaction

from accounts.models import AuditEntry, Role
from campaigns.contacts import labels
from campaigns.models import Campaign, Contact, Label, Segment
from tests.campaigns.arrange import Caller, contact, names, refused
from tests.factories import make_account

pytestmark = pytest.mark.django_db


def test_a_label_counts_the_contacts_that_carry_it(call):
    made = call.post("labels", name=" vip ")
    assert made.status_code == 201
    assert made.json() == {"id": made.json()["id"], "name": "vip", "contacts": 0}
    contact(call.account, labels=["vip", "new"])
    contact(call.account, labels=["vip"])
    contact(make_account(), labels=["vip"])
    found = {one["name"]: one["contacts"] for one in call.get("labels").json()["results"]}
    assert found == {"new": 1, "vip": 2}
    assert call.get(f"labels/{made.json()['id']}").json()["contacts"] == 2
    assert names(call.get("labels", search="EW")) == ["new"]
    assert names(call.get("labels", ordering="-name")) == ["vip", "new"]


def test_many_labels_are_counted_at_once(call):
    for number in range(6):
        contact(call.account, labels=[f"label {other}" for other in range(number)])
    contact(make_account(), labels=["label 0"])
    call.post("labels", name="nobody's")
    found = {one["name"]: one["contacts"] for one in call.get("labels").json()["results"]}
    assert found == {"label 0": 5, "label 1": 4, "label 2": 3, "label 3": 2, "label 4": 1, "nobody's": 0}


@pytest.mark.parametrize(
    ("name", "code"),
    [("", "blank"), (" ", "blank"), ("x" * 101, "label_invalid"), ("a\nb", "label_invalid"), (None, "null")],
)
def test_what_is_no_label_is_refused(call, name, code):
    assert refused(call.post("labels", name=name)) == (400, code)


def test_a_name_is_taken_once_in_an_account(call):
    Label.unscoped.create(account=call.account, name="vip")
    other = Label.unscoped.create(account=call.account, name="new")
    contact(call.account, labels=["new"])
    assert refused(call.post("labels", name="vip")) == (409, "label_taken")
    assert refused(call.patch(f"labels/{other.pk}", name="vip")) == (409, "label_taken")
    assert Contact.unscoped.get().labels == ["new"]
    assert refused(call.post("labels", name=" VIP ")) == (409, "label_taken")
    assert call.patch(f"labels/{other.pk}", name="NEW").status_code == 200
    assert Caller().post("labels", name="vip").status_code == 201


def test_renaming_reaches_contacts_segments_and_campaigns(call):
    one = contact(call.account, labels=["a", "vip", "z"])
    other = contact(make_account(), labels=["vip"])
    audience = {"labels": ["vip", "a"], "exclude": {"labels": ["vip"]}}
    segment = Segment.unscoped.create(account=call.account, name="s", audience=audience)
    campaign = Campaign.unscoped.create(account=call.account, title="t", message="m", audience=audience)
    label = Label.objects.for_account(call.account).get(name="vip")
    answer = call.patch(f"labels/{label.pk}", name="gold")
    assert (answer.status_code, answer.json()["name"]) == (200, "gold")
    for row in (one, other, segment, campaign):
        row.refresh_from_db()
    assert one.labels == ["a", "gold", "z"]
    assert other.labels == ["vip"]
    assert segment.audience == campaign.audience == {"labels": ["gold", "a"], "exclude": {"labels": ["gold"]}}
    entry = AuditEntry.unscoped.get()
    assert (entry.action, entry.details) == ("label.renamed", {"id": label.pk, "old": "vip", "contacts": 1})


def test_renaming_starts_from_the_name_that_the_label_has_by_then(call):
    one = contact(call.account, labels=["vip"])
    found_before = Label.unscoped.get()
    call.patch(f"labels/{found_before.pk}", name="gold")
    assert labels.rename(found_before, "silver") == ("gold", 1)
    one.refresh_from_db()
    assert one.labels == ["silver"]


@pytest.mark.django_db(transaction=True)
def test_many_who_change_labels_of_the_same_contacts_take_turns():
    account = make_account()
    for _ in range(20):
        contact(account, labels=["a", "b", "c"])
    everybody = Contact.objects.for_account(account)
    found = {label.name: label for label in Label.objects.for_account(account)}
    works = [
        *[lambda name=name: labels.rename(found[name], f"{name}2") for name in "ab"],
        lambda: labels.rename(found["a"], "a3"),
        lambda: labels.delete(found["c"]),
        lambda: labels.put_on(account.pk, everybody, ["d"]),
        lambda: labels.put_on(account.pk, everybody.order_by("-id"), ["e"]),
        lambda: labels.take_off(account.pk, everybody, ["e"]),
    ]
    failures = []
    barrier = threading.Barrier(len(works))

    def run(work):
        barrier.wait()
        try:
            with transaction.atomic():
                work()
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    known = set(Label.objects.for_account(account).values_list("name", flat=True))
    assert known in ({"a2", "b2", "d", "e"}, {"a3", "b2", "d", "e"})
    for one in everybody:
        assert {"b2", "d"} <= set(one.labels) <= known


def test_deleting_takes_it_off_the_contacts(call):
    one = contact(call.account, labels=["a", "vip"])
    other = contact(make_account(), labels=["vip"])
    label = Label.objects.for_account(call.account).get(name="vip")
    assert call.delete(f"labels/{label.pk}").status_code == 204
    one.refresh_from_db()
    other.refresh_from_db()
    assert (one.labels, other.labels) == (["a"], ["vip"])
    assert AuditEntry.unscoped.get().details == {"id": label.pk, "contacts": 1}


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
    label = Label.unscoped.create(account=call.account, name="vip")
    answers = [
        call.get("labels"),
        call.post("labels", name="new"),
        call.patch(f"labels/{label.pk}", name="gold"),
        call.delete(f"labels/{label.pk}"),
    ]
    assert [answer.status_code for answer in answers] == expected


def test_another_accounts_labels_do_not_exist(call):
    theirs = Label.unscoped.create(account=make_account(), name="vip")
    for method in ("get", "patch", "delete"):
        assert refused(getattr(call, method)(f"labels/{theirs.pk}")) == (404, "not_found")
    assert Label.unscoped.get().name == "vip"
