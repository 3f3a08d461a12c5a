"""`/ws/job/{id}` as a client sees it: through the application itself, with a real token and a real Redis."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from channels.db import database_sync_to_async

from accounts.api import tickets
from accounts.models import Role
from config.asgi import application
from jobs import control
from jobs.live import events, publishing
from jobs.live.event_order import PATIENCE_SECONDS
from jobs.models import Job, Recipient
from jobs.sending import finishing
from tests.accounts import people
from tests.factories import make_device, make_job
from tests.jobs.arrange import record, sending_one, sent
from tests.websocket_client import WebsocketClient

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # Channels' communicator keeps its threads from closing theirs.
    pytest.mark.usefixtures("closes_sessions_of_other_threads"),
]
in_thread = database_sync_to_async


class Arranged:
    """A job of three that is being sent, and a token of somebody of its account."""

    def __init__(self, role=Role.VIEWER, **fields):
        self.member = people.member(role=role)
        self.token = people.token_of(self.member)
        self.device = make_device(self.member.account)
        self.job = make_job(self.member.account, 3, (self.device,), next_position=3, **fields)
        self.uuid = str(self.job.uuid)


arrange = in_thread(Arranged)


def socket(job_uuid, token="", path="/ws/job/{}", **headers):
    given = [(b"authorization", f"Bearer {token}".encode())] if token else []
    given += [(name.encode(), value.encode()) for name, value in headers.items()]
    return WebsocketClient(application, path.format(job_uuid), given)


@asynccontextmanager
async def watching(arranged, **more):
    """A client that has been told where the job stands: yields it with its snapshot."""
    client = socket(arranged.uuid, arranged.token, **more)
    connected, _ = await client.connect()
    assert connected
    assert (await told(client))["type"] == "subscribed"
    yield client, await told(client)
    await client.disconnect()


async def told(client):
    return await client.receive_json_from()


async def close_code(client):
    connected, _ = await client.connect()
    assert connected  # accepted first: a refused handshake could not carry the code
    message = await client.receive_output()
    assert message["type"] == "websocket.close"
    return message["code"]


async def is_silent(client):
    return await client.receive_nothing(timeout=0.3)


@in_thread
def send_one(job):
    """One recipient is sent, as the engine records and tells it."""
    waiting = Recipient.objects.filter(job_id=job.pk, state="queued").in_order()[:1].get()
    recorded = record(sent(sending_one(waiting, job.devices.get())))
    publishing.publish(recorded.events)
    for job_id in recorded.ended_job_ids:
        finishing.finish(job_id)


def progress_event(job_uuid, seq):
    return events.progress(job_uuid, seq, 1, "+51900000000", {"sent": seq, "failed": 0, "total": 9, "percentage": 0.0})


@in_thread
def publish(*told_events):
    publishing.publish(told_events)


@in_thread
def move_seq(job, seq):
    Job.unscoped.filter(pk=job.pk).update(event_seq=seq)


# --- Watching ------------------------------------------------------------------------------------------------------


async def test_a_watcher_is_told_where_the_job_stands_and_then_everything_that_happens():
    arranged = await arrange()
    client = socket(arranged.uuid, arranged.token)
    await client.connect()
    assert await told(client) == {
        "type": "subscribed",
        "job_id": arranged.uuid,
        "message": f"Suscrito a las actualizaciones del job {arranged.uuid}",
    }
    assert await told(client) == {
        "type": "snapshot",
        "job_id": arranged.uuid,
        "status": "processing",
        "progress": {"sent": 0, "failed": 0, "total": 3, "percentage": 0.0},
        "receipts": {"delivered": 0, "read": 0, "played": 0, "replied": 0, "failed_after": 0},
        "seq": 0,
    }
    for _ in range(3):
        await send_one(arranged.job)
    heard = [await told(client) for _ in range(4)]
    assert [event["type"] for event in heard] == ["progress", "progress", "progress", "job_completed"]
    assert [event["seq"] for event in heard] == [1, 2, 3, 4]
    assert [event["progress"]["sent"] for event in heard[:3]] == [1, 2, 3]
    assert heard[3]["results"] == {"sent": 3, "failed": 0, "total": 3}
    assert await is_silent(client)
    await client.disconnect()


async def test_a_snapshot_and_the_events_after_it_have_no_gap():
    arranged = await arrange()
    await send_one(arranged.job)
    async with watching(arranged) as (client, snapshot):
        assert (snapshot["seq"], snapshot["progress"]["sent"]) == (1, 1)
        await send_one(arranged.job)
        assert (await told(client))["seq"] == 2


async def test_a_job_being_sent_while_a_client_connects_is_told_without_gap_or_double():
    arranged = await arrange(event_seq=0)

    @in_thread
    def keep_publishing():
        for seq in range(1, 201):
            Job.unscoped.filter(pk=arranged.job.pk).update(event_seq=seq)
            publishing.publish([progress_event(arranged.uuid, seq)])

    publisher = asyncio.create_task(keep_publishing())
    await asyncio.sleep(0.05)
    async with watching(arranged) as (client, snapshot):
        last = snapshot["seq"]
        while last < 200:
            event = await told(client)
            assert event["seq"] == last + 1
            last = event["seq"]
        await publisher


async def test_several_watch_one_job_and_nobody_hears_of_another():
    one, other = await arrange(), await arrange()
    async with watching(one) as (first, _), watching(one) as (second, _), watching(other) as (stranger, _):
        await send_one(one.job)
        assert (await told(first)) == (await told(second))
        assert await is_silent(stranger)


@pytest.mark.parametrize("path", ["/ws/job/{}", "/ws/job/{}/"])
async def test_with_and_without_a_slash_and_in_capitals(path):
    arranged = await arrange()
    client = socket(arranged.uuid.upper(), arranged.token, path=path)
    await client.connect()
    assert (await told(client))["job_id"] == arranged.uuid
    await told(client)
    await send_one(arranged.job)
    assert (await told(client))["type"] == "progress"
    await client.disconnect()


# --- A job that has ended ---------------------------------------------------------------------------------------------


async def test_a_finished_job_sends_its_final_event_at_once():
    arranged = await arrange()
    for _ in range(3):
        await send_one(arranged.job)
    async with watching(arranged) as (client, snapshot):
        assert (snapshot["status"], snapshot["progress"]["percentage"]) == ("completed", 100.0)
        ending = await told(client)
        assert (ending["type"], ending["results"]) == ("job_completed", {"sent": 3, "failed": 0, "total": 3})
        assert ending["seq"] == snapshot["seq"] + 1
        assert await is_silent(client)


async def test_a_failed_job_says_why():
    arranged = await arrange(status="pending", started_at=None)
    await in_thread(finishing.fail)(arranged.job.pk, "no_devices")
    async with watching(arranged) as (client, snapshot):
        assert snapshot["status"] == "failed"
        ending = await told(client)
        assert (ending["type"], ending["error"]) == ("job_failed", "No hay devices disponibles")


async def test_a_job_cancelled_while_somebody_watches_and_before():
    arranged = await arrange()
    async with watching(arranged) as (client, _):
        await in_thread(control.cancel)(arranged.job)
        heard = await told(client)
        assert (heard["type"], heard["status"]) == ("job_cancelled", "cancelled")
        assert heard["results"] == {"sent": 0, "failed": 3, "total": 3}
    async with watching(arranged) as (client, snapshot):
        assert snapshot["status"] == "cancelled"
        assert (await told(client))["type"] == "job_cancelled"


async def test_a_pause_and_its_end_are_heard():
    arranged = await arrange()
    async with watching(arranged) as (client, _):
        await in_thread(control.pause)(arranged.job)
        await in_thread(control.resume)(arranged.job)
        paused, resumed = await told(client), await told(client)
    assert [(paused["type"], paused["seq"]), (resumed["type"], resumed["seq"])] == [
        ("job_paused", 1),
        ("job_resumed", 2),
    ]


# --- Order and loss ---------------------------------------------------------------------------------------------------


async def test_events_that_arrive_out_of_order_are_told_in_order():
    arranged = await arrange()
    async with watching(arranged) as (client, _):
        for seq in (3, 2, 1):
            await publish(progress_event(arranged.uuid, seq))
        assert [(await told(client))["seq"] for _ in range(3)] == [1, 2, 3]


async def test_a_lost_event_shows_as_a_gap_and_a_resync_closes_it():
    arranged = await arrange()
    async with watching(arranged) as (client, _):
        await move_seq(arranged.job, 2)
        began = asyncio.get_running_loop().time()
        await publish(progress_event(arranged.uuid, 2))  # the first never comes
        assert (await told(client))["seq"] == 2
        assert asyncio.get_running_loop().time() - began >= PATIENCE_SECONDS
        await client.send_json_to({"type": "resync"})
        snapshot = await told(client)
        assert (snapshot["type"], snapshot["seq"]) == ("snapshot", 2)
        await publish(progress_event(arranged.uuid, 3))
        assert (await told(client))["seq"] == 3


async def test_an_event_that_is_published_twice_is_told_once():
    arranged = await arrange()
    async with watching(arranged) as (client, _):
        for seq in (1, 1, 2, 1):
            await publish(progress_event(arranged.uuid, seq))
        assert [(await told(client))["seq"] for _ in range(2)] == [1, 2]
        assert await is_silent(client)


async def test_a_resync_of_a_finished_job_tells_its_end_again():
    arranged = await arrange()
    for _ in range(3):
        await send_one(arranged.job)
    async with watching(arranged) as (client, _):
        first = await told(client)
        await client.send_json_to({"type": "resync"})
        assert (await told(client))["type"] == "snapshot"
        assert await told(client) == first


# --- What a client may say ---------------------------------------------------------------------------------------


async def test_a_ping_is_answered_with_its_own_timestamp():
    arranged = await arrange()
    async with watching(arranged) as (client, _):
        for timestamp in ("2026-01-15T20:00:00Z", 1736971200.5, None, {"a": ["\ud800", 1]}, "ñ🎉"):
            await client.send_json_to({"type": "ping", "timestamp": timestamp})
            assert await told(client) == {"type": "pong", "timestamp": timestamp}
        await client.send_json_to({"type": "ping"})
        assert await told(client) == {"type": "pong", "timestamp": None}


INVALID = (
    " ",
    "hello",
    "[]",
    "null",
    "17",
    '"ping"',
    "{}",
    '{"type": null}',
    '{"type": "subscribe"}',
    '{"type": ["ping"]}',
    '{"type": "ping", "timestamp": NaN}',
    '{"type": {"a": 1}}',
    "[" * 100_000,
    "{" * 5,
    "9" * 10_000,
)


async def test_anything_else_is_said_to_be_invalid_and_the_socket_stays_open():
    arranged = await arrange()
    async with watching(arranged) as (client, _):
        for text in INVALID:
            await client.send_to(text_data=text)
            answer = await told(client)
            assert (answer["type"], set(answer)) == ("invalid_message", {"type", "message"})
            assert answer["message"]
        await client.send_json_to({"type": "ping", "timestamp": 1})
        assert (await told(client))["type"] == "pong"


async def test_a_binary_message_is_invalid_too():
    arranged = await arrange()
    async with watching(arranged) as (client, _):
        await client.send_to(bytes_data=json.dumps({"type": "ping"}).encode())
        assert (await told(client))["type"] == "invalid_message"


# --- Who may watch -----------------------------------------------------------------------------------------------


async def test_nobody_watches_without_a_token():
    arranged = await arrange()
    for token in ("", "wrong"):
        assert await close_code(socket(arranged.uuid, token)) == 4401


async def test_a_page_of_another_origin_is_nobody():
    arranged = await arrange()
    assert await close_code(socket(arranged.uuid, cookie="sessionid=x", origin="https://evil.example")) == 4401


async def test_another_accounts_job_does_not_exist():
    mine, theirs = await arrange(), await arrange()
    client = socket(theirs.uuid, mine.token)
    assert await close_code(client) == 4404


async def test_a_job_that_does_not_exist():
    arranged = await arrange()
    for job_uuid in ("00000000-0000-4000-8000-000000000000", "17", "x" * 500, "%00", "..%2F"):
        assert await close_code(socket(job_uuid, arranged.token)) == 4404


async def test_whoever_was_refused_hears_nothing_more():
    mine, theirs = await arrange(), await arrange()
    client = socket(theirs.uuid, mine.token)
    assert await close_code(client) == 4404
    await send_one(theirs.job)
    assert await is_silent(client)


async def test_every_role_may_watch():
    for role in Role:
        arranged = await arrange(role=role)
        async with watching(arranged) as (_, snapshot):
            assert snapshot["type"] == "snapshot"


async def test_a_ticket_opens_the_socket_once():
    arranged = await arrange()
    ticket = await in_thread(tickets.issue)(arranged.member)
    client = socket(arranged.uuid, path="/ws/job/{}?ticket=" + ticket)
    await client.connect()
    assert (await told(client))["type"] == "subscribed"
    await client.disconnect()
    assert await close_code(socket(arranged.uuid, path="/ws/job/{}?ticket=" + ticket)) == 4401
