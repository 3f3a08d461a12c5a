"""Many paced devices whose senders are killed again and again, through a bad gateway: nobody lost, nobody doubled, and
no device above its pace, whoever has it next and whatever the dead one knew of its slots."""

import time
from collections import defaultdict

from tests.chaos.faults import KILLS_OF_WORKERS, RUNNER, WORKER, Storm
from tests.chaos.harness import Stack
from tests.chaos.pace import ROAD_SECONDS
from tests.chaos.proofs import judge, most_in_any, watching
from tests.chaos.setting import Size
from tests.chaos.storm import BAD_GATEWAY
from tests.simulator_process import start_simulator

# In the short run nothing that is tried again later: only what must be looked up.
LESS_BAD_GATEWAY = "accept-then-reset=0.03,garbage-body=0.03"

# A device each for the instances i-2 to i-N: asking for hundreds over HTTP takes longer than the rest.
LIKE_THE_FIRST = """
    INSERT INTO devices_device
    SELECT (jsonb_populate_record(first, jsonb_build_object(
        'id', nextval(pg_get_serial_sequence('devices_device', 'id')), 'uuid', gen_random_uuid(),
        'name', first.name || ' ' || place, 'instance_name', 'i-' || place
    ))).*
    FROM devices_device AS first, generate_series(2, %s) AS place WHERE first.id = %s
    RETURNING id
"""


def run(stack: Stack, size: Size) -> list[str]:
    number, per_minute, window = size.of((24, 300, 1.0), (300, 60, 60.0))
    recipients, plan = size.of((360, {RUNNER: 2}), (15_000, {RUNNER: 12, WORKER: 2}))
    instances = [f"i-{place}" for place in range(1, number + 1)]
    faults = size.of(LESS_BAD_GATEWAY, BAD_GATEWAY.format(limit=""))
    started_at = time.monotonic()
    with start_simulator(*instances, arguments=["--latency", "20-60", "--faults", faults]) as simulator:
        (first,) = stack.add_devices(simulator, 1, messages_per_minute=per_minute)
        devices = [first, *stack.values(LIKE_THE_FIRST, number, first)]
        job = stack.upload(recipients, devices, "fleet")
        job.wait_until(0.02)
        storm = Storm(stack, seed=2)
        with watching(stack, size.of(0.3, 0.5)) as watch:
            storm.rage(plan, pause_seconds=size.of(0.5, 2.0))
            assert not job.has_ended(), f"the job ended before the storm was over; {storm.count()}"
            job.wait_until_ended()
        verdict = judge(job, simulator)
        moments = defaultdict(list)
        for at, instance, _ in simulator.arrivals():
            moments[instance].append(at)
        stack.execute("UPDATE devices_device SET enabled = false WHERE id = ANY(%s)", devices)

    verdict.assert_clean()
    watch.assert_held(at_least=5)
    assert verdict.states["unknown"] == 0, "the gateway could always tell"
    most = {instance: most_in_any(window, times) for instance, times in moments.items()}
    allowed = int(per_minute * (window if size.is_full else window + ROAD_SECONDS) / 60)
    above = {instance: number for instance, number in most.items() if number > allowed}
    assert not above, f"more than {allowed} in {window} s: {above}"
    assert len(moments) == number, f"only {len(moments)} of the {number} devices sent anything"
    kills = sum(storm.count()[what] for what in KILLS_OF_WORKERS)
    return [
        f"{number} devices at {per_minute} a minute, {recipients} recipients in {time.monotonic() - started_at:.0f} s:"
        f" {dict(verdict.states)}; lost 0, doubled 0, with {kills} kills",
        f"at most {max(most.values())} in any {window:.0f} s of any device; {watch.snapshots} snapshots, none broken",
    ]
