"""Beside two beats and four workers: whatever fires twice happens once."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from tests.chaos.harness import GIVE_UP_SECONDS, SentJob, Stack, eventually
from tests.chaos.proofs import Listener, assert_told_once, judge
from tests.chaos.setting import Size
from tests.simulator_process import Simulator, start_simulator

DEVICES = 5
RECIPIENTS = 25
LONELY = f"i-{DEVICES + 1}"


def run(stack: Stack, size: Size) -> list[str]:
    number = size.of(10, 40)
    instances = [f"i-{place}" for place in range(1, DEVICES + 2)]
    with (
        start_simulator(*instances, arguments=["--latency", "20-80"]) as simulator,
        Listener(stack) as listener,
    ):
        *devices, lonely = stack.add_devices(simulator, DEVICES + 1, max_in_flight=8)
        stack.wait_for_six_workers()
        # Half of them are due in one and the same moment, for both beats' sweeps to find.
        moment = (datetime.now(UTC) + timedelta(seconds=3 + number / 5)).isoformat()
        jobs = [
            stack.upload(RECIPIENTS, devices, f"twice-{place}", **({"scheduled_at": moment} if place % 2 else {}))
            for place in range(number)
        ]
        stranded = _lose_and_find_a_device(stack, simulator, lonely)
        jobs.append(stranded)
        for job in jobs:
            job.wait_until_ended()
        last_seqs = [_last_seq(job) for job in jobs]
        for job, last_seq in zip(jobs, last_seqs, strict=True):
            eventually(
                partial(_has_all, listener, job, last_seq),
                GIVE_UP_SECONDS,
                partial("all {} events of {} are told".format, last_seq, job.title),
            )
        verdicts = [judge(job, simulator) for job in jobs]
        stack.retire([*devices, lonely])

    for job, last_seq, verdict in zip(jobs, last_seqs, verdicts, strict=True):
        assert_told_once(job, listener.of(job), last_seq)
        verdict.assert_clean()
        assert verdict.states == {"sent": job.total}, verdict.states
    kinds = Counter(event["type"] for event in listener.of(stranded))
    assert (kinds["job_paused"], kinds["job_resumed"]) == (1, 1), kinds
    return [
        f"{number} jobs of {RECIPIENTS} and one whose only device went and came back: each started, ended"
        f" and numbered its {sum(last_seqs)} events once; lost 0, doubled 0"
    ]


def _lose_and_find_a_device(stack: Stack, simulator: Simulator, device: int) -> SentJob:
    """Send a job through a device that closes on the way, and opens again once the job rests."""
    job = stack.upload(200, [device], "stranded")
    job.wait_until(0.3)
    simulator.set_state(LONELY, "close")
    eventually(
        lambda: job.status() == "paused", GIVE_UP_SECONDS, lambda: f"paused for want of a device; {job.describe()}"
    )
    simulator.set_state(LONELY, "open")
    stack.post(f"/api/v1/accounts/{stack.account_id}/devices/{device}/check")
    return job


def _last_seq(job: SentJob) -> int:
    return int(job.stack.value("SELECT event_seq FROM jobs_job WHERE id = %s", job.pk))


def _has_all(listener: Listener, job: SentJob, last_seq: int) -> bool:
    heard: Sequence[dict[str, Any]] = listener.of(job)
    return len({event["seq"] for event in heard if event["seq"] <= last_seq}) == last_seq
