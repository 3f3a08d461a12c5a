"""A try that may have gone out stays on record until it is proven not to have: the evidence covers every try, and
whoever may have got the message is called unsent by nobody."""

import pytest
from django.db import connection

from devices.gateway.base import DeviceUnavailable, NotSent, OutcomeUnknown, Rejected
from jobs import control, invariants
from jobs.models import Recipient
from jobs.sending import recording, recovery, results
from jobs.sending.outcomes import UNRECORDABLE, Outcome
from jobs.sending.results import LiveFeed
from jobs.states import RecipientState
from tests.factories import make_account, make_device, make_job
from tests.jobs.arrange import ago, not_sent, record, rows, sending, sent, transaction_cursor

pytestmark = pytest.mark.django_db

DOUBT = ("doubt_since", "doubt_device_ids")


@pytest.fixture
def device():
    return make_device(make_account())


@pytest.fixture
def job(device):
    return make_job(device.account, 1, (device,), next_position=1)


def decided(job, device, state, **more):
    """Record what a look-up made of the job's only recipient."""
    (claim,) = sending(job, device)
    Recipient.objects.filter(job=job).update(state="ambiguous")
    with transaction_cursor() as cursor:
        results.record(cursor, [Outcome(claim, state, **more)], LiveFeed(), source=RecipientState.AMBIGUOUS)


def in_doubt(job, device, state="queued", **more):
    """The job's only recipient, once sent to through `device` without an answer."""
    Recipient.objects.filter(job=job).update(
        state=state, tries=1, tried_at=ago(60), doubt_since=ago(60), doubt_device_ids=[device.pk], **more
    )


# --- When it begins and ends ----------------------------------------------------------------------------------------


def test_a_doubtful_answer_begins_it_at_the_time_of_the_try(device, job):
    (claim,) = sending(job, device)
    record(not_sent(claim, OutcomeUnknown("ReadTimeout")))
    [(since, devices)] = rows(job, *DOUBT)
    assert (since, devices) == (rows(job, "tried_at")[0], [device.pk])


@pytest.mark.parametrize("error", [NotSent("DNSError"), DeviceUnavailable("not_connected"), Rejected("too_large")])
def test_a_proof_does_not(device, job, error):
    (claim,) = sending(job, device)
    record(not_sent(claim, error))
    assert rows(job, *DOUBT) == [(None, None)]


def test_a_later_doubt_keeps_the_first_time_and_adds_its_device(device, job):
    other = make_device(device.account)
    in_doubt(job, device)
    [since] = rows(job, "doubt_since")
    (claim,) = sending(job, other)
    record(not_sent(claim, OutcomeUnknown("ReadTimeout")))
    assert rows(job, *DOUBT) == [(since, [device.pk, other.pk])]


def test_a_later_try_that_is_proven_unsent_leaves_it(device, job):
    in_doubt(job, device)
    before = rows(job, *DOUBT)
    (claim,) = sending(job, device)
    record(not_sent(claim, NotSent("DNSError")))
    assert rows(job, *DOUBT) == before


def test_a_workers_death_begins_it(device, job):
    sending(job, device)
    Recipient.objects.filter(job=job).update(due_at=ago(1))
    with transaction_cursor() as cursor:
        assert recovery.recover(cursor, [device.pk], 1.0) == 1
    assert rows(job, "state", *DOUBT) == [("ambiguous", rows(job, "tried_at")[0], [device.pk])]


def test_a_look_up_that_does_not_find_it_ends_it_for_all_tries(device, job):
    in_doubt(job, device)
    Recipient.objects.filter(job=job).update(tries=3)
    decided(job, device, RecipientState.QUEUED, due_in_seconds=0.0, proven_unsent=True)
    [(tries, unsent, *doubt)] = rows(job, "tries", "unsent_tries", *DOUBT)
    assert (unsent, doubt) == (tries, [None, None])


def test_a_repetition_on_the_seeds_word_leaves_it(device, job):
    in_doubt(job, device)
    before = rows(job, *DOUBT)
    decided(job, device, RecipientState.QUEUED, due_in_seconds=0.0, risk_accepted=True)
    assert rows(job, *DOUBT) == before


# --- Who may have it has not failed ---------------------------------------------------------------------------------


def test_who_has_it_from_an_earlier_try_is_asked_for_before_anybody_says_failed(device, job):
    in_doubt(job, device)
    (claim,) = sending(job, device)
    record(not_sent(claim._replace(is_in_doubt=True), Rejected("not_on_whatsapp")))
    assert rows(job, "state", "error_code", "tries_left") == [("ambiguous", "not_on_whatsapp", 0)]


@pytest.mark.parametrize("state", [RecipientState.FAILED, RecipientState.SUPPRESSED])
def test_whatever_ends_it_unsent_ends_it_unknown(device, job, state):
    source = RecipientState.QUEUED if state == RecipientState.SUPPRESSED else RecipientState.SENDING
    (claim,) = sending(job, device)
    in_doubt(job, device, source.value)
    with transaction_cursor() as cursor:
        results.record(cursor, [Outcome(claim, state, "why")], LiveFeed(), source=source)
    assert rows(job, "state", "error_code") == [("unknown", "why")]
    job.refresh_from_db()
    assert (job.sent, job.failed) == (0, 1)


def test_a_cancelled_job_says_unknown_of_those_who_may_have_it(device):
    job = make_job(device.account, 2, (device,), next_position=2)
    Recipient.objects.filter(job=job, position=0).update(
        tries=1, accepted_risks=1, due_at=ago(-60), doubt_since=ago(60), doubt_device_ids=[device.pk]
    )
    control.cancel(job)
    assert rows(job, "state") == ["unknown", "cancelled"]
    job.refresh_from_db()
    assert (job.failed, job.results["by_state"]["unknown"]) == (2, 1)


def test_one_that_failed_proven_unsent_may_be_retried_and_an_unknown_one_not(device):
    job = make_job(device.account, 2, (device,), next_position=2, failed=2)
    failed, unknown = Recipient.objects.filter(job=job).in_order()
    Recipient.objects.filter(pk=failed.pk).update(state="failed", error_code="DNSError", tries=1, unsent_tries=1)
    Recipient.objects.filter(pk=unknown.pk).update(state="unknown", doubt_since=ago(60), doubt_device_ids=[device.pk])
    assert control.retry_failed(job) == 1
    assert rows(job, "state") == ["queued", "unknown"]


def test_a_person_who_settles_an_unknown_ends_the_doubt_and_one_who_resends_keeps_it(device):
    job = make_job(device.account, 2, (device,), next_position=2, failed=2)
    Recipient.objects.filter(job=job).update(state="unknown", tries=1, doubt_since=ago(60), doubt_device_ids=[1])
    control.settle_unknown(job, RecipientState.FAILED, [0])
    control.resend_unknown(job, [1])
    assert rows(job, "state", "doubt_device_ids") == [("failed", None), ("queued", [1])]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("state", ["failed", "cancelled", "suppressed"])
def test_the_nightly_check_finds_one_that_is_called_unsent_all_the_same(device, job, state):
    in_doubt(job, device, state)
    assert "whoever_may_have_it_has_not_failed" in {violation.invariant.name for violation in invariants.check()}


# --- What the database refuses --------------------------------------------------------------------------------------


def test_an_outcome_that_cannot_be_kept_becomes_a_doubt_and_the_others_stay_as_they_are(device):
    job = make_job(device.account, 5, (device,), next_position=5)
    outcomes = [sent(claim) for claim in sending(job, device)]
    poison = outcomes[3] = outcomes[3]._replace(gateway_message_id="x" * 113)
    sifted = recording.sifted(outcomes)
    assert sifted == [
        *outcomes[:3],
        Outcome(poison.claim, RecipientState.AMBIGUOUS, UNRECORDABLE, due_in_seconds=0.0),
        outcomes[4],
    ]
    assert rows(job, "state") == ["sending"] * 5
    assert not connection.needs_rollback
