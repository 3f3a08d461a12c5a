"""Cancel, pause and resume over HTTP while everything is under way."""

import time

from tests.chaos.harness import GIVE_UP_SECONDS, SentJob, Stack, eventually
from tests.chaos.proofs import judge
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
    assert {state: number for state, number in now["results"]["by_state"].items() if number} == states
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


def _rests(job: SentJob) -> bool:
    return not job.states().get("sending")
