"""Who may send whom: each recipient goes to one device, whatever several of them have read of it before."""

import pytest
from django.db import connection, transaction
from django.utils import timezone

from jobs.models import Job, Recipient
from jobs.sending.chunks import Waiting
from jobs.sending.claims import Claimer
from jobs.sending.reading import refill
from jobs.states import RecipientState
from tests.factories import make_account, make_device, make_job
from tests.jobs.claiming import claim

pytestmark = pytest.mark.django_db(transaction=True)


def retries_of_two_devices() -> tuple[Job, list[Claimer]]:
    """A job with one retry that is due, which two devices have read."""
    account = make_account()
    devices = (make_device(account), make_device(account))
    job = make_job(account, 1, devices, next_position=1)
    Recipient.objects.filter(job=job).update(due_at=job.created_at, tries=1, unsent_tries=1, tries_left=2)
    claimers = [Claimer(device.pk, 10) for device in devices]
    with transaction.atomic(), connection.cursor() as cursor:
        for claimer in claimers:
            refill(cursor, [claimer], timezone.now())
    return job, claimers


def draw(claimer: Claimer) -> list[tuple[int, int, Waiting]]:
    return [(claimer.device_id, job_id, waiting) for job_id, waiting in claimer.draw(10, timezone.now())]


def test_a_retry_that_two_devices_of_one_process_have_read_goes_to_one_of_them() -> None:
    job, (one, two) = retries_of_two_devices()
    (claimed,) = claim(*draw(one), *draw(two))
    recipient = Recipient.objects.get(job=job)
    assert (recipient.state, recipient.device_id, recipient.tries) == ("sending", claimed.device_id, 2)


def test_what_another_device_tried_meanwhile_waits_for_its_time_and_counts_its_tries() -> None:
    job, (one, two) = retries_of_two_devices()
    late = draw(two)
    assert len(claim(*draw(one))) == 1
    rows = Recipient.objects.filter(job=job)
    rows.update(state=RecipientState.QUEUED, due_at="2999-01-01T00:00Z", tries_left=1)
    assert claim(*late) == []
    rows.update(due_at=job.created_at)
    assert [claimed.tries_left for claimed in claim(*late)] == [1]


def test_a_device_that_serves_many_jobs_holds_no_more_of_them_than_one_chunk() -> None:
    account = make_account()
    device = make_device(account)
    jobs = [make_job(account, 50, (device,)) for _ in range(3)]
    claimer = Claimer(device.pk, 30)
    with transaction.atomic(), connection.cursor() as cursor:
        refill(cursor, [claimer], timezone.now())
    assert [len(claimer.feeds[job.pk]) for job in jobs] == [10, 10, 10]
