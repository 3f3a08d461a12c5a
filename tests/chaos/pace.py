"""Ten worker processes and more, five devices, three jobs: never above a device's limit, and hardly below it."""

import time

from tests.chaos.harness import Stack
from tests.chaos.proofs import accepted_of, judge, most_in_any, share_used
from tests.chaos.setting import Size
from tests.simulator_process import start_simulator

DEVICES = 5
JOBS = 3
SETTLING_SECONDS = 1.5  # until the workers have divided the devices among themselves
# Requests that leave evenly do not arrive evenly; over a whole minute the engine's margin makes up for it.
ROAD_SECONDS = 0.25


def run(stack: Stack, size: Size) -> list[str]:
    per_minute, seconds, window = size.of((300, 5.0, 2.0), (120, 63.0, 60.0))
    # What a device has read no other can send: there is more than all of them read and send.
    recipients = int(DEVICES * per_minute / 60 * (seconds + 40) / JOBS)
    instances = [f"i-{place}" for place in range(1, DEVICES + 1)]
    with start_simulator(*instances, arguments=["--latency", "20-60"]) as simulator:
        devices = stack.add_devices(simulator, DEVICES, messages_per_minute=per_minute, max_in_flight=8)
        jobs = [stack.upload(recipients, devices, f"pace-{place}") for place in range(JOBS)]
        for job in jobs:
            job.wait_until(0.001)
        start = time.time() + SETTLING_SECONDS
        time.sleep(SETTLING_SECONDS + seconds)
        end = time.time()
        waiting = [job.total - job.ended() for job in jobs]
        for job in jobs:
            job.act("cancel")
        for job in jobs:
            job.wait_until_ended()
        times = {instance: simulator.timeline(instance) for instance in instances}
        of_job = [
            sum(start <= entry["first_at"] < end for entry in accepted_of(simulator, job).values()) for job in jobs
        ]
        verdicts = [judge(job, simulator) for job in jobs]
        stack.retire(devices)

    most = {instance: most_in_any(window, moments) for instance, moments in times.items()}
    used = {instance: round(share_used(moments, per_minute, start, end), 3) for instance, moments in times.items()}
    assert all(waiting), "the jobs were through before the measurement was"
    allowed = int(per_minute * (window if size.is_full else window + ROAD_SECONDS) / 60)
    assert max(most.values()) <= allowed, f"more than {allowed} in {window} s: {most}"
    if size.is_full:
        assert min(used.values()) >= 0.95, f"a device used less than 95 % of its allowance: {used}"
        assert max(of_job) <= 1.1 * min(of_job), f"one job went before another: {of_job}"
    for verdict in verdicts:
        verdict.assert_clean()
    return [
        f"{per_minute} a minute: at most {max(most.values())} in any {window:.0f} s, {min(used.values()):.1%} of the"
        f" allowance used by the device that used least; {of_job} of the three jobs"
    ]
