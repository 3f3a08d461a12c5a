"""What people write, as gateways post it: so many a second through the real web server, while messages go out.

Each of them answers a message of ours, one in three by quoting it, and one in a hundred wants no more. What is measured
counts only if every message is kept once, tied to what it answers, and every wish is obeyed.
"""

import json
import os
import threading
import time
from collections.abc import Sequence
from itertools import cycle, islice
from typing import Final

from django.db import connection

from config.stack.places import ports
from config.stack.supervision import processes
from devices.models import Correspondent, Device
from devices.phone_numbers import key_sql
from devices.webhooks import header_secrets
from jobs import invariants
from jobs.models import IncomingMessage, Job, Recipient, Suppression
from jobs.tasks import run_lanes
from tests.bench.cpu import postgres_seconds, tree_seconds
from tests.bench.receipts import CONNECTIONS, SENT_BESIDE_PER_SECOND, Posted, post, wait, wake
from tests.bench.report import Bar, Section, number
from tests.bench.sending import BrokenRun, Shape, arrange_devices, arrange_job, empty_tables, gateway, running
from tests.factories import make_job

PER_SECOND: Final = 500
PEOPLE: Final = 10_000
OUT_EVERY: Final = 100
QUOTES_EVERY: Final = 3
TEXTS: Final = (
    "¿Cuánto cuesta el plan de 12 meses?",
    "Hola, buenas tardes. Sí me interesa, ¿a qué hora atienden mañana?",
    "ok gracias",
    "No quiero perderme la oferta",
    "Quero saber mais sobre a promoção, por favor",
)


def measure(seconds: float) -> Section:
    """Post PER_SECOND a second for so long while SENT_BESIDE_PER_SECOND go out, and wait until all are kept."""
    section = Section(
        "Incoming messages",
        ["what", "messages", "per second", "median ms", "99 % ms", "web CPU s per 1,000", "worker", "PostgreSQL"],
        note=f"Posted at their time over {CONNECTIONS} connections; the client has its part of the same two cores.",
    )
    posted, lag, beside = _run(section, int(PER_SECOND * seconds))
    section.bars = [
        Bar("messages/s posted and kept", PER_SECOND * 0.98, PER_SECOND * seconds / posted.seconds),
        Bar(f"messages/s sent beside them, of {SENT_BESIDE_PER_SECOND}", SENT_BESIDE_PER_SECOND * 0.95, beside),
        Bar("99 % of the answers", 1000, posted.percentile(0.99), at_most=True, unit=" ms"),
        Bar("until the last was in its conversation", 10, lag, at_most=True, unit=" s"),
    ]
    return section


def _run(section: Section, messages: int) -> tuple[Posted, float, float]:
    port = ports.free_port()
    environ = {**os.environ, "PORT": str(port), "WEB_CONCURRENCY": "1"}
    lanes, default = processes.workers(environ)[:2]
    shape = Shape(0, 5, 16, 0)
    with (
        running(processes.web(environ, port)) as web,
        running(default) as worker,
        gateway(shape) as simulator,
        running(lanes),
    ):
        devices = arrange_devices(simulator, shape)
        device = devices[0]
        job = _arrange(device)
        bodies = _bodies(device, port, job, messages)
        Device.unscoped.filter(pk__in=[one.pk for one in devices]).update(
            messages_per_minute=60 * SENT_BESIDE_PER_SECOND // len(devices)
        )
        beside = arrange_job(devices, 200_000)
        stop = threading.Event()
        waker = threading.Thread(target=wake, args=(stop,))
        waker.start()
        try:
            run_lanes.delay()
            wait(lambda: Job.unscoped.get(pk=beside.pk).sent > SENT_BESIDE_PER_SECOND)
            before = tree_seconds([web.pid]), tree_seconds([worker.pid]), postgres_seconds()
            began, sent = time.monotonic(), Job.unscoped.get(pk=beside.pk).sent
            answers = post(port, bodies, PER_SECOND)
            posted = Posted(time.monotonic() - began, answers)
            per_second = (Job.unscoped.get(pk=beside.pk).sent - sent) / posted.seconds
            wait(lambda: IncomingMessage.objects.for_account(device.account_id).count() == messages)
            lag = time.monotonic() - began - posted.seconds
            wait(lambda: Job.unscoped.get(pk=job.pk).replied == min(messages, PEOPLE))
        finally:
            stop.set()
            waker.join()
        after = tree_seconds([web.pid]), tree_seconds([worker.pid]), postgres_seconds()
    _prove(device, job, messages)
    empty_tables()
    cost = [f"{1000 * (end - start) / messages:.3f}" for start, end in zip(before, after, strict=True)]
    section.rows.append(
        [
            f"posted and kept, {per_second:.0f} messages/s sent beside them",
            f"{messages:,}",
            number(messages / posted.seconds),
            f"{posted.percentile(0.5):.1f}",
            f"{posted.percentile(0.99):.1f}",
            *cost,
        ]
    )
    return posted, lag, per_second


def _arrange(device: Device) -> Job:
    """All have had their message, and it is known by its id and by whose it is. They are not the people of the job
    beside it, of whom some have a later one."""
    job = make_job(device.account, PEOPLE, (device,), next_position=PEOPLE)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH sent AS (
                UPDATE jobs_recipient SET state = 'sent', device_id = %s, tries = 1, sent_at = clock_timestamp(),
                    tried_at = clock_timestamp(), gateway_message_id = 'B' || id,
                    phone = '+51' || (950000000 + position)
                WHERE job_id = %s RETURNING id, device_id, gateway_message_id, phone
            ), kept AS (
                INSERT INTO jobs_sentmessage (recipient_id, device_id, slot, message_id, phone_key)
                SELECT id, device_id, 0, gateway_message_id, {key_sql("phone")} FROM sent
            )
            UPDATE jobs_job SET sent = sent + (SELECT count(*) FROM sent) WHERE id = %s
            """,
            (device.pk, job.pk, job.pk),
        )
    return job


def _bodies(device: Device, port: int, job: Job, messages: int) -> list[bytes]:
    people = list(Recipient.objects.filter(job=job).in_order().values_list("pk", "phone"))
    head = (
        f"POST /webhooks/evolution/{device.uuid} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Content-Type: application/json\r\n{header_secrets.HEADER}: {header_secrets.secret_of(device)}\r\n"
    )
    made = []
    for place, (pk, phone) in enumerate(islice(cycle(people), messages)):
        digits = phone.removeprefix("+")
        event = {
            "event": "messages.upsert",
            "instance": "demo-1",
            "data": {
                "key": {
                    "remoteJid": f"{digits}@s.whatsapp.net",
                    "remoteJidAlt": f"1{digits}@lid",
                    "fromMe": False,
                    "id": f"3A{place:018X}",
                    "participant": "",
                    "addressingMode": "pn",
                },
                "pushName": "Ana",
                "status": "DELIVERY_ACK",
                "message": {"conversation": "BAJA" if place % OUT_EVERY == 0 else TEXTS[place % len(TEXTS)]},
                "contextInfo": {"stanzaId": f"B{pk}"} if place % QUOTES_EVERY == 0 else None,
                "messageType": "conversation",
                "messageTimestamp": int(time.time()),
                "instanceId": "a75a63c9-896b-4a00-8235-015cb5f10e10",
                "source": "android",
            },
            "destination": "https://pregonero.example.com/hook",
            "date_time": "2026-11-27T09:40:18.031Z",
            "sender": "51900000001@s.whatsapp.net",
            "server_url": "https://gateway.example.com",
            "apikey": "SIMULATOR-TOKEN",
        }
        body = json.dumps(event)
        made.append(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
    return made


def _prove(device: Device, job: Job, messages: int) -> None:
    people = min(messages, PEOPLE)
    rows = IncomingMessage.objects.for_account(device.account_id)
    leaving = set(rows.filter(wish="out").values_list("phone", flat=True))
    found = {
        "kept": rows.count(),
        "tied to what they answer": rows.exclude(recipient_id=None).count(),
        "known to have written": Correspondent.objects.filter(device=device).count(),
        "suppressed": Suppression.objects.for_account(device.account_id).filter(phone__in=leaving).count(),
    }
    wanted = [messages, messages, people, len(leaving)]
    if list(found.values()) != wanted or len(leaving) != len({place % PEOPLE for place in _leaving(messages)}):
        raise BrokenRun(f"{found} instead of {wanted}")
    if broken := [str(one) for one in invariants.check() if one.job_id == job.pk]:
        raise BrokenRun(f"promises are broken: {broken}")


def _leaving(messages: int) -> Sequence[int]:
    return range(0, messages, OUT_EVERY)
