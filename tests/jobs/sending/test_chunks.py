"""Chunks: how devices divide a job between them, and how nobody falls between two of them."""

import threading
from collections import Counter

import pytest
from django.db import connection, transaction

from devices.gateway.base import NotSent, OutcomeUnknown
from jobs import invariants
from jobs.models import Chunk, Job, Recipient
from jobs.sending import recovery
from jobs.sending.claims import Claimer
from tests.factories import make_account, make_device, make_job
from tests.jobs.arrange import ago, claim, give_back, not_sent, refill, rows, sent, settle, states
from tests.waiting import GIVE_UP_SECONDS

pytestmark = pytest.mark.django_db


@pytest.fixture
def account():
    return make_account()


def chunks(job):
    return list(Chunk.objects.filter(job=job).order_by("start").values_list("start", "end", "device_id"))


def positions(claims):
    return [Recipient.objects.get(pk=one.recipient_id).position for one in claims]


def send_all(claimer):
    """Send everything a device can get, a few at a time."""
    while True:
        if not len(claimer):
            refill(claimer)
        if not (claims := claim(claimer, 7)):
            return
        settle(claimer, *map(sent, claims))


# --- Taking, closing, giving back ------------------------------------------------------------------------------


def test_a_chunk_is_taken_announced_and_read(account):
    device = make_device(account)
    job = make_job(account, 25, (device,))
    claimer = Claimer(device.pk, 10)
    (event,) = refill(claimer)
    assert (event["type"], event["chunk_start"], event["chunk_end"], event["total"]) == ("chunk_processing", 0, 10, 25)
    assert event["message"] == "Procesando chunk 0-10 de 25"
    assert chunks(job) == [(0, 10, device.pk)]
    assert len(claimer) == 10
    job.refresh_from_db()
    assert (job.next_position, job.event_seq) == (10, event["seq"])


def test_what_is_claimed_is_marked_and_committed_and_the_rest_is_not(account):
    device = make_device(account)
    job = make_job(account, 5, (device,))
    claimer = Claimer(device.pk, 10)
    refill(claimer)
    claims = claim(claimer, 2)
    assert positions(claims) == [0, 1]
    assert [(one.phone, one.text) for one in claims] == [
        ("+51900000000", "Hola persona 0"),
        ("+51900000001", "Hola persona 1"),
    ]
    assert rows(job, "state", "device_id", "tries") == [("sending", device.pk, 1)] * 2 + [("queued", None, 0)] * 3
    assert all(tried is not None for tried in rows(job, "tried_at")[:2])


def test_a_chunk_goes_when_all_of_it_has_been_tried_whatever_came_of_it(account):
    device = make_device(account)
    job = make_job(account, 3, (device,))
    claimer = Claimer(device.pk, 10)
    refill(claimer)
    first, second, third = claim(claimer, 3)
    settle(claimer, sent(first), not_sent(second, NotSent("ConnectTimeout")))
    assert chunks(job) == [(0, 3, device.pk)]
    settle(claimer, not_sent(third, OutcomeUnknown("ReadTimeout")))
    assert chunks(job) == []
    # They stand outside it from now on, found by their time.
    assert [due is not None for due in rows(job, "due_at")] == [False, True, True]


def test_what_was_read_and_not_claimed_is_given_back_for_any_device(account):
    device, other = make_device(account), make_device(account)
    job = make_job(account, 20, (device, other))
    claimer = Claimer(device.pk, 10)
    refill(claimer)
    settle(claimer, *map(sent, claim(claimer, 4)))
    give_back(claimer)
    assert chunks(job) == [(4, 10, None)]

    taker = Claimer(other.pk, 10)
    refill(taker)
    assert positions(claim(taker, 6)) == [4, 5, 6, 7, 8, 9]


def test_a_chunk_with_one_in_flight_is_given_back_only_once_that_one_is_answered(account):
    device = make_device(account)
    job = make_job(account, 10, (device,))
    claimer = Claimer(device.pk, 10)
    refill(claimer)
    (in_flight,) = claim(claimer, 1)
    give_back(claimer)
    assert chunks(job) == [(0, 10, device.pk)]  # where a successor would look for it
    settle(claimer, sent(in_flight))
    assert chunks(job) == [(1, 10, None)]


def test_late_answers_of_a_lease_that_was_lost_do_not_close_the_chunk_of_the_next_one(account):
    device = make_device(account)
    job = make_job(account, 10, (device,))
    lost = Claimer(device.pk, 10)
    refill(lost)
    in_flight = claim(lost, 3)
    # A database error: the runner forgot all, and takes the device anew while its requests are still answered.
    with transaction.atomic(), connection.cursor() as cursor:
        recovery.recover(cursor, [device.pk], 0.0)
    anew = Claimer(device.pk, 10)
    refill(anew)
    claims = claim(anew, 7)

    settle(anew, *map(sent, in_flight))
    settle(anew, *map(sent, claims[:6]))

    assert states(job) == {"ambiguous": 3, "sent": 6, "sending": 1}
    assert Chunk.objects.filter(job=job, device=device).exists()  # by which a successor finds the last one
    settle(anew, sent(claims[6]))
    assert not Chunk.objects.filter(job=job).exists()


def test_a_slow_device_takes_no_more_of_a_chunk_than_it_can_send(account):
    fast, slow = make_device(account), make_device(account)
    job = make_job(account, 100, (fast, slow))
    claimer = Claimer(fast.pk, 100)
    refill(claimer)
    give_back(claimer)
    assert chunks(job) == [(0, 100, None)]
    refill(Claimer(slow.pk, 5))
    assert chunks(job) == [(0, 5, slow.pk), (5, 100, None)]


def test_a_chunk_whose_recipients_were_all_cancelled_is_closed_without_a_word(account):
    device = make_device(account)
    job = make_job(account, 10, (device,))
    Recipient.objects.filter(job_id=job.pk).update(state="cancelled")
    claimer = Claimer(device.pk, 10)
    assert refill(claimer) == []
    settle(claimer)
    assert chunks(job) == []


def test_a_device_of_another_job_reads_nothing_of_this_one(account):
    mine, other = make_device(account), make_device(account)
    make_job(account, 10, (mine,))
    claimer = Claimer(other.pk, 10)
    assert refill(claimer) == []
    assert len(claimer) == 0


# --- Jobs that stop -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["paused", "cancelled"])
def test_nothing_more_is_claimed_of_a_job_that_was_stopped_after_it_was_read(account, status):
    device = make_device(account)
    job = make_job(account, 10, (device,))
    claimer = Claimer(device.pk, 10)
    refill(claimer)
    settle(claimer, *map(sent, claim(claimer, 3)))
    Job.unscoped.filter(pk=job.pk).update(status=status)
    assert claim(claimer, 3) == []
    assert states(job) == {"sent": 3, "queued": 7}
    # The next look drops it, and its rows are free again for when it goes on.
    refill(claimer)
    settle(claimer)
    assert len(claimer) == 0
    assert chunks(job) == [(3, 10, None)]


def test_a_recipient_cancelled_after_it_was_read_is_not_sent(account):
    device = make_device(account)
    job = make_job(account, 3, (device,))
    claimer = Claimer(device.pk, 10)
    refill(claimer)
    Recipient.objects.filter(job_id=job.pk, position=1).update(state="cancelled")
    assert positions(claim(claimer, 3)) == [0, 2]


# --- Several devices, several jobs -----------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_devices_that_draw_from_one_job_at_once_never_get_the_same_recipient(account):
    devices = [make_device(account) for _ in range(4)]
    job = make_job(account, 400, tuple(devices))
    claimed = Counter()
    failures = []

    def send(device, chunk_size):
        try:
            claimer = Claimer(device.pk, chunk_size)
            while True:
                if not len(claimer):
                    refill(claimer)
                if not (claims := claim(claimer, 5)):
                    if not len(claimer):
                        break
                    continue
                claimed.update(one.recipient_id for one in claims)
                settle(claimer, *map(sent, claims))
                if claims[0].recipient_id % 3 == 0:
                    give_back(claimer)
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=(device, 7 + index)) for index, device in enumerate(devices)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(GIVE_UP_SECONDS)
    assert failures == []
    assert set(claimed.values()) == {1}
    assert states(job) == {"sent": 400}
    assert chunks(job) == []
    assert invariants.check() == []


def test_a_small_job_does_not_wait_for_a_large_one(account):
    device = make_device(account)
    large, small = make_job(account, 1000, (device,)), make_job(account, 3, (device,))
    claimer = Claimer(device.pk, 100)
    refill(claimer)
    first_six = [one.job_id for one in claim(claimer, 6)]
    assert Counter(first_six) == {large.pk: 3, small.pk: 3}


def test_jobs_take_turns_one_recipient_each(account):
    device = make_device(account)
    jobs = [make_job(account, 10, (device,)) for _ in range(3)]
    claimer = Claimer(device.pk, 10)
    refill(claimer)
    turns = [one.job_id for one in claim(claimer, 9)]
    assert turns[:3] == turns[3:6] == turns[6:]
    assert set(turns) == {job.pk for job in jobs}


def test_a_paused_job_starves_nobody(account):
    device = make_device(account)
    make_job(account, 10, (device,), status="paused")
    job = make_job(account, 10, (device,))
    claimer = Claimer(device.pk, 10)
    send_all(claimer)
    assert states(job) == {"sent": 10}


# --- Retries --------------------------------------------------------------------------------------------------------


def test_a_retry_is_found_when_its_time_has_come_and_not_before(account):
    device = make_device(account)
    job = make_job(account, 2, (device,), next_position=2)
    Recipient.objects.filter(job_id=job.pk, position=0).update(due_at=ago(1), tries=1, unsent_tries=1, tries_left=2)
    Recipient.objects.filter(job_id=job.pk, position=1).update(due_at=ago(-60), tries=1, unsent_tries=1, tries_left=2)
    claimer = Claimer(device.pk, 10)
    assert refill(claimer) == []  # a retry is no chunk
    (retry,) = claim(claimer, 10)
    assert positions([retry]) == [0]
    assert (retry.tries_left, retry.chunk_id) == (2, None)
    assert rows(job, "state", "tries") == [("sending", 2), ("queued", 1)]


def test_a_retry_in_flight_keeps_its_due_time_by_which_a_successor_finds_it(account):
    device = make_device(account)
    job = make_job(account, 1, (device,), next_position=1)
    Recipient.objects.filter(job_id=job.pk).update(due_at=ago(1))
    claimer = Claimer(device.pk, 10)
    refill(claimer)
    (retry,) = claim(claimer, 1)
    assert rows(job, "due_at")[0] is not None
    settle(claimer, sent(retry))
    assert rows(job, "state", "due_at") == [("sent", None)]


def test_a_retry_inside_a_chunk_is_not_read_with_it(account):
    device = make_device(account)
    job = make_job(account, 3, (device,))
    Recipient.objects.filter(job_id=job.pk, position=1).update(due_at=ago(-60))
    claimer = Claimer(device.pk, 10)
    refill(claimer)
    assert positions(claim(claimer, 3)) == [0, 2]


def test_retries_go_before_what_was_never_tried(account):
    device = make_device(account)
    job = make_job(account, 4, (device,))
    Recipient.objects.filter(job_id=job.pk, position=3).update(due_at=ago(1))
    claimer = Claimer(device.pk, 10)
    refill(claimer)
    assert positions(claim(claimer, 2)) == [3, 0]
