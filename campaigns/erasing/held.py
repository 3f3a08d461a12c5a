"""What the rows of jobs and devices hold of a person, for whoever asks: plain JSON, in the order of what happened."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection

from devices.models import Correspondent, Device
from devices.phone_numbers import key_sql
from jobs.erasing import digests
from jobs.erasing.person import Person
from jobs.exclusions import matching
from jobs.message.book import template_of
from jobs.models import Answer, Erasure, ExclusionList, Identity, IncomingMessage, Job, Recipient, Suppression
from jobs.wording import recipient_errors, suppression_reasons

_TIMES = ("sent_at", "delivered_at", "read_at", "played_at", "replied_at", "failed_after_at", "tried_at")


def messages(account_id: int, person: Person) -> list[dict[str, Any]]:
    """What was to be sent to them, and what became of it; who was left out, and why.

    It reads all recipients of the account: about a second for each million.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT recipient.id FROM jobs_recipient AS recipient JOIN jobs_job AS job ON job.id = recipient.job_id
            WHERE job.account_id = %s AND (
                (recipient.phone <> '' AND {key_sql("recipient.phone")} = %s) OR recipient.contact_id = ANY(%s)
            )
            """,  # noqa: S608 - constants
            (account_id, person.phone_key, person.contact_ids),
        )
        ids = [pk for (pk,) in cursor.fetchall()]
    rows = Recipient.objects.filter(pk__in=ids).order_by("job_id", "position")
    jobs: Mapping[int, Job] = Job.unscoped.in_bulk({row.job_id for row in rows})
    devices = _device_names(account_id)
    return [_message(row, jobs[row.job_id], devices) for row in rows]


def _message(row: Recipient, job: Job, devices: Mapping[int, str]) -> dict[str, Any]:
    return {
        "job": str(job.uuid),
        "title": job.title,
        "purpose": job.purpose,
        "created_at": told(job.created_at),
        "phone": row.phone,
        "text": template_of(job).render(row.values, row.phone, row.variant),
        "values": row.values,
        "state": row.state,
        "reason": recipient_errors.on_the_wire(row.error_code),
        "device": devices.get(row.device_id or 0, ""),
        **{name: told(getattr(row, name)) for name in _TIMES},
    }


def replies(account_id: int, person: Person) -> list[dict[str, Any]]:
    """What they wrote."""
    devices = _device_names(account_id)
    rows = IncomingMessage.objects.for_account(account_id)
    found = {
        row.pk: row
        for theirs in ({"phone_key": person.phone_key}, {"lid__in": person.lids})
        if all(theirs.values())
        for row in rows.filter(**theirs)
    }
    return [
        {
            "device": devices.get(row.device_id, ""),
            "name": row.name,
            "kind": row.kind,
            "text": row.text,
            "wish": row.wish,
            **{name: told(getattr(row, name)) for name in ("at", "received_at", "edited_at", "settled_at")},
        }
        for _, row in sorted(found.items())
    ]


def answers(account_id: int, person: Person) -> list[dict[str, Any]]:
    """What was written to them alone; what became of it stands among the messages."""
    if not person.phone:
        return []
    rows = Answer.objects.for_account(account_id).filter(phone_key=person.phone_key).select_related("job")
    return [
        {"job": str(row.job.uuid), "text": row.text, "created_at": told(row.created_at)} for row in rows.order_by("id")
    ]


def suppressions(account_id: int, person: Person) -> list[dict[str, Any]]:
    """That they are not written to, and why."""
    if not person.phone:
        return []
    rows = Suppression.objects.for_account(account_id).filter(phone_key=person.phone_key)
    found = [
        {
            "phone": row.phone,
            "reason": suppression_reasons.on_the_wire(row.reason_code, row.reason),
            "since": told(row.since),
            "created_at": told(row.created_at),
        }
        for row in rows
    ]
    digester = digests.of_account(account_id)
    if digester is not None:
        digest = digester.of(person.phone_key)
        theirs = Erasure.objects.for_account(account_id).filter(digest=digest)
        found += [{"erased_at": told(one.done_at), "asked_at": told(one.asked_at)} for one in theirs]
    return found


def exclusions(account_id: int, person: Person) -> list[dict[str, Any]]:
    """The exclusion lists that name them."""
    if not person.phone:
        return []
    lists = ExclusionList.objects.for_account(account_id).exclude(load=None).select_related("load").order_by("id")
    with connection.cursor() as cursor:
        return [
            {
                "name": one.name,
                "registry": one.kind,
                "in_use": one.is_on,
                "file_date": one.load.file_date and one.load.file_date.isoformat(),
                "loaded_at": told(one.load.loaded_at),
            }
            for one in lists
            if matching.named(cursor, matching.loads_of([one.load_id]), [person.phone])
        ]


def identities(account_id: int, person: Person) -> list[dict[str, Any]]:
    """WhatsApp's other names for them, and to which devices they have written."""
    if not person.phone:
        return []
    devices = _device_names(account_id)
    known = Identity.objects.filter(account_id=account_id, phone_key=person.phone_key).order_by("id")
    wrote = Correspondent.objects.filter(device_id__in=devices, phone_key=person.phone_key).order_by("first_at")
    return [
        *[{"lid": one.lid, "phone": one.phone, "learned_at": told(one.learned_at)} for one in known],
        *[
            {"device": devices[one.device_id], "first_at": told(one.first_at), "last_at": told(one.last_at)}
            for one in wrote
        ],
    ]


def told(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _device_names(account_id: int) -> dict[int, str]:
    return dict(Device.unscoped.filter(account_id=account_id).values_list("pk", "name"))
