"""Recording outcomes: recipients, counters and events move together, each once."""

import threading
from itertools import pairwise

import pytest
from django.db import DataError, connection

from devices.gateway.base import DeviceUnavailable, NotSent, OutcomeUnknown, Rejected
from jobs import invariants
from jobs.models import Job, Recipient
from jobs.sending import results
from jobs.sending.results import LiveFeed
from tests.factories import make_account, make_device, make_job
from tests.jobs.arrange import not_sent, record, rows, sending, sent, states, transaction_cursor
from tests.waiting import GIVE_UP_SECONDS

pytestmark = pytest.mark.django_db
NO_ALLOWANCE = -1000.0  # it refills by the second: on a busy machine nought is soon one


@pytest.fixture
def device():
    return make_device(make_account())


def job_of(device, recipients, **fields):
    return make_job(device.account, recipients, (device,), next_position=recipients, **fields)


def counters(job):
    job.refresh_from_db()
    return job.sent, job.failed


# --- Rows and counters -----------------------------------------------------------------------------------------------


def test_a_sent_message_is_on_its_row_with_everything_known_of_it(device):
    job = job_of(device, 1)
    (claim,) = sending(job, device)
    record(sent(claim))
    row = Recipient.objects.get(job_id=job.pk)
    assert (row.state, row.gateway_message_id, row.error_code, row.due_at) == ("sent", f"ID-{row.pk}", "", None)
    assert row.sent_at is not None
    assert counters(job) == (1, 0)


def test_every_kind_of_outcome_is_counted_once_and_only_where_somebody_has_ended(device):
    job = job_of(device, 6)
    one, two, three, four, five, _six = sending(job, device)
    record(
        sent(one),
        not_sent(two, Rejected("not_on_whatsapp")),
        not_sent(three, NotSent("ConnectTimeout")),
        not_sent(four, DeviceUnavailable("connection_closed")),
        not_sent(five, OutcomeUnknown("ReadTimeout")),
    )
    assert rows(job, "state") == ["sent", "failed", "queued", "queued", "ambiguous", "sending"]
    assert rows(job, "unsent_tries") == [0, 1, 1, 1, 0, 0]
    assert rows(job, "tries_left") == [3, 3, 2, 3, 3, 3]
    assert [due is not None for due in rows(job, "due_at")] == [False, False, True, True, True, False]
    assert counters(job) == (1, 1)


def test_an_outcome_recorded_twice_counts_once(device):
    job = job_of(device, 2)
    one, two = sending(job, device)
    assert len(record(sent(one)).events) == 1
    assert record(sent(one)).events == []
    # The same again within one order: what a runner repeats after the database failed it.
    record(sent(one), sent(two))
    assert counters(job) == (2, 0)
    assert states(job) == {"sent": 2}


def test_an_outcome_for_somebody_no_longer_being_sent_changes_nothing(device):
    job = job_of(device, 4)
    claims = sending(job, device)
    for position, state in enumerate(["queued", "ambiguous", "cancelled", "unknown"]):
        Recipient.objects.filter(job_id=job.pk, position=position).update(state=state)
    before = rows(job, "state", "gateway_message_id", "due_at")
    assert record(*map(sent, claims)).events == []
    assert rows(job, "state", "gateway_message_id", "due_at") == before
    assert counters(job) == (0, 0)


def test_an_outcome_of_a_device_that_is_no_longer_the_sender_changes_nothing(device):
    other = make_device(device.account)
    job = job_of(device, 1)
    (claim,) = sending(job, device)
    Recipient.objects.filter(job_id=job.pk).update(device=other)
    record(sent(claim))
    assert states(job) == {"sending": 1}
    assert counters(job) == (0, 0)


def test_several_jobs_are_counted_each_for_itself(device):
    jobs = [job_of(device, 3) for _ in range(3)]
    claims = [claim for job in jobs for claim in sending(job, device)]
    recorded = record(*(sent(claim) for claim in claims if claim.job_id != jobs[1].pk))
    assert [counters(job) for job in jobs] == [(3, 0), (0, 0), (3, 0)]
    assert sorted(recorded.ended_job_ids) == [jobs[0].pk, jobs[2].pk]


def test_nothing_is_recorded_when_the_transaction_fails(device):
    job = job_of(device, 1)
    (claim,) = sending(job, device)

    def record_and_fail():
        with transaction_cursor() as cursor:
            record(sent(claim))
            cursor.execute("SELECT 1 / 0")

    with pytest.raises(DataError):
        record_and_fail()
    assert states(job) == {"sending": 1}
    assert counters(job) == (0, 0)
    assert job.event_seq == 0


def test_the_last_outcome_ends_the_job_and_an_earlier_one_does_not(device):
    job = job_of(device, 3)
    one, two, three = sending(job, device)
    assert record(sent(one), not_sent(two, OutcomeUnknown("ReadTimeout"))).ended_job_ids == []
    assert record(sent(three)).ended_job_ids == []  # one is still in doubt
    Recipient.objects.filter(pk=two.recipient_id).update(state="sending")
    assert record(sent(two)).ended_job_ids == [job.pk]


# --- Events ---------------------------------------------------------------------------------------------------------


def test_a_success_and_a_failure_as_seed_000_tells_them(device):
    job = job_of(device, 4)
    one, two, *_ = sending(job, device)
    progress, error = record(sent(one), not_sent(two, Rejected("not_on_whatsapp"))).events
    assert progress == {
        "type": "progress",
        "job_id": str(job.uuid),
        "device_id": device.pk,
        "phone": "+51900000000",
        "status": "sent",
        "progress": {"sent": 1, "failed": 0, "total": 4, "percentage": 25.0},
        "seq": 1,
    }
    assert error == {
        "type": "error",
        "job_id": str(job.uuid),
        "device_id": device.pk,
        "phone": "+51900000001",
        "error": "not_on_whatsapp",
        "progress": {"sent": 1, "failed": 1, "total": 4, "percentage": 50.0},
        "seq": 2,
    }


def test_a_retry_and_a_doubt_are_no_news_yet(device):
    job = job_of(device, 2)
    one, two = sending(job, device)
    recorded = record(not_sent(one, NotSent("ConnectTimeout")), not_sent(two, OutcomeUnknown("ReadTimeout")))
    assert recorded.events == []
    assert Job.unscoped.get(pk=job.pk).event_seq == 0


def test_beyond_its_allowance_a_job_keeps_the_newest_for_later_and_tells_the_last_in_any_case(device):
    job = job_of(device, 10, event_allowance=NO_ALLOWANCE)
    claims = sending(job, device)
    feed = LiveFeed()
    assert record(*map(sent, claims[:5]), feed=feed).events == []
    assert [held.phone for held in feed.held[job.pk]] == ["+51900000004"]
    recorded = record(*map(sent, claims[5:]), feed=feed)
    assert recorded.events[-1]["progress"] == {"sent": 10, "failed": 0, "total": 10, "percentage": 100.0}
    assert feed.held == {}


def test_what_was_held_back_is_told_with_the_counters_of_now(device):
    job = job_of(device, 10, event_allowance=NO_ALLOWANCE)
    claims = sending(job, device)
    one, two = LiveFeed(), LiveFeed()  # of two processes
    record(*map(sent, claims[:3]), feed=one)
    record(*map(sent, claims[3:6]), feed=two)
    Job.unscoped.filter(pk=job.pk).update(event_allowance=10)
    (event,) = record(feed=one, flush=True).events
    assert event["phone"] == "+51900000002"
    assert event["progress"]["sent"] == 6


def test_nothing_follows_the_last_event_of_a_job(device):
    job = job_of(device, 4, event_allowance=NO_ALLOWANCE)
    claims = sending(job, device)
    feed = LiveFeed()
    record(sent(claims[0]), feed=feed)  # held back by a process that
    Job.unscoped.filter(pk=job.pk).update(status="completed", event_allowance=100)  # is overtaken by another
    assert record(feed=feed, flush=True).events == []


@pytest.mark.django_db(transaction=True)
def test_numbers_are_without_gaps_and_counters_exact_when_many_record_at_once(device):
    """Four runners, three jobs, outcomes doubled: as after a night of restarts."""
    jobs = [job_of(device, 100, event_allowance=1000) for _ in range(3)]
    claims = [claim for job in jobs for claim in sending(job, device)]
    events, ended, failures = [], [], []

    def run(number):
        try:
            feed = LiveFeed()
            mine = [claim for index, claim in enumerate(claims) if index % 4 in {number, (number + 1) % 4}]
            for start in range(0, len(mine), 10):
                recorded = record(*map(sent, mine[start : start + 10]), feed=feed)
                events.extend(recorded.events)
                ended.extend(recorded.ended_job_ids)
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()

    runners = [threading.Thread(target=run, args=[number]) for number in range(4)]
    for runner in runners:
        runner.start()
    for runner in runners:
        runner.join(GIVE_UP_SECONDS)
    assert failures == []
    for job in jobs:
        told = sorted((event for event in events if event["job_id"] == str(job.uuid)), key=lambda event: event["seq"])
        job.refresh_from_db()
        assert [event["seq"] for event in told] == list(range(1, job.event_seq + 1))
        assert all(earlier["progress"]["sent"] < later["progress"]["sent"] for earlier, later in pairwise(told))
        assert (job.sent, job.failed) == (100, 0)
    assert sorted(ended) == [job.pk for job in jobs]  # each told to have ended by exactly one
    assert [violation for violation in invariants.check() if violation.invariant.name == "counters_are_the_rows"] == []


def test_one_more_number_for_several_jobs(device):
    jobs = [job_of(device, 1, event_seq=seq) for seq in (0, 41)]
    with transaction_cursor() as cursor:
        numbered = results.next_seq(cursor, {job.pk: number for job, number in zip(jobs, (1, 3), strict=True)})
    assert numbered == {job.pk: (str(job.uuid), seq, 1) for job, seq in zip(jobs, (1, 42), strict=True)}
    assert [Job.unscoped.get(pk=job.pk).event_seq for job in jobs] == [1, 44]


def test_chunks_that_were_taken_together_are_told_of_as_one(device):
    job = job_of(device, 100)
    with transaction_cursor() as cursor:
        told = results.chunks_taken(cursor, {job.pk: [(10, 15), (0, 5), (5, 10), (40, 41), (70, 90), (95, 99)]})
    assert [(event["seq"], event["chunk_start"], event["chunk_end"]) for event in told] == [
        (1, 0, 15),
        (2, 70, 90),
        (3, 95, 99),
    ]


def test_where_no_chunk_was_taken_nothing_is_told():
    with transaction_cursor() as cursor:
        assert results.chunks_taken(cursor, {}) == []


# --- The results of a job ---------------------------------------------------------------------------------------------


def test_results_are_counted_from_the_rows(device):
    job = job_of(device, 6)
    ends = [("sent", ""), ("delivered", "ReadTimeout"), ("read", ""), ("failed", "not_on_whatsapp")]
    ends += [("suppressed", "duplicate"), ("unknown", "worker_died")]
    for position, (state, code) in enumerate(ends):
        Recipient.objects.filter(job_id=job.pk, position=position).update(state=state, error_code=code)
    with transaction_cursor() as cursor:
        tally = results.tally(cursor, job.pk)
    assert (tally["sent"], tally["failed"], tally["total"]) == (3, 3, 6)
    assert tally["by_state"] == {
        "queued": 0,
        "sending": 0,
        "ambiguous": 0,
        "sent": 1,
        "delivered": 1,
        "read": 1,
        "failed": 1,
        "suppressed": 1,
        "cancelled": 0,
        "unknown": 1,
    }
    # What went well in the end is no error.
    assert tally["by_error"] == {"not_on_whatsapp": 1, "duplicate": 1, "worker_died": 1}
