"""A worker stands still in the middle of a transaction for twice its lease, and goes on as if nothing had been."""

import time

from tests.chaos.faults import Storm
from tests.chaos.harness import Stack
from tests.chaos.proofs import judge, watching
from tests.chaos.setting import LEASE_SECONDS, Size
from tests.simulator_process import start_simulator

DEVICES = 5
FREEZES = 1


def run(stack: Stack, _: Size) -> list[str]:
    instances = [f"i-{number}" for number in range(1, DEVICES + 1)]
    went_on = []
    with start_simulator(*instances, arguments=["--latency", "200-400"]) as simulator:
        devices = stack.add_devices(simulator, DEVICES, max_in_flight=16)
        job = stack.upload(8000, devices, "frozen")
        job.wait_until(0.01)
        storm = Storm(stack, seed=3)
        with watching(stack, 0.5) as watch:
            for _number in range(FREEZES):
                with storm.frozen_in_a_transaction():
                    time.sleep(LEASE_SECONDS)
                    before = simulator.ledger()["accepted"]
                    time.sleep(LEASE_SECONDS)
                    went_on.append(simulator.ledger()["accepted"] - before)
                time.sleep(3)
            assert not job.has_ended()
            job.act("cancel")
            job.wait_until_ended()
        verdict = judge(job, simulator)
        stack.retire(devices)

    in_flight = sum(blow.in_flight for blow in storm.blows)
    verdict.assert_clean()
    watch.assert_held(at_least=10)
    assert min(went_on) > 0, f"all stood still with the frozen worker: {went_on}"
    return [
        f"frozen with {in_flight} in flight, the others sent {went_on} in its second lease: {dict(verdict.states)};"
        " lost 0, doubled 0"
    ]
