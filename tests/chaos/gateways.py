"""Gateways as they are met: away just after accepting, answers of any shape and size, media that come and go, and one
that is killed between WhatsApp and its own store."""

from collections import Counter

from tests.chaos.harness import SentJob, Stack, eventually
from tests.chaos.proofs import judge
from tests.chaos.setting import Size
from tests.simulator_process import Simulator, start_simulator

DEVICES = 3
INSTANCES = [f"i-{place}" for place in range(1, DEVICES + 1)]
# Whatever follows a success: none of it may have anybody written to again.
ODD_ANSWERS = (
    "giant-body",
    "deep-body",
    "cut-body",
    "latin-1-body",
    "html-body",
    "accepted-202",
    "no-content",
    "no-id",
)
END_SECONDS = 240
MEDIUM = '{"type": "image", "url": "https://example.com/a.jpg", "filename": "a.jpg"}'


def run_away(stack: Stack, size: Size) -> list[str]:
    """Every connection is reset once the message was accepted, and the gateway is away while we want to ask it."""
    recipients, seconds_away = size.of((120, 8), (600, 150))
    with start_simulator(*INSTANCES) as simulator:
        devices = stack.add_devices(simulator, DEVICES, max_in_flight=4)
        job = stack.upload(recipients, devices, "away")
        job.wait_until(0.2, END_SECONDS)
        simulator.faults({"accept-then-reset": 1})
        in_doubt = eventually(lambda: job.states().get("ambiguous", 0), 60, job.describe)
        with simulator.away():
            simulator_is_away(job, seconds_away)
        simulator.faults({})
        return proven(stack, job, simulator, devices, f"away {seconds_away} s with {in_doubt} or more in doubt")


def simulator_is_away(job: SentJob, seconds: float) -> None:
    """Watch for so long that nobody is decided about whom nobody could be asked about."""

    def has_passed() -> bool:
        assert not job.states().get("unknown"), "called unknown while its gateway was only away"
        return bool(job.stack.value("SELECT clock_timestamp() > %s::timestamptz", until))

    until = job.stack.value("SELECT (clock_timestamp() + %s * interval '1 second')::text", seconds)
    eventually(has_passed, seconds + 30, job.describe, pause=0.5)


def run_odd_answers(stack: Stack, size: Size) -> list[str]:
    recipients = size.of(160, 4000)
    with start_simulator(*INSTANCES) as simulator:
        devices = stack.add_devices(simulator, DEVICES, max_in_flight=8)
        simulator.faults({**dict.fromkeys(ODD_ANSWERS, 0.04), "long-id": 0.1})
        job = stack.upload(recipients, devices, "odd")
        return proven(stack, job, simulator, devices, "answers of every shape")


def run_media(stack: Stack, size: Size) -> list[str]:
    """The host of the medium goes and comes."""
    recipients, blinks = size.of((60, 1), (600, 4))
    with start_simulator(*INSTANCES) as simulator:
        devices = stack.add_devices(simulator, DEVICES, max_in_flight=4)
        simulator.faults({"media-failed": 1, "latency": "1:50"})
        job = stack.upload(recipients, devices, "medium")
        stack.execute("UPDATE jobs_job SET media = %s WHERE id = %s", MEDIUM, job.pk)
        for blink in range(1, blinks + 1):
            eventually(lambda: job.status() == "paused", 60, job.describe)
            simulator.faults({"latency": "1:50"})
            stack.execute("UPDATE jobs_job SET resume_at = clock_timestamp() WHERE id = %s", job.pk)
            if blink < blinks:
                job.wait_until(blink / blinks, END_SECONDS)
                simulator.faults({"media-failed": 1, "latency": "1:50"})
        return proven(stack, job, simulator, devices, f"a medium away {blinks} times")


def run_never_twice(stack: Stack, size: Size) -> list[str]:
    """Killed between WhatsApp and its store, a gateway says truthfully that it has no such message."""
    recipients = size.of(100, 1000)
    stack.execute("UPDATE accounts_account SET never_twice = true WHERE id = %s", stack.account_id)
    try:
        with start_simulator(*INSTANCES) as simulator:
            devices = stack.add_devices(simulator, DEVICES, max_in_flight=4)
            simulator.faults({"accept-then-timed-out": 0.1, "reset-before-accept": 0.1})
            job = stack.upload(recipients, devices, "wire")
            return proven(stack, job, simulator, devices, "never twice", is_all_sent=False)
    finally:
        stack.execute("UPDATE accounts_account SET never_twice = false WHERE id = %s", stack.account_id)


def proven(
    stack: Stack,
    job: SentJob,
    simulator: Simulator,
    devices: list[int],
    what: str,
    *,
    is_all_sent: bool = True,
) -> list[str]:
    """Wait for the job's end and hold it against the ledger: nobody lost, nobody twice, nobody on a guess."""
    eventually(job.has_ended, END_SECONDS, lambda: f"the job ends; {job.describe()}", pause=0.2)
    verdict = judge(job, simulator)
    stack.retire(devices)
    verdict.assert_clean()
    assert not any(row.accepted_risks for row in job.rows()), "somebody was written to again without a proof"
    if is_all_sent:
        assert verdict.states == {"sent": job.total}, verdict.states
    else:
        assert set(verdict.states) <= {"sent", "unknown"}, verdict.states
    return [f"{what}: {dict(Counter(verdict.states))}, doubled 0, lost 0"]
