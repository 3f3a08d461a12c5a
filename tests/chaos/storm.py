"""Workers, broker and database are killed again and again, while a bad gateway is sent through."""

import time

from tests.chaos.faults import (
    BROKER,
    CHILD,
    DATABASE,
    FLUSH,
    FREEZE,
    KILLS_OF_WORKERS,
    OTHER_WORKER,
    RUNNER,
    WORKER,
    Storm,
)
from tests.chaos.harness import Stack
from tests.chaos.proofs import judge, watching
from tests.chaos.setting import Size
from tests.simulator_process import start_simulator

DEVICES = 5
# `limit`: of the first tries in the short run, because a third try comes half a minute later.
BAD_GATEWAY = "500-before-send=0.2{limit},accept-then-hang=0.05,accept-then-reset=0.02,garbage-body=0.02"


def run(stack: Stack, size: Size) -> list[str]:
    recipients, least_kills, least_snapshots = size.of((1500, 5, 10), (20_000, 50, 200))
    plan = size.of(
        {RUNNER: 3, CHILD: 1, WORKER: 1, FLUSH: 1, BROKER: 1, DATABASE: 1},
        {RUNNER: 33, CHILD: 8, WORKER: 6, OTHER_WORKER: 4, FLUSH: 5, BROKER: 5, DATABASE: 3, FREEZE: 1},
    )
    instances = [f"i-{number}" for number in range(1, DEVICES + 1)]
    faults = BAD_GATEWAY.format(limit=size.of("x250", ""))
    started_at = time.monotonic()
    with start_simulator(*instances, arguments=["--latency", "100-300", "--faults", faults]) as simulator:
        devices = stack.add_devices(simulator, DEVICES, max_in_flight=size.of(8, 16))
        job = stack.upload(recipients, devices, "storm")
        job.wait_until(0.01, 60)
        storm = Storm(stack, seed=1)
        with watching(stack, size.of(0.3, 0.5)) as watch:
            storm.rage(plan, pause_seconds=size.of(0.4, 1.2))
            assert not job.has_ended(), f"the job ended before the storm was over; {storm.count()}"
            job.wait_until_ended(size.of(120, 300))
        verdict = judge(job, simulator)
        ledger = simulator.ledger()
        stack.retire(devices)

    kills = sum(storm.count()[what] for what in KILLS_OF_WORKERS)
    verdict.assert_clean()
    watch.assert_held(least_snapshots)
    assert kills >= least_kills
    assert verdict.states["unknown"] == 0, "the gateway could always tell"
    checked = stack.manage("check_invariants")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    return [
        f"{recipients} recipients in {time.monotonic() - started_at:.0f} s: {dict(verdict.states)}; lost 0, doubled 0",
        f"the gateway accepted {ledger['accepted']}, {ledger['duplicates']} of them twice; faults {ledger['faults']}",
        f"{kills} kills of workers, {sum(blow.in_flight for blow in storm.blows)} messages in flight at all blows:",
        *(f"    {number} x {what}" for what, number in storm.count().items()),
        f"{watch.snapshots} snapshots, none broken; the most seen at once: {dict(watch.states)}",
    ]
