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

# What fails a fifth of its sends has its devices out of service for much of the time: nothing here is about speed.
END_SECONDS = 1200
DEVICES = 5
BLIND_DEVICES = 2  # of a second gateway, which keeps no messages: nothing can be looked up there
# `limit`: of the first sends in the short run, because a third try comes half a minute later.
BAD_GATEWAY = "500-before-send=0.2{limit},accept-then-hang=0.05,accept-then-reset=0.02,garbage-body=0.02"


def run(stack: Stack, size: Size) -> list[str]:
    recipients, blind_recipients, least_kills, least_snapshots = size.of((1500, 200, 5, 10), (20_000, 2000, 50, 200))
    plan = size.of(
        {RUNNER: 3, CHILD: 1, WORKER: 1, FLUSH: 1, BROKER: 1, DATABASE: 1},
        {RUNNER: 33, CHILD: 8, WORKER: 6, OTHER_WORKER: 4, FLUSH: 5, BROKER: 5, DATABASE: 3, FREEZE: 1},
    )
    instances = [f"i-{number}" for number in range(1, DEVICES + 1)]
    faults = BAD_GATEWAY.format(limit=size.of("x100", ""))
    started_at = time.monotonic()
    with (
        start_simulator(*instances, arguments=["--latency", "100-300", "--faults", faults]) as simulator,
        start_simulator(*instances, arguments=["--latency", "300-500", "--faults", "hidden-row=1"]) as blind_simulator,
    ):
        devices = stack.add_devices(simulator, DEVICES, max_in_flight=16)
        blind_devices = stack.add_devices(blind_simulator, BLIND_DEVICES, max_in_flight=8)
        job = stack.upload(recipients, devices, "storm")
        blind_job = stack.upload(blind_recipients, blind_devices, "fog")
        job.wait_until(0.01)
        storm = Storm(stack, seed=1)
        with watching(stack, size.of(0.3, 0.5)) as watch:
            storm.rage(plan, pause_seconds=size.of(0.4, 1.1))
            assert not job.has_ended(), f"the job ended before the storm was over; {storm.count()}"
            job.wait_until_ended(END_SECONDS)
            blind_job.wait_until_ended(END_SECONDS)
        verdict, blind_verdict = judge(job, simulator), judge(blind_job, blind_simulator)
        ledger = simulator.ledger()
        stack.retire([*devices, *blind_devices])

    kills = sum(storm.count()[what] for what in KILLS_OF_WORKERS)
    in_flight = sum(blow.in_flight for blow in storm.blows)
    unknown = blind_verdict.states["unknown"]
    verdict.assert_clean()
    blind_verdict.assert_clean()
    watch.assert_held(least_snapshots)
    assert kills >= least_kills
    assert verdict.states["unknown"] == 0, "the gateway could always tell"
    assert unknown <= in_flight, f"{unknown} are unknown, though only {in_flight} were in flight at the blows"
    if size.is_full:
        checked = stack.manage("check_invariants")
        assert checked.returncode == 0, checked.stdout + checked.stderr
    return [
        f"{recipients} recipients in {time.monotonic() - started_at:.0f} s: {dict(verdict.states)}; lost 0, doubled 0",
        f"the gateway accepted {ledger['accepted']}, {ledger['duplicates']} of them twice; faults {ledger['faults']}",
        f"through a gateway that keeps no messages: {dict(blind_verdict.states)}; lost 0, doubled 0",
        f"{kills} kills of workers, {in_flight} messages in flight at all blows:",
        *(f"    {number} x {what}" for what, number in storm.count().items()),
        f"{watch.snapshots} snapshots, none broken; the most seen at once: {dict(watch.states)}",
    ]
