"""A person of whom an account holds everything that it can, and a look at all that is stored."""

import os
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.db import connection
from django.utils import timezone

from accounts.audit import Actor
from campaigns.actions import campaign_acts, contact_acts, import_acts, message_acts
from campaigns.contacts.consent_history import Statement, Told
from campaigns.imports import work
from campaigns.models import Contact, ContactImport, Notification
from campaigns.states import Channel
from config.stack.servers import postgres
from devices.models import Device
from devices.phone_numbers import key_of
from jobs import actions
from jobs.intake import importing
from jobs.intake.accepting import BulkFields
from jobs.models import Job, LastWritten, ParkedReceipt, Recipient
from tests.accounts import people
from tests.campaigns import campaigns_of
from tests.devices.endpoints.arrange import endpoint
from tests.jobs.arrange import record, sending_one, sent
from tests.jobs.receipts.arrange import worked
from tests.jobs.replies.arrange import at_the_door, event

PHONE = "+5491155667788"
NAME = "Zenobia Quispehuaman"
LID = "120000047110815"
WROTE = "quiero saber de mi bicicleta tornasolada"
ANSWERED = "la pintamos de magenta"
STREET = "Jiron Aguamarina"
# None of it may be found anywhere afterwards; the number by the digits that all of its spellings end in.
TRACES = ("55667788", "5566-7788", NAME, "Quispehuaman", LID, "tornasolada", "magenta", STREET, "zenobia@")

LIST = f"phone,name,calle\n{PHONE},{NAME},{STREET}\n+51911111111,Otra Persona,Sol\n"


def everything(account: Any, device: Device) -> Contact:
    """Have the account hold all that it can of one person, beside another."""
    member = people.member(account)
    actor = Actor(account, member.user)
    endpoint(account, "https://example.com/hooks")  # and is to tell its own systems of them
    imported(actor, start=True)
    contact = Contact.unscoped.get(account=account, phone=PHONE)
    contact_acts.save(actor, contact, {"email": "zenobia@example.com", "labels": ["vip"]}, Channel.API)
    Contact.unscoped.filter(account=account).update(labels=["vip"])
    bulk_job(actor, device)
    campaign = campaigns_of.campaign(account, message="Hola {{name}} de {{custom_attributes.calle}}")
    run = campaigns_of.started(campaign, timezone.now())
    for recipient in Recipient.objects.filter(job=run.job_id, state="queued"):
        record(sent(sending_one(recipient, device)))
    campaign_acts.send_test(actor, campaign, ["+51922222222"])
    at_the_door(device, event(WROTE, number=PHONE[1:], lid=LID, pushName=NAME))
    at_the_door(device, event(f"y {WROTE}", number="", lid=LID, pushName=NAME))
    worked()
    message_acts.answer(actor, PHONE, ANSWERED)
    theirs = Recipient.objects.filter(phone=PHONE).exclude(gateway_message_id="").first()
    assert theirs is not None
    LastWritten.objects.create(
        account=account, phone_key=key_of(PHONE), recipient_ids=[theirs.pk], times=[timezone.now()]
    )
    later = timezone.now() + timedelta(hours=1)
    ParkedReceipt.objects.create(device_id=device.pk, message_id=theirs.gateway_message_id, due_at=later)
    Notification.unscoped.create(account=account, user=member.user, code="completed", details={"title": f"a {PHONE}"})
    shown = Told("form", "Web", {"name": NAME, "street": STREET}, text_version=f"de {NAME}")
    contact_acts.record_consent(actor, Statement(PHONE, contact.pk, False, timezone.now(), shown))
    contact_acts.save(actor, contact, {"opted_out": True}, Channel.ADMIN)
    number = account.suppressions.get()
    actions.give_reason(actor, number, f"llamó {NAME}")
    imported(actor, start=False)
    return contact


def imported(actor: Actor, *, start: bool, content: str = LIST) -> ContactImport:
    """A file that names the person: read to its end, or waiting for somebody's word."""
    file = TemporaryUploadedFile("lista.csv", "text/csv", 0, None)
    file.write(content.encode())
    file.size = file.tell()
    with file:
        row = import_acts.accept_file(actor, file)
    while work.advance(row.pk, 0.0):
        pass
    if start:
        ContactImport.unscoped.filter(pk=row.pk).move(ContactImport.Status.RUNNING, processed=0)
        while work.advance(row.pk, 0.0):
            pass
    row.refresh_from_db()
    return row


def bulk_job(actor: Actor, device: Device, content: str = "") -> Job:
    """A file of recipients: the person in two spellings and as a number that is none, beside another."""
    content = content or (
        f"telefono|nombre\n{PHONE}|{NAME}\n+541155667788|{STREET}\n54 9 11 5566-7788 y mas|{NAME}\n+51911111111|Otra\n"
    )
    upload = TemporaryUploadedFile("envio.csv", "text/csv", 0, None)
    upload.write(content.encode())
    upload.size = upload.tell()
    with upload:
        job, _ = actions.send_file(actor, upload, BulkFields(message="Hola @valor1", allow_missing=True))
    importing.import_slice(job.pk, 1e12)
    return job


def stored() -> str:
    """All that the database holds, as a dump of it, and every file of the uploads."""
    given = connection.get_connection_params()
    places = {"PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGPASSWORD": "password", "PGDATABASE": "dbname"}
    environ = {**os.environ, **{name: str(given[key]) for name, key in places.items() if given.get(key)}}
    program = postgres.binary_dir(os.environ) / "pg_dump"
    dump = subprocess.run([str(program)], env=environ, check=True, capture_output=True)
    files = [path for path in Path(settings.UPLOAD_DIR).rglob("*") if path.is_file()]
    return (dump.stdout + b"".join(path.read_bytes() for path in files)).decode(errors="replace")


def traces() -> list[str]:
    """What of the person is found in there."""
    text = stored().casefold()
    return [trace for trace in TRACES if trace.casefold() in text]
