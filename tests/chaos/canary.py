"""Senders are killed while a job's canary is under way, and everything else while it is held for a person."""

import time

from tests.chaos.faults import OTHER_WORKER, RUNNER, WORKER, Storm
from tests.chaos.harness import GIVE_UP_SECONDS, SentJob, Stack, eventually
from tests.chaos.proofs import judge, watching
from tests.chaos.setting import CANARY, Size
from tests.simulator_process import start_simulator

INSTANCES = ["i-1", "i-2", "i-3"]
RECIPIENTS = 500
STILL_SECONDS = 5.0  # in which the sweep comes twice


def run(stack: Stack, size: Size) -> list[str]:
    with start_simulator(*INSTANCES, arguments=["--latency", "100-200"]) as simulator:
        devices = stack.add_devices(simulator, len(INSTANCES), max_in_flight=2)
        storm = Storm(stack, seed=4)
        # That nobody past a canary is written to while it is under way is one of the invariants watched.
        with watching(stack, 0.2) as watch:
            job = stack.upload(RECIPIENTS, devices, "canary", canary="true")
            _at_least(job, CANARY // 5)
            storm.rage(size.of({RUNNER: 1}, {RUNNER: 3}), pause_seconds=0.2)
            job.wait_until_ended()
            verdict = judge(job, simulator)

            simulator.faults({"not-on-whatsapp": 1})
            held = stack.upload(RECIPIENTS, devices, "held", canary="true")
            eventually(lambda: held.status() == "paused", GIVE_UP_SECONDS, held.describe)
            storm.rage(size.of({OTHER_WORKER: 1}, {OTHER_WORKER: 1, WORKER: 1}), pause_seconds=STILL_SECONDS)
            time.sleep(STILL_SECONDS)
            stands = held.now()
            tried = _tried(held)
            simulator.faults({})
            held.act("resume")
            held.wait_until_ended()
            others = judge(held, simulator)
        stack.retire(devices)

    verdict.assert_clean()
    assert verdict.states == {"sent": RECIPIENTS}, verdict.states
    assert job.now()["canary"]["state"] == "passed"
    assert (stands["status"], stands["state_reason"]) == ("paused", "canary_undelivered")
    assert tried <= CANARY, f"{tried} were written to"
    others.assert_clean()
    assert others.states == {"failed": tried, "sent": RECIPIENTS - tried}, others.states
    watch.assert_held(at_least=5)
    return [f"{len(storm.blows)} kills: {dict(verdict.states)}; held after {tried}, then {dict(others.states)}"]


def _at_least(job: SentJob, number: int) -> None:
    eventually(lambda: _tried(job) >= number, GIVE_UP_SECONDS, job.describe)


def _tried(job: SentJob) -> int:
    counted: int = job.stack.value("SELECT count(*) FROM jobs_recipient WHERE job_id = %s AND tries > 0", job.pk)
    return counted
