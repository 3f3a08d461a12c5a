"""Lanes, recipients, jobs: whoever waits for a recipient holds no job, or a cancel and a runner wait for each other."""

import threading
import time

import pytest
from django.db import connection, transaction

from jobs.models import Job, Recipient
from jobs.sending.exchange import exchange
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
