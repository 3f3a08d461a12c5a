"""What became of a job's messages by device and by variant, counted as it comes and without reading the recipients."""

from collections.abc import Iterator

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from devices.models import Device
from jobs import control, invariants
from jobs.models import Job, JobPart, Recipient
from jobs.sending import finishing
from jobs.states import RecipientState
from tests.factories import make_account, make_device, make_job
from tests.jobs.arrange import record, sending_one, sent
from tests.jobs.receipts.arrange import ids, tell, worked

pytestmark = pytest.mark.django_db(transaction=True)

RECEIPTS = ("delivered", "read", "played", "failed_after")
AT_THE_END = ("total", "sent", "failed")


@pytest.fixture(autouse=True)
def _promises_hold() -> Iterator[None]:
    yield
    assert invariants.check() == []


@pytest.fixture
def devices() -> list[Device]:
    account = make_account()
    return [make_device(account, instance_name=name) for name in ("demo-1", "demo-2")]


@pytest.fixture
def job(devices: list[Device]) -> Job:
    """Six recipients, all sent to: the first three through the first device; each second one has the second variant."""
    job = make_job(devices[0].account, 6, tuple(devices), next_position=6)
    for recipient in Recipient.objects.filter(job=job).in_order():
        Recipient.objects.filter(pk=recipient.pk).update(variant=recipient.position % 2)
        record(sent(sending_one(recipient, devices[recipient.position // 3])))
    job.refresh_from_db()
    return job


def parts(job: Job, *names: str) -> dict[tuple[int, int], list[int]]:
    """By device, from 0, and variant: the counters of these names."""
    first = (
        JobPart.objects.filter(job=job, device_id__gt=0).order_by("device_id").values_list("device_id", flat=True)[0]
    )
    return {
        (max(-1, part.device_id - first), part.variant): [getattr(part, name) for name in names]
        for part in JobPart.objects.filter(job=job).order_by("device_id", "variant")
    }


def test_receipts_are_counted_by_device_and_variant(job: Job, devices: list[Device]) -> None:
    messages = ids(job)
    first, second = devices
    tell(first, (messages[0], "PLAYED"), (messages[1], "ERROR"), (messages[2], "DELIVERY_ACK"))
    tell(second, (messages[3], "READ"), (messages[3], "READ"), (messages[5], "DELIVERY_ACK"))
    worked()
    assert parts(job, *RECEIPTS) == {
        (0, 0): [2, 1, 1, 0],
        (0, 1): [0, 0, 0, 1],
        (1, 1): [2, 1, 0, 0],
    }
    part = JobPart.objects.get(job=job, device_id=first.pk, variant=0)
    times = Recipient.objects.filter(job=job, device=first, variant=0).values_list("delivered_at", flat=True)
    assert (part.first_receipt_at, part.last_receipt_at) == (min(times), max(times))


def test_how_many_there_were_is_counted_at_the_end_and_moves_with_later_receipts(
    job: Job, devices: list[Device]
) -> None:
    messages = ids(job)
    assert finishing.finish(job.pk)
    assert parts(job, *AT_THE_END) == {(0, 0): [2, 2, 0], (0, 1): [1, 1, 0], (1, 0): [1, 1, 0], (1, 1): [2, 2, 0]}
    tell(devices[0], (messages[1], "ERROR"), (messages[2], "ERROR"))
    worked()
    assert parts(job, *AT_THE_END)[0, 0] == [2, 1, 1]
    assert parts(job, *AT_THE_END)[0, 1] == [1, 0, 1]
    tell(devices[0], (messages[1], "DELIVERY_ACK"))
    worked()
    assert parts(job, *AT_THE_END, *RECEIPTS)[0, 1] == [1, 1, 0, 1, 0, 0, 0]


def test_who_is_tried_again_is_refused_no_longer_and_counted_where_he_ends(job: Job, devices: list[Device]) -> None:
    messages = ids(job)
    finishing.finish(job.pk)
    tell(devices[0], (messages[1], "ERROR"))
    worked()
    assert control.retry_failed(job) == 1
    assert parts(job, *RECEIPTS)[0, 1] == [0, 0, 0, 0]
    again = Recipient.objects.get(job=job, position=1)
    Recipient.objects.filter(pk=again.pk).update(due_at=None)
    record(sent(sending_one(again, devices[1]))._replace(gateway_message_id="AGAIN"))
    Recipient.objects.filter(pk=again.pk).update(tries=2)
    finishing.finish(job.pk)
    assert parts(job, *AT_THE_END) == {(0, 0): [2, 2, 0], (0, 1): [0, 0, 0], (1, 0): [1, 1, 0], (1, 1): [3, 3, 0]}


def test_who_is_counted_as_sent_on_a_persons_word_is_refused_no_longer(job: Job, devices: list[Device]) -> None:
    Recipient.objects.filter(job=job, position=1).update(
        doubt_since=job.created_at, doubt_device_ids=[devices[0].pk], tries=2, accepted_risks=1
    )
    tell(devices[0], (ids(job)[1], "ERROR"))
    worked()
    finishing.finish(job.pk)
    assert parts(job, *AT_THE_END, *RECEIPTS)[0, 1] == [1, 0, 0, 0, 0, 0, 1]
    assert control.settle_unknown(job, RecipientState.SENT) == 1
    assert parts(job, *AT_THE_END, *RECEIPTS)[0, 1] == [1, 1, 0, 0, 0, 0, 0]


def test_who_was_never_tried_is_of_no_device(devices: list[Device]) -> None:
    job = make_job(devices[0].account, 3, tuple(devices))
    assert control.cancel(job)
    assert list(JobPart.objects.filter(job=job).values_list("device_id", *AT_THE_END)) == [(0, 3, 0, 3)]


def test_a_batch_reads_no_recipients_but_its_own(job: Job, devices: list[Device]) -> None:
    tell(devices[0], (ids(job)[0], "READ"))
    with CaptureQueriesContext(connection) as queries:
        worked()
    assert not [sql for query in queries if "count(*)" in (sql := query["sql"]) and "jobs_recipient" in sql]
