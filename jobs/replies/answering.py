"""One message to one person, through one device: a small job, paced, looked up and counted like any other."""

from django.db import transaction
from django.db.models.functions import Now

from accounts.models import User
from devices.phone_numbers import key_of
from jobs.models import Answer, Job, JobPurpose, Recipient
from jobs.states import RecipientState

LONGEST_TEXT = 4_096  # of what is written as one message; WhatsApp takes more, and nobody reads it


def write_to(
    account_id: int, device_id: int, phone: str, text: str, purpose: JobPurpose, user: User | None = None
) -> Job:
    """Have `text`, as it stands, sent to a number ("+" and digits). The sweep starts it."""
    with transaction.atomic():
        job: Job = Job.unscoped.create(
            account_id=account_id,
            created_by=user,
            title=text[:200],
            # Not the template itself: what a person writes may look like a variable.
            message="@valor1",
            columns=["texto"],
            purpose=purpose,
            devices_limit=1,
            requested_device_ids=[device_id],
            canary_wanted=False,
            total=1,
            imported=1,
            imported_at=Now(),
        )
        Recipient.objects.create(job=job, position=0, phone=phone, values=[text], state=RecipientState.QUEUED)
        Answer.unscoped.create(account_id=account_id, job=job, phone_key=key_of(phone), text=text)
    return job
