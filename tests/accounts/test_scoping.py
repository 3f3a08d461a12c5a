"""No query forgets the account."""

import pytest

from accounts.models import ApiToken, AuditEntry, Membership
from accounts.scoping import AccountRequired
from devices.models import Device
from jobs.models import Job, Suppression
from tests.accounts import people

SCOPED = [Membership, ApiToken, AuditEntry, Device, Job, Suppression]


@pytest.mark.parametrize("model", SCOPED)
@pytest.mark.parametrize("query", ["all", "filter", "get", "create", "count", "values", "order_by"])
def test_a_query_that_names_no_account_raises(model, query):
    with pytest.raises(AccountRequired, match="for_account"):
        getattr(model.objects, query)


@pytest.mark.django_db
@pytest.mark.parametrize("model", SCOPED)
def test_a_query_that_names_one_finds_only_its_rows(model):
    assert not model.objects.for_account(people.account()).exists()


@pytest.mark.django_db
def test_the_path_to_the_account_may_lead_over_another_model():
    mine, other = people.member(), people.member()
    token, _ = ApiToken.issue(mine, "x")
    ApiToken.issue(other, "x")
    assert list(ApiToken.objects.for_account(mine.account)) == [token]
    assert list(ApiToken.objects.for_account(mine.account_id)) == [token]
