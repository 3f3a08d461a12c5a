"""Accounts that were there before there were rules of countries go on as they did."""

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from accounts.models import Account, AuditEntry


@pytest.mark.django_db(transaction=True)
def test_an_account_of_before_has_none_on_and_its_log_says_so() -> None:
    try:
        executor = MigrationExecutor(connection)
        executor.migrate([("accounts", "0003_replies")])
        apps = MigrationExecutor(connection).loader.project_state([("accounts", "0003_replies")]).apps
        apps.get_model("accounts", "Account").objects.create(name="De antes")
    finally:
        executor = MigrationExecutor(connection)
        executor.migrate(executor.loader.graph.leaf_nodes())

    account = Account.objects.get(name="De antes")
    assert (account.country_rules, account.frequency_cap) == ([], {})
    entry = AuditEntry.unscoped.get(account=account)
    assert (entry.action, entry.user) == ("account.rules_off_at_upgrade", None)
    assert Account.objects.create(name="De ahora").country_rules == ["CO", "PE"]
