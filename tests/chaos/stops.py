"""People ask for no more messages while two jobs are about to write to them through three devices, and the workers are
killed right after: nothing goes to them later than two seconds after the webhook, and each is told once."""

import random
import signal
import time
from typing import Any, Final

import requests

from tests.chaos.harness import GIVE_UP_SECONDS, Stack, eventually
from tests.chaos.proofs import judge
from tests.chaos.setting import Size
from tests.simulator_process import Simulator, start_simulator

DEVICES: Final = 3
FIRST: Final = 51_900_000_000  # of `Stack.upload`
WORDS: Final = ("STOP", "BAJA", "sair", "Por favor, no me escriban más")
WITHIN_SECONDS: Final = 2.0
SOON: Final = 400  # recipients of a job, who have their turn within seconds
KILL_EVERY: Final = 5  # stops


def run(stack: Stack, size: Size) -> list[str]:
    recipients, stops = size.of((1_200, 12), (20_000, 100))
    chance = random.Random(20261130)
    instances = [f"i-{place}" for place in range(1, DEVICES + 1)]
    with start_simulator(*instances, arguments=["--latency", "50", "--keep-alive", "60"]) as simulator:
        devices = stack.add_devices(simulator, DEVICES, messages_per_minute=size.of(1_800, 6_000), max_in_flight=8)
        jobs = [stack.upload(recipients, devices, title) for title in ("first", "second")]
        for job in jobs:
            job.wait_until(0.01)
        hooks = [simulator.get(f"/webhook/find/{instance}").json() for instance in instances]
        told: dict[str, float] = {}
        slowest = 0.0
        kills = 0
        while len(told) < stops:
            # In neither job it was their turn, and in both it is within seconds; some are claimed already.
            place = min(max(job.ended() for job in jobs) + chance.randrange(SOON), recipients - 1)
            phone = str(FIRST + place)
            if phone in told:
                continue
            told[phone] = time.time()
            post(chance.choice(hooks), phone, chance.choice(WORDS))
            slowest = max(slowest, time.time() - told[phone])
            if len(told) % KILL_EVERY == 0:
                time.sleep(chance.uniform(0.0, 0.1))
                kills += kill_workers(stack)
            time.sleep(chance.uniform(0.1, 0.8))
        last = max(int(phone) for phone in told) - FIRST
        for job in jobs:
            job.wait_until((last + 1) / recipients)  # all of them had their turn
            job.act("cancel")
            job.wait_until_ended()
        eventually(
            lambda: confirmed(simulator, told) >= len(told),
            GIVE_UP_SECONDS,
            lambda: f"{confirmed(simulator, told)} of {len(told)} were told that they are written to no more",
            pause=0.5,
        )
        verdicts = [judge(job, simulator) for job in jobs]
        entries = [entry for entry in simulator.entries() if entry["number"] in told and is_of_a_job(entry)]
        after = [entry["last_at"] - told[entry["number"]] for entry in entries]
        obeyed = suppressed_at(stack, told)
        late = [entry for entry in entries if entry["last_at"] - obeyed[entry["number"]] > WITHIN_SECONDS]
        left_out = [dict(verdict.states).get("suppressed", 0) for verdict in verdicts]
        twice = confirmed(simulator, told) - len(told)
        stack.retire(devices)
        stack.execute("DELETE FROM jobs_suppression")  # the scenarios after this one write to the same numbers

    for verdict in verdicts:
        verdict.assert_clean()
    assert not late, f"written to after they were suppressed: {late[:5]}"
    assert twice == 0, f"{twice} were told again"
    assert min(left_out) > len(told) / 2, f"too few had their turn before them: {left_out} of {len(told)} in each job"
    latest = max(after)
    if size.is_full:  # alone on the machine
        assert latest <= WITHIN_SECONDS, f"the last message went out {latest:.2f} s after the webhook"
    return [
        f"{len(told)} stops, {kills} workers killed: {left_out} left out, {sum(one > 0 for one in after)} messages"
        f" after the webhook, the last of them after {max(latest, 0.0):.2f} s; the slowest webhook was answered after"
        f" {slowest:.2f} s; each told once"
    ]


def post(hook: dict[str, Any], phone: str, word: str) -> None:
    """As a gateway does, which has no queue: the simulator's would be measured, too."""
    event = {
        "event": "messages.upsert",
        "data": {
            "key": {"remoteJid": f"{phone}@s.whatsapp.net", "fromMe": False, "id": f"3A{phone}"},
            "pushName": "Ana",
            "message": {"conversation": word},
            "messageType": "conversation",
            "messageTimestamp": int(time.time()),
        },
    }
    with requests.Session() as session:
        session.trust_env = False
        answer = session.post(hook["url"], json=event, headers=hook["headers"], timeout=GIVE_UP_SECONDS)
    assert answer.status_code == 200, answer.text


def kill_workers(stack: Stack) -> int:
    """All that work: those who read the inbox, and those who send. Celery starts others."""
    killed = [process for queue in ("default", "lanes") for process in stack.pool(queue)]
    for process in killed:
        process.signal(signal.SIGKILL)
    return len(killed)


def is_of_a_job(entry: dict[str, Any]) -> bool:
    return str(entry["text"]).startswith("Hola ")


def confirmed(simulator: Simulator, told: dict[str, float]) -> int:
    return sum(entry["count"] for entry in simulator.entries() if entry["number"] in told and not is_of_a_job(entry))


def suppressed_at(stack: Stack, told: dict[str, float]) -> dict[str, float]:
    with stack.database() as database:
        rows = database.execute(
            "SELECT ltrim(phone, '+'), extract(epoch FROM created_at)::float8 FROM jobs_suppression"
            " WHERE phone = ANY(%s)",
            ([f"+{phone}" for phone in told],),
        ).fetchall()
    found = dict(rows)
    assert found.keys() == told.keys(), f"{len(told) - len(found)} are not suppressed"
    return found
