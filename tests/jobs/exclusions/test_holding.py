"""For whom and for which jobs exclusion lists hold, when their turn comes."""

import pytest
from django.utils import timezone

from accounts.models import Account
from devices.models import Device
from jobs import invariants
from jobs.models import ExclusionList, ExclusionLoad, Job, JobPurpose, Recipient
from jobs.sending import results
from jobs.sending.claims import Claimer
from jobs.sending.results import LiveFeed
from jobs.states import RecipientState
from tests.factories import make_account, make_device, make_job
from tests.jobs.arrange import claim, refill, rows, sent, settle, transaction_cursor
from tests.jobs.exclusions.arrange import exclusion_list, hashed, named

pytestmark = pytest.mark.django_db(transaction=True)

FIRST = "+51900000000"


@pytest.fixture
def account() -> Account:
    return make_account()


@pytest.fixture
def device(account: Account) -> Device:
    return make_device(account)


def sent_to(job: Job, device: Device) -> list[str]:
    """Who would be written to, in order; the others get their outcome."""
    claimer = Claimer(device.pk, 100)
    refill(claimer)
    with transaction_cursor() as cursor:
        results.record(cursor, claimer.take_left_out(), LiveFeed(), source=RecipientState.QUEUED)
    return [made.phone for made in claim(claimer, 100)]


@pytest.mark.parametrize("kind", ["own", "repep"])
@pytest.mark.parametrize("message", ["commercial", "service", ""])
@pytest.mark.parametrize("purpose", list(JobPurpose))
def test_own_lists_hold_for_what_goes_to_many_and_registries_for_advertising(account, device, kind, message, purpose):
    exclusion_list(account, [FIRST], kind=kind)
    job = make_job(account, 2, (device,), kind=message, purpose=purpose)
    holds = purpose == JobPurpose.SEND and (kind == "own" or message == "commercial")
    assert (FIRST not in sent_to(job, device)) is holds
    row = Recipient.objects.get(job=job, position=0)
    assert (row.state, row.error_code) == (("suppressed", "excluded_by_list") if holds else ("sending", ""))
    job.refresh_from_db()
    assert job.failed == holds
    assert invariants.check() == []


@pytest.mark.parametrize("algorithm", ["sha256", "sha1", "md5"])
def test_a_hashed_list_holds(account, device, algorithm):
    exclusion_list(account, hashes=[hashed("900000000", algorithm)], country="PE")
    assert FIRST not in sent_to(make_job(account, 2, (device,)), device)


def test_every_list_holds(account, device):
    exclusion_list(account, [FIRST], name="una")
    exclusion_list(account, hashes=[hashed("+51900000001")], name="otra")
    assert sent_to(make_job(account, 3, (device,)), device) == ["+51900000002"]


def test_another_accounts_list_and_one_that_is_off_or_not_loaded_hold_for_nobody(account, device):
    exclusion_list(make_account(), [FIRST])
    exclusion_list(account, [FIRST], name="off", is_on=False)
    ExclusionList.unscoped.create(account=account, name="empty", kind="own")
    assert sent_to(make_job(account, 2, (device,)), device) == [FIRST, "+51900000001"]


def test_who_is_tried_again_is_asked_again(account, device):
    job = make_job(account, 2, (device,))
    Recipient.objects.filter(job=job, position=0).update(due_at=timezone.now())
    exclusion_list(account, [FIRST])
    assert sent_to(job, device) == ["+51900000001"]
    assert rows(job, "error_code")[0] == "excluded_by_list"


def test_a_list_that_comes_into_force_holds_for_who_was_read_before(account, device):
    job = make_job(account, 2, (device,))
    claimer = Claimer(device.pk, 100)
    refill(claimer)
    named(exclusion_list(account, [FIRST]), FIRST)  # a contact: they are looked for before it holds
    (claimed,) = claim(claimer, 100)
    assert claimed.phone == "+51900000001"
    assert rows(job, "state")[0] == RecipientState.QUEUED  # and is read again
    settle(claimer, sent(claimed))
    assert sent_to(job, device) == []
    assert rows(job, "state")[0] == RecipientState.SUPPRESSED


def test_a_newer_file_holds_instead_of_the_one_before(account, device):
    made = exclusion_list(account, [FIRST])
    newer = exclusion_list(account, ["+51900000001"], name="newer")
    ExclusionList.unscoped.filter(pk=newer.pk).update(load=None)
    ExclusionLoad.objects.filter(pk=newer.load_id).update(exclusion_list=made)
    ExclusionList.unscoped.filter(pk=made.pk).update(load=newer.load_id)
    assert sent_to(make_job(account, 2, (device,)), device) == [FIRST]
