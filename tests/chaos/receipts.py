"""The worker of receipts is killed again and again while thousands of them are in the inbox, half-way through them too:
all are applied after the restart, and none twice."""

import random
import signal
import time

from tests.chaos.harness import GIVE_UP_SECONDS, Process, Stack, eventually
from tests.chaos.proofs import judge, watching
from tests.chaos.setting import Size
from tests.simulator_process import start_simulator

DEVICES = 3
QUEUE = "default"


def run(stack: Stack, size: Size) -> list[str]:
    recipients, kills = size.of((1500, 4), (10_000, 20))
    chance = random.Random(20261130)
    most = 0
    instances = [f"i-{place}" for place in range(1, DEVICES + 1)]
    arguments = ["--webhook-delay", "50-400", "--faults", "duplicate-acks=0.3,reordered-acks=0.2"]
    with start_simulator(*instances, arguments=arguments) as simulator, watching(stack, 0.5) as watch:
        devices = stack.add_devices(simulator, DEVICES, max_in_flight=16)
        job = stack.upload(recipients, devices, "heard")
        job.wait_until(0.05)
        for _ in range(kills):
            # Stood still until many wait, then killed: while it works them, or between two batches.
            waiting = _stand_still(stack, at_least=recipients // (2 * kills))
            most = max(most, waiting)
            if chance.random() < 0.7:
                _wait_for_a_batch(stack)
            else:
                time.sleep(chance.uniform(0.0, 0.3))
            _kill(stack)
        job.wait_until_ended()
        eventually(
            lambda: job.now()["receipts"]["read"] >= recipients,
            GIVE_UP_SECONDS,
            lambda: f"all were read: {job.now()['receipts']}, {_waiting(stack)} in the inbox",
            pause=0.5,
        )
        verdict = judge(job, simulator)
        receipts = job.now()["receipts"]
        stack.retire(devices)

    verdict.assert_clean()
    watch.assert_held(at_least=5)
    assert (receipts["delivered"], receipts["read"], receipts["failed_after"]) == (recipients, recipients, 0)
    assert job.states() == {"read": recipients}
    twice = stack.value(
        "SELECT count(*) - count(DISTINCT recipient_id) FROM chaos_life AS life JOIN jobs_recipient AS recipient"
        " ON recipient.id = life.recipient_id WHERE recipient.job_id = %s AND life.state = 'read'",
        job.pk,
    )
    assert twice == 0, f"{twice} were lifted again by what they had already"
    return [f"{kills} kills, {most} events in the inbox at most: all {recipients} read, and counted once"]


def _waiting(stack: Stack) -> int:
    """Events that nobody has worked yet."""
    return int(
        stack.value(
            "SELECT count(*) FROM devices_inbox AS event JOIN devices_turn AS turn ON turn.name = 'inbox'"
            " WHERE event.slot = turn.open OR event.id > turn.worked_to"
        )
    )


def _processes(stack: Stack) -> list[Process]:
    return [stack.worker(QUEUE), *stack.pool(QUEUE)]


def _stand_still(stack: Stack, at_least: int) -> int:
    """Stop the worker until so many events wait, or no more come; how many that are."""
    stopped = _processes(stack)
    for process in stopped:
        process.signal(signal.SIGSTOP)
    try:
        give_up = time.monotonic() + 10
        while (waiting := _waiting(stack)) < at_least and time.monotonic() < give_up:
            time.sleep(0.05)
        return waiting
    finally:
        for process in stopped:
            process.signal(signal.SIGCONT)


def _wait_for_a_batch(stack: Stack) -> None:
    """Until some of what is in the inbox is worked, or nothing comes of it for a while."""
    place = "SELECT worked_to FROM devices_turn WHERE name = 'inbox'"
    before, give_up = stack.value(place), time.monotonic() + 5
    while stack.value(place) == before and time.monotonic() < give_up:
        time.sleep(0.005)


def _kill(stack: Stack) -> None:
    old = stack.worker(QUEUE)
    for process in _processes(stack):
        process.signal(signal.SIGKILL)
    eventually(lambda: stack.worker(QUEUE).pid != old.pid, GIVE_UP_SECONDS, lambda: f"the {QUEUE} worker is back")
