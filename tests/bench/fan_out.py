"""Live events: publishing them (events/s), and delivering them to many WebSockets of one server process (frames/s)."""

import asyncio
import os
import time

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from websockets.asyncio.client import ClientConnection, connect

from accounts.models import ApiToken
from config.stack.places import ports
from config.stack.supervision import processes
from jobs.live import events, publishing
from jobs.models import Job
from tests.bench.cpu import tree_seconds
from tests.bench.report import Section, number
from tests.bench.sending import BrokenRun, empty_tables, running
from tests.factories import make_job, make_member

PUBLISHED = 2_000
SENT_BY_LAYER = 200
QUIET_SECONDS = 3.0


def measure(clients: int, events: int) -> Section:
    """Publish and deliver in bursts, which is how a fast gateway makes them."""
    section = Section("Events", ["what", "how", "number", "per second", "÷ reference", "CPU s per 1,000"])
    member = make_member()
    job = make_job(member.account, 1)
    slow, slow_cpu = _group_send(job, SENT_BY_LAYER)
    fast, fast_cpu = _publish(job, PUBLISHED)
    for how, events_made, rate, cpu in (
        ("async_to_sync(group_send) (reference)", SENT_BY_LAYER, slow, slow_cpu),
        ("publishing.publish, 10 at a time", PUBLISHED, fast, fast_cpu),
    ):
        section.rows.append(["publishing", how, f"{events_made:,}", number(rate), number(rate / slow), f"{cpu:.3f}"])
    _, token = ApiToken.issue(member, "bench")
    port = ports.free_port()
    with running(processes.web({**os.environ, "PORT": str(port)}, port)) as server:
        address = f"ws://127.0.0.1:{port}/ws/job/{job.uuid}"
        seconds, cpu, frames = asyncio.run(_deliver(address, token, job, clients, events, server.pid))
    section.rows.append(
        [
            "delivering",
            f"{events} events to {clients} WebSockets, {frames / (clients * events):.1%} arrived",
            f"{frames:,}",
            number(frames / seconds),
            "",
            f"{1000 * cpu / frames:.3f}",
        ]
    )
    empty_tables()
    return section


def _event(job: Job, seq: int) -> events.Event:
    return events.progress(str(job.uuid), seq, 1, "+51900000000", {"sent": seq, "failed": 0, "total": 1000})


def _group_send(job: Job, number_of_events: int) -> tuple[float, float]:
    cpu, began = time.process_time(), time.monotonic()
    for seq in range(number_of_events):
        message = publishing.message(_event(job, seq))
        async_to_sync(get_channel_layer().group_send)(publishing.group_name(str(job.uuid)), message)
    seconds, cpu = time.monotonic() - began, time.process_time() - cpu
    return number_of_events / seconds, 1000 * cpu / number_of_events


def _publish(job: Job, number_of_events: int) -> tuple[float, float]:
    cpu, began = time.process_time(), time.monotonic()
    for start in range(0, number_of_events, 10):
        publishing.publish([_event(job, seq) for seq in range(start, start + 10)])
    seconds, cpu = time.monotonic() - began, time.process_time() - cpu
    return number_of_events / seconds, 1000 * cpu / number_of_events


async def _deliver(
    address: str, token: str, job: Job, clients: int, number_of_events: int, server_pid: int
) -> tuple[float, float, int]:
    """Seconds from the first event to the last frame, the server's CPU seconds, frames that arrived."""
    sockets = [
        await connect(address, additional_headers={"Authorization": f"Bearer {token}"}, max_queue=None, proxy=None)
        for _ in range(clients)
    ]
    for socket in sockets:
        for _ in range(2):  # subscribed, snapshot
            await asyncio.wait_for(socket.recv(), QUIET_SECONDS)
    cpu, began = tree_seconds([server_pid]), time.monotonic()
    counting = [asyncio.create_task(_count(socket, number_of_events)) for socket in sockets]
    for start in range(1, number_of_events + 1, 10):
        burst = [_event(job, seq) for seq in range(start, min(start + 10, number_of_events + 1))]
        await asyncio.to_thread(publishing.publish, burst)
    counted = await asyncio.gather(*counting)
    cpu = tree_seconds([server_pid]) - cpu
    for socket in sockets:
        await socket.close()
    frames = sum(number_of_frames for number_of_frames, _ in counted)
    if not frames:
        raise BrokenRun("no event arrived")
    return max(last for _, last in counted) - began, cpu, frames


async def _count(socket: ClientConnection, wanted: int) -> tuple[int, float]:
    frames, last = 0, 0.0
    while frames < wanted:
        try:
            await asyncio.wait_for(socket.recv(), QUIET_SECONDS)
        except TimeoutError:
            break
        frames, last = frames + 1, time.monotonic()
    return frames, last
