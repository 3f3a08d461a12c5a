"""A deploy: the workers are asked to stop in the middle, and start again. What else is under way does not notice."""

import signal
import time

from tests.chaos.faults import REST_SECONDS
from tests.chaos.harness import GIVE_UP_SECONDS, Process, Stack, eventually
from tests.chaos.proofs import judge
from tests.chaos.setting import Size
from tests.simulator_process import start_simulator

DEVICES = 5


def run(stack: Stack, size: Size) -> list[str]:
    recipients, restarts = size.of((600, 1), (4500, 2))
    instances = [f"i-{place}" for place in range(1, DEVICES + 1)]
    took = []
    with start_simulator(*instances, arguments=["--latency", "200-400"]) as simulator:
        devices = stack.add_devices(simulator, DEVICES, max_in_flight=16)
        job = stack.upload(recipients, devices, "restarted")
        for number in range(restarts):
            job.wait_until(0.1 + 0.8 * number / restarts)
            took.append(_restart(stack))
            if number + 1 < restarts:
                time.sleep(REST_SECONDS)
        job.wait_until_ended()
        verdict = judge(job, simulator)
        stack.retire(devices)

    verdict.assert_clean()
    assert verdict.states == {"sent": recipients}, verdict.states
    doubtful = job.phones_ever("ambiguous")
    assert not doubtful, "\n".join(f"{phone}: {job.life(phone)}" for phone in doubtful[:10])
    assert all(row.tries == 1 for row in job.rows())
    return [f"{restarts} restarts, each within {max(took):.1f} s: {dict(verdict.states)}; ambiguous 0, doubled 0"]


def _restart(stack: Stack) -> float:
    """Ask both workers to stop, as a deploy does, and wait until each has a successor; return how long it took."""
    started = time.monotonic()
    old: dict[str, Process] = {queue: stack.worker(queue) for queue in ("lanes", "default")}
    for worker in old.values():
        worker.signal(signal.SIGTERM)
    for queue, worker in old.items():
        _wait_for_successor(stack, queue, worker)
    return time.monotonic() - started


def _wait_for_successor(stack: Stack, queue: str, worker: Process) -> None:
    eventually(lambda: stack.worker(queue).pid != worker.pid, GIVE_UP_SECONDS, lambda: f"the {queue} worker is back")
