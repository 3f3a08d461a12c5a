"""Lanes, recipients, jobs: whoever waits for a recipient holds no job, or a cancel and a runner wait for each other."""

import threading
import time

import pytest
from django.db import connection, transaction
from django.utils import timezone

from jobs.models import Job, Recipient
from jobs.sending.claims import Claimer
from jobs.sending.exchange import exchange
from jobs.sending.reading import refill
from tests.factories import make_account, make_device, make_job
from tests.jobs.arrange import offer_of, sending_one, sent
from tests.waiting import GIVE_UP_SECONDS

pytestmark = pytest.mark.django_db(transaction=True)


def eventually_waits_for_a_lock() -> bool:
    for _ in range(600):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_clear_snapshot()")  # within a transaction it is read once
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            if cursor.fetchone()[0]:
                return True
        time.sleep(0.05)
    return False


def test_a_runner_that_waits_for_a_recipient_holds_no_job() -> None:
    device = make_device(make_account())
    job = make_job(device.account, 2, (device,), next_position=2)
    answered, waiting = Recipient.objects.filter(job=job).in_order()
    offer = offer_of(
        {device.pk},
        outcomes=[sent(sending_one(answered, device))],
        drawn=[(waiting.pk, device.pk, job.pk)],
    )
    answers = []

    def run() -> None:
        try:
            answers.append(exchange(offer))
        finally:
            connection.close()

    runner = threading.Thread(target=run)
    with transaction.atomic():
        # As a cancel does: first who waits, then the job.
        Recipient.objects.select_for_update().get(pk=waiting.pk)
        runner.start()
        assert eventually_waits_for_a_lock()
        Job.unscoped.select_for_update(no_key=True, nowait=True).get(pk=job.pk)
    runner.join(GIVE_UP_SECONDS)

    assert [answer.moved for answer in answers] == [{answered.pk}]
    assert set(answers[0].claimed) == {(device.pk, waiting.pk)}


def test_a_runner_that_reads_what_was_given_back_holds_no_earlier_job_besides_a_later_one() -> None:
    device = make_device(make_account())
    given_back = make_job(device.account, 10, (device,), next_position=10)
    given_back.chunks.create(start=0, end=10)
    fresh = make_job(device.account, 10, (device,))
    free: list[int] = []

    def find_free() -> None:
        with transaction.atomic():
            jobs = Job.unscoped.select_for_update(no_key=True, skip_locked=True).order_by("pk")
            free.extend(job.pk for job in jobs)
        connection.close()

    with transaction.atomic(), connection.cursor() as cursor:
        assert set(refill(cursor, [Claimer(device.pk, 10)], timezone.now())) == {given_back.pk, fresh.pk}
        finder = threading.Thread(target=find_free)
        finder.start()
        finder.join(GIVE_UP_SECONDS)

    assert free == [given_back.pk]
