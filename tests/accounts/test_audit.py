"""The audit log."""

import pytest

from accounts import audit
from accounts.models import AuditEntry
from tests.accounts import people

pytestmark = pytest.mark.django_db


def test_an_entry_says_who_did_what_to_which_thing():
    member = people.member()
    entry = audit.record(member.user, "thing.done", "x" * 500, account=member.account, count=3)
    row = AuditEntry.objects.for_account(member.account).get()
    assert row == entry
    assert (row.user, row.action, row.subject, row.details) == (member.user, "thing.done", "x" * 200, {"count": 3})


def test_the_system_itself_may_act():
    account = people.account()
    assert audit.record(None, "thing.done", account, account=account).user is None


def test_an_entry_without_an_account_is_a_mistake():
    with pytest.raises(ValueError, match="account"):
        audit.record(None, "thing.done", "x")


def test_entries_outlive_their_user():
    member = people.member()
    audit.record(member.user, "thing.done", "x", account=member.account)
    member.user.delete()
    assert AuditEntry.unscoped.get().user is None


def test_nobody_adds_changes_or_deletes_one_in_the_admin():
    member = people.member()
    entry = audit.record(member.user, "thing.done", "x", account=member.account)
    client = people.browser(member)
    base = "/admin/accounts/auditentry/"
    assert client.get(base).status_code == 200
    assert client.get(f"{base}{entry.pk}/change/").status_code == 200
    assert client.get(f"{base}add/").status_code == 403
    assert client.post(f"{base}{entry.pk}/change/", {"action": "y"}).status_code == 403
    assert client.post(f"{base}{entry.pk}/delete/", {"post": "yes"}).status_code == 403
    client.post(base, {"action": "delete_selected", "_selected_action": [entry.pk], "post": "yes"})
    assert AuditEntry.unscoped.get().action == "thing.done"
