"""The checker finds what breaks a promise, and nothing else."""

import pytest
from django.core.management import call_command

from jobs import invariants
from jobs.models import Chunk, Job, Recipient
from tests.factories import make_account, make_job

pytestmark = pytest.mark.django_db(transaction=True)


def broken() -> set[str]:
    return {violation.invariant.name for violation in invariants.check()}


def test_nothing_is_wrong_with_jobs_that_wait_or_are_sent() -> None:
    make_job(make_account(), 5)
    job = make_job(make_account(), 5, next_position=5)
    Chunk.objects.create(job=job, start=0, end=5)
    assert broken() == set()
    call_command("check_invariants")


@pytest.mark.parametrize(
    ("job_changes", "recipient_changes", "name"),
    [
        ({"total": 6}, {}, "states_sum_to_total"),
        ({"sent": 1}, {}, "counters_are_the_rows"),
        ({"delivered": 1}, {}, "receipts_are_counted_once"),
        ({"read": 1}, {}, "receipts_are_counted_once"),
        ({"played": 1}, {}, "receipts_are_counted_once"),
        ({"failed_after": 1}, {}, "receipts_are_counted_once"),
        ({}, {"state": "delivered"}, "a_tick_implies_those_before_it"),
        ({}, {"state": "sent", "delivered_at": "2026-01-01T00:00Z"}, "a_tick_implies_those_before_it"),
        ({}, {"state": "read", "delivered_at": "2026-01-01T00:00Z"}, "a_tick_implies_those_before_it"),
        ({}, {"state": "sent", "failed_after_at": "2026-01-01T00:00Z"}, "a_tick_implies_those_before_it"),
        ({}, {"tries": 2}, "one_request_for_each_proven_unsent"),
        ({}, {"state": "sending", "tried_at": "2020-01-01T00:00Z", "tries": 1}, "nobody_is_stuck_sending"),
        ({"next_position": 5}, {}, "nobody_is_out_of_reach"),
        ({"canary_state": "under_way", "canary_end": 2, "next_position": 3}, {}, "a_canary_goes_ahead"),
        ({"canary_state": "under_way", "canary_end": 0}, {"tries": 1}, "a_canary_goes_ahead"),
        ({}, {"state": "ambiguous"}, "nobody_is_out_of_reach"),
        ({"finished_at": "2020-01-01T00:00Z"}, {}, "ended_means_nobody_waits"),
        ({"status": "completed"}, {}, "ended_means_nobody_waits"),
        ({"finished_at": "2020-01-01T00:00Z"}, {}, "sums_add_up"),
    ],
)
def test_each_broken_promise_is_found(job_changes: dict, recipient_changes: dict, name: str) -> None:
    job = make_job(make_account(), 5)
    Job.unscoped.filter(pk=job.pk).update(**job_changes)
    if recipient_changes:
        Recipient.objects.filter(job=job, position=0).update(**recipient_changes)
    assert name in broken()
    with pytest.raises(SystemExit) as ended:
        call_command("check_invariants")
    assert ended.value.code == 1


def test_chunks_that_overlap_are_found() -> None:
    job = make_job(make_account(), 5, next_position=5)
    Chunk.objects.create(job=job, start=0, end=3)
    Chunk.objects.create(job=job, start=2, end=5)
    assert broken() == {"one_sender_for_each_chunk"}
