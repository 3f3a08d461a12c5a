"""Cancel, pause and resume over HTTP while everything is under way."""

import time
from collections import Counter
from random import Random

from tests.chaos.harness import GIVE_UP_SECONDS, SentJob, Stack, eventually
from tests.chaos.proofs import folded, judge
from tests.chaos.setting import Size
from tests.simulator_process import start_simulator

DEVICES = 5
IN_FLIGHT = 8
INSTANCES = [f"i-{place}" for place in range(1, DEVICES + 1)]
STILL_SECONDS = 1.5


def run_cancel(stack: Stack, size: Size) -> list[str]:
    recipients = size.of(600, 5000)
    with start_simulator(*INSTANCES, arguments=["--latency", "100-200"]) as simulator:
        devices = stack.add_devices(simulator, DEVICES, max_in_flight=IN_FLIGHT)
        job = stack.upload(recipients, devices, "cancelled")
        job.wait_until(0.5)
        answer = job.act("cancel")
        by_then = simulator.ledger()["accepted"]
        job.wait_until_ended()
        time.sleep(STILL_SECONDS)
        late = simulator.ledger()["accepted"] - by_then
        now, verdict = job.now(), judge(job, simulator)
        stack.retire(devices)

    states, progress = verdict.states, now["progress"]
    assert answer["status"] == "cancelled"
    assert late <= DEVICES * IN_FLIGHT, f"{late} messages went out after the answer"
    assert set(states) == {"sent", "cancelled"}, states
    assert states.total() == recipients, states
    assert (progress["sent"], progress["failed"]) == (states["sent"], states["cancelled"])
    assert progress["sent"] + progress["failed"] == progress["total"] == recipients
    told = Counter[str]()
    for state, number in now["results"]["by_state"].items():
        told[folded(state)] += number
    assert +told == states
    verdict.assert_clean()
    return [f"cancelled when {by_then} of {recipients} were sent, {late} more went out: {dict(states)}"]


def run_pauses(stack: Stack, size: Size) -> list[str]:
    recipients, pauses = size.of((500, 1), (4000, 4))
    late = []
    with start_simulator(*INSTANCES, arguments=["--latency", "100-200"]) as simulator:
        devices = stack.add_devices(simulator, DEVICES, max_in_flight=IN_FLIGHT)
        job = stack.upload(recipients, devices, "paused")
        for number in range(1, pauses + 1):
            job.wait_until(number / (pauses + 1))
            assert job.act("pause")["status"] == "paused"
            by_then = simulator.ledger()["accepted"]
            eventually(lambda: _rests(job), GIVE_UP_SECONDS, lambda: f"nothing in flight; {job.describe()}")
            at_rest = simulator.ledger()["accepted"]
            late.append(at_rest - by_then)
            time.sleep(STILL_SECONDS)
            assert simulator.ledger()["accepted"] == at_rest, "a paused job went on sending"
            assert job.act("resume")["status"] == "processing"
        job.wait_until_ended()
        verdict = judge(job, simulator)
        stack.retire(devices)

    assert max(late) <= DEVICES * IN_FLIGHT, f"{late} messages went out after the answers"
    assert verdict.states == {"sent": recipients}, verdict.states
    verdict.assert_clean()
    return [f"{pauses} pauses, {late} more went out after each; then {dict(verdict.states)}, doubled 0"]


def run_pauses_at_the_start(stack: Stack, size: Size) -> list[str]:
    """A pause that was answered before the job began: nobody is written to, however often it is swept."""
    jobs = size.of(4, 20)
    chance = Random(1)
    with start_simulator(*INSTANCES) as simulator:
        devices = stack.add_devices(simulator, DEVICES, max_in_flight=IN_FLIGHT)
        paused = []
        for number in range(jobs):
            job = stack.upload(100, devices, f"paused {number} at once")
            time.sleep(chance.uniform(0.0, 2.5))  # it starts two seconds after its upload
            if job.act("pause")["status"] == "paused":
                eventually(lambda job=job: _rests(job), 30, job.describe)
                paused.append((job, job.ended()))
        time.sleep(3 * STILL_SECONDS)
        for job, ended in paused:
            assert (job.status(), job.ended()) == ("paused", ended), "a pause was undone"
            job.act("resume")
        for job, _ in paused:
            job.wait_until_ended(90)
            verdict = judge(job, simulator)
            assert verdict.states == {"sent": 100}, verdict.states
            verdict.assert_clean()
        stack.retire(devices)
    assert paused
    return [f"{len(paused)} of {jobs} paused before or just after their start: each rested until it was resumed"]


def _rests(job: SentJob) -> bool:
    return not job.states().get("sending")
