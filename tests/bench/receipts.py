"""Receipts as gateways post them: through the real web server into the inbox, and from there to the rows.

Shuffled, each three times, a fifth before the send's answer is known, one in a hundred of a message that nobody knows.
What is measured counts only if every recipient ends as it must, and is counted once.
"""

import json
import os
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain

from django.db import connection

from config.stack.places import ports
from config.stack.supervision import processes
from devices.models import Device, Turn
from devices.webhooks import header_secrets
from jobs import invariants
from jobs.models import Job, ParkedReceipt, Recipient
from jobs.tasks import run_lanes, work_receipts
from tests.bench.cpu import postgres_seconds, tree_seconds
from tests.bench.report import Bar, Section, number
from tests.bench.sending import BrokenRun, Shape, arrange_devices, arrange_job, empty_tables, gateway, running
from tests.factories import make_account, make_device, make_job

TIMES = 3
EARLY_SHARE = 0.2
UNKNOWN_SHARE = 0.01
CONNECTIONS = 32
SENT_BESIDE_PER_SECOND = 300
PATIENCE_SECONDS = 120.0
_ENDS = [
    (("DELIVERY_ACK",), "delivered"),
    (("DELIVERY_ACK", "READ"), "read"),
    (("READ",), "read"),
    (("DELIVERY_ACK", "READ", "PLAYED"), "read"),
    (("ERROR",), "failed"),
    (("ERROR", "DELIVERY_ACK"), "delivered"),
]


@dataclass(frozen=True, slots=True)
class Posted:
    """What the posting came to: seconds of all, milliseconds of each answer."""

    seconds: float
    milliseconds: Sequence[float]

    def percentile(self, share: float) -> float:
        return sorted(self.milliseconds)[int(share * (len(self.milliseconds) - 1))]


def measure(receipts: int) -> Section:
    """Post so many while 300 messages/s go out beside them, and wait until all are worked."""
    section = Section(
        "Receipts",
        ["what", "receipts", "per second", "median ms", "99 % ms", "web CPU s per 1,000", "worker", "PostgreSQL"],
        note=f"Posted over {CONNECTIONS} connections, each its next when the last is answered; the client has its part "
        "of the same two cores.",
    )
    alone = _run(section, receipts, sending=False)
    beside = _run(section, receipts, sending=True)
    section.bars = [
        Bar("receipts/s posted and kept", 1500, receipts / alone.seconds),
        Bar(f"receipts/s while {SENT_BESIDE_PER_SECOND} messages/s go out", 1500, receipts / beside.seconds),
        Bar("median of the answers", 20, beside.percentile(0.5), at_most=True, unit=" ms"),
        Bar("99 % of the answers", 250, beside.percentile(0.99), at_most=True, unit=" ms"),
    ]
    return section


def _run(section: Section, receipts: int, *, sending: bool) -> Posted:
    chance = random.Random(20261130)
    device = make_device(make_account())
    wanted, posts, recipients = _posts(chance, receipts)
    job = _arrange(device, recipients)
    port = ports.free_port()
    environ = {**os.environ, "PORT": str(port), "WEB_CONCURRENCY": "1"}
    lanes, default = processes.workers(environ)[:2]
    with running(processes.web(environ, port)) as web, running(default) as worker:
        bodies = _bodies(device, port, posts, job)
        early = int(EARLY_SHARE * len(bodies))
        stop = threading.Event()
        waker = threading.Thread(target=wake, args=(stop,))
        waker.start()
        before = tree_seconds([web.pid]), tree_seconds([worker.pid]), postgres_seconds()
        try:
            if sending:
                with gateway(Shape(0, 5, 16, 0)) as simulator, running(lanes):
                    devices = arrange_devices(simulator, Shape(0, 5, 16, 0))
                    Device.unscoped.filter(pk__in=[one.pk for one in devices]).update(
                        messages_per_minute=60 * SENT_BESIDE_PER_SECOND // len(devices)
                    )
                    beside = arrange_job(devices, 200_000)
                    run_lanes.delay()
                    wait(lambda: Job.unscoped.get(pk=beside.pk).sent > SENT_BESIDE_PER_SECOND)
                    began, sent = time.monotonic(), Job.unscoped.get(pk=beside.pk).sent
                    posted = _post_all(port, bodies, early, job)
                    per_second = (Job.unscoped.get(pk=beside.pk).sent - sent) / (time.monotonic() - began)
            else:
                posted, per_second = _post_all(port, bodies, early, job), 0.0
            wait(lambda: _is_worked(job, wanted))
        finally:
            stop.set()
            waker.join()
        after = tree_seconds([web.pid]), tree_seconds([worker.pid]), postgres_seconds()
    _prove(job, wanted)
    empty_tables()
    cost = [f"{1000 * (end - start) / receipts:.3f}" for start, end in zip(before, after, strict=True)]
    what = f"posted and kept, {per_second:.0f} messages/s beside them" if sending else "posted and kept"
    section.rows.append(
        [
            what,
            f"{receipts:,}",
            number(receipts / posted.seconds),
            f"{posted.percentile(0.5):.1f}",
            f"{posted.percentile(0.99):.1f}",
            *cost,
        ]
    )
    return posted


def _posts(chance: random.Random, receipts: int) -> tuple[Counter[str], list[tuple[int, str]], int]:
    """(recipient's position, or -1; status) in the order of posting; how recipients end; how many there are."""
    wanted: Counter[str] = Counter()
    posts: list[tuple[int, str]] = []
    unknown = int(UNKNOWN_SHARE * receipts)
    position = 0
    while True:
        statuses, state = chance.choice(_ENDS)
        if len(posts) + TIMES * len(statuses) > receipts - unknown:
            break
        posts += [(position, status) for status in statuses] * TIMES
        wanted[state] += 1
        position += 1
    posts += [(-1, "READ")] * (receipts - len(posts))
    chance.shuffle(posts)
    return wanted, posts, position


def _arrange(device: Device, recipients: int) -> Job:
    """All being sent: the gateway has taken them, and has not answered yet."""
    job = make_job(device.account, recipients, (device,), next_position=recipients)
    Recipient.objects.filter(job=job).update(state="sending", device=device, tries=1)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE jobs_recipient SET tried_at = clock_timestamp() WHERE job_id = %s", (job.pk,))
    return job


def _answers_come(job: Job) -> None:
    """The sends' answers are recorded: by one statement here, that which is measured has nothing to do with it."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH sent AS (
                UPDATE jobs_recipient SET state = 'sent', sent_at = clock_timestamp(), gateway_message_id = 'B' || id
                WHERE job_id = %s AND state = 'sending' RETURNING id, device_id, gateway_message_id
            ), kept AS (
                INSERT INTO jobs_sentmessage (recipient_id, device_id, slot, message_id)
                SELECT id, device_id, 0, gateway_message_id FROM sent
            )
            UPDATE jobs_job SET sent = sent + (SELECT count(*) FROM sent) WHERE id = %s
            """,
            (job.pk, job.pk),
        )


def _bodies(device: Device, port: int, posts: Sequence[tuple[int, str]], job: Job) -> list[bytes]:
    ids = list(Recipient.objects.filter(job=job).in_order().values_list("pk", flat=True))
    head = (
        f"POST /webhooks/evolution/{device.uuid} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Content-Type: application/json\r\n{header_secrets.HEADER}: {header_secrets.secret_of(device)}\r\n"
    )
    made = []
    for place, (position, status) in enumerate(posts):
        message_id = f"B{ids[position]}" if position >= 0 else f"UNKNOWN-{place}"
        event = {
            "event": "messages.update",
            "instance": "demo-1",
            "data": {
                "keyId": message_id,
                "remoteJid": "51987001002@s.whatsapp.net",
                "fromMe": True,
                "status": status,
                "instanceId": "a75a63c9-896b-4a00-8235-015cb5f10e10",
                "messageId": "cmwysj5a50009sr7da9az2ik6",
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


def _post_all(port: int, bodies: Sequence[bytes], early: int, job: Job) -> Posted:
    began = time.monotonic()
    first = post(port, bodies[:early])
    _answers_come(job)
    rest = post(port, bodies[early:])
    return Posted(time.monotonic() - began, [*first, *rest])


def post(port: int, bodies: Sequence[bytes], per_second: float | None = None) -> list[float]:
    """Post them over kept connections, each by a thread of its own; return the milliseconds of each answer.

    With `per_second` none goes before its time.
    """
    start = time.monotonic()
    found: list[list[float]] = [[] for _ in range(CONNECTIONS)]
    problems: list[BaseException] = []

    def one(place: int) -> None:
        try:
            with socket.create_connection(("127.0.0.1", port)) as connected:
                connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for number, body in enumerate(bodies[place::CONNECTIONS]):
                    if per_second is not None:
                        due = start + (place + number * CONNECTIONS) / per_second
                        time.sleep(max(0.0, due - time.monotonic()))
                    began = time.monotonic()
                    connected.sendall(body)
                    answer = connected.recv(4096)
                    if not answer.startswith(b"HTTP/1.1 200"):
                        raise BrokenRun(f"an event was refused: {answer[:300]!r}")
                    while b'"success"}' not in answer:
                        answer += connected.recv(4096)
                    found[place].append(1000 * (time.monotonic() - began))
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=one, args=(place,)) for place in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if problems:
        raise problems[0]
    return list(chain.from_iterable(found))


def wake(stop: threading.Event) -> None:
    """As beat does."""
    while not stop.wait(2.0):
        work_receipts.apply_async(expires=4)


def _is_worked(job: Job, wanted: Counter[str]) -> bool:
    return Job.unscoped.get(pk=job.pk).delivered == wanted["delivered"] + wanted["read"] and _states(job) == wanted


def _states(job: Job) -> Counter[str]:
    return Counter(Recipient.objects.filter(job=job).values_list("state", flat=True))


def wait(is_so: Callable[[], bool]) -> None:
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        if time.monotonic() > give_up:
            raise BrokenRun("it does not come to be")
        time.sleep(0.2)


def _prove(job: Job, wanted: Counter[str]) -> None:
    if broken := [str(one) for one in invariants.check() if one.job_id == job.pk]:
        raise BrokenRun(f"promises are broken: {broken}")
    if _states(job) != wanted:
        raise BrokenRun(f"{_states(job)} instead of {wanted}")
    if ParkedReceipt.objects.exclude(message_id__startswith="UNKNOWN").exists():
        raise BrokenRun("receipts of known messages are parked")
    if not Turn.objects.filter(name="inbox", worked_to__gt=0).exists():
        raise BrokenRun("nothing was worked")
