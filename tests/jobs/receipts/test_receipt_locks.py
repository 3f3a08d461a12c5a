"""Recipients, jobs: whoever works receipts waits for no recipient, and whoever waits for one holds no job."""

import threading

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from jobs import invariants, retention
from jobs.models import Job, ParkedReceipt, Recipient
from jobs.states import JobStatus
from tests.jobs.arrange import rows
from tests.jobs.receipts.arrange import counters, ids, sent_job, tell, worked
from tests.jobs.sending.test_lock_order import eventually_waits_for_a_lock
from tests.waiting import GIVE_UP_SECONDS

pytestmark = pytest.mark.django_db(transaction=True)


def in_another_session(act) -> threading.Thread:
    def run() -> None:
        try:
            act()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_the_receipts_of_whom_somebody_else_is_at_wait_and_no_others_do() -> None:
    job, device = sent_job(3)
    one, two, three = ids(job)
    tell(device, (one, "READ"), (two, "ERROR"), (three, "READ"))
    with transaction.atomic():
        # A retry goes through the rows in an order of its own, and holds those at which it was.
        Recipient.objects.select_for_update().get(job=job, position=1)
        worker = in_another_session(worked)
        worker.join(GIVE_UP_SECONDS)
        assert not worker.is_alive()
        assert rows(job, "state") == ["read", "sent", "read"]
        assert ParkedReceipt.objects.values_list("message_id", flat=True).get() == two
    ParkedReceipt.objects.update(due_at=Now())
    worked()
    assert rows(job, "state") == ["read", "failed", "read"]
    assert counters(job) == {"sent": 2, "failed": 1, "delivered": 2, "read": 2, "played": 0, "failed_after": 1}
    assert not ParkedReceipt.objects.exists()
    assert invariants.check() == []


def test_who_deletes_a_job_waits_for_its_recipients_before_it_holds_the_job() -> None:
    job, _ = sent_job(2)
    Job.unscoped.filter(pk=job.pk).update(status=JobStatus.COMPLETED, finished_at=timezone.now(), results={"sent": 2})
    deleted: list[int] = []
    with transaction.atomic():
        # As receipts do: first a recipient, then the job.
        Recipient.objects.select_for_update(no_key=True).get(job=job, position=1)
        deleter = in_another_session(lambda: deleted.append(retention.delete_job(job)))
        assert eventually_waits_for_a_lock()
        Job.unscoped.select_for_update(no_key=True, nowait=True).get(pk=job.pk)
    deleter.join(GIVE_UP_SECONDS)
    assert deleted == [2]
    assert not Job.unscoped.exists()
