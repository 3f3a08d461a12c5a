"""Messages that were sent, and what gateways tell of them."""

import json
import time

from devices.models import Device
from devices.webhooks import inbox
from jobs.models import Job, Recipient
from jobs.receipts import work
from tests.factories import make_account, make_device, make_job
from tests.jobs.arrange import record, sending, sent


def sent_job(recipients: int = 3, **fields: object) -> tuple[Job, Device]:
    """A job all of whose recipients were sent to: their messages are ID-<recipient's id>."""
    device = make_device(make_account())
    job = make_job(device.account, recipients, (device,), next_position=recipients, **fields)
    record(*(sent(claim) for claim in sending(job, device)))
    job.refresh_from_db()
    return job, device


def ids(job: Job) -> list[str]:
    return [f"ID-{pk}" for pk in Recipient.objects.filter(job=job).in_order().values_list("pk", flat=True)]


def tell(device: Device, *receipts: tuple[str, str]) -> None:
    """Put (message id, status) into the inbox, as the door does."""
    inbox.keep(
        [
            (
                device.pk,
                json.dumps(
                    {"event": "messages.update", "data": {"keyId": message_id, "fromMe": True, "status": status}}
                ),
            )
            for message_id, status in receipts
        ]
    )


def worked() -> None:
    """All that is in the inbox by now."""
    while work.work(time.monotonic() + 60):
        pass


def counters(job: Job) -> dict[str, int]:
    names = ("sent", "failed", "delivered", "read", "played", "failed_after")
    return dict(zip(names, Job.unscoped.values_list(*names).get(pk=job.pk), strict=True))
