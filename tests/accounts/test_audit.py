"""The audit log."""

import pytest

from accounts import audit
from accounts.audit import Actor
from accounts.models import AuditEntry
from tests.accounts import people

pytestmark = pytest.mark.django_db


def test_an_entry_says_who_did_what_to_which_thing():
    member = people.member()
    entry = audit.record(Actor(member.account, member.user), "thing.done", "x" * 500, count=3)
    row = AuditEntry.objects.for_account(member.account).get()
    assert row == entry
    assert (row.user, row.action, row.subject, row.details) == (member.user, "thing.done", "x" * 200, {"count": 3})


def test_the_system_itself_may_act():
    account = people.account()
    assert audit.record(Actor(account), "thing.done", account).user is None


def test_who_acts_in_no_account_is_nobody(rf):
    request = rf.post("/")
    request.user = people.user()
    with pytest.raises(ValueError, match="account"):
        Actor.of(request)


def test_entries_outlive_their_user():
    member = people.member()
    audit.record(Actor(member.account, member.user), "thing.done", "x")
    member.user.delete()
    assert AuditEntry.unscoped.get().user is None


def test_nobody_adds_changes_or_deletes_one_in_the_admin():
    member = people.member()
    entry = audit.record(Actor(member.account, member.user), "thing.done", "x")
    client = people.browser(member)
    base = "/admin/accounts/auditentry/"
    assert client.get(base).status_code == 200
    assert client.get(f"{base}{entry.pk}/change/").status_code == 200
    assert client.get(f"{base}add/").status_code == 403
    assert client.post(f"{base}{entry.pk}/change/", {"action": "y"}).status_code == 403
    assert client.post(f"{base}{entry.pk}/delete/", {"post": "yes"}).status_code == 403
    client.post(base, {"action": "delete_selected", "_selected_action": [entry.pk], "post": "yes"})
    assert AuditEntry.unscoped.get().action == "thing.done"
