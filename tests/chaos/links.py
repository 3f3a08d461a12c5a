"""What happens to a device itself while a job is sent through it: its link goes and comes, it is parted from us."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import requests

from config.stack.access import Access
from tests.chaos.harness import GIVE_UP_SECONDS, SentJob, Stack, eventually
from tests.chaos.proofs import judge
from tests.chaos.setting import Size
from tests.simulator_process import Simulator, start_simulator

CLOSED_SECONDS: Final = 0.2
AGAIN_WITHIN_SECONDS: Final = 2.0
UPLOAD_EVERY_SECONDS: Final = 0.1


def run_reopened(stack: Stack, size: Size) -> list[str]:
    """The link of the only device is closed and open again a moment later, and once restarted, while others upload."""
    times = size.of(3, 10)
    gaps = []
    with start_simulator("i-1", arguments=["--latency", "20-40"]) as simulator:
        devices = stack.add_devices(simulator, 1, max_in_flight=2)
        job = stack.upload(size.of(3000, 10_000), devices, "reopened")
        job.wait_until(0.01)
        with uploading(stack, devices) as answers:
            for _ in range(times):
                simulator.set_state("i-1", "close")
                time.sleep(CLOSED_SECONDS)
                simulator.set_state("i-1", "open")
                gaps.append(seconds_to_the_next(simulator, job, time.time()))
            stack.post(f"/api/v1/accounts/{stack.account_id}/devices/{devices[0]}/restart")
            gaps.append(seconds_to_the_next(simulator, job, time.time()))
        job.act("cancel")
        job.wait_until_ended()
        verdict = judge(job, simulator)
        stack.retire(devices)
    verdict.assert_clean()
    assert answers, "nobody uploaded meanwhile"
    assert set(answers) == {200}, f"uploads were refused: {answers}"
    if size.is_full:  # alone on the machine
        assert max(gaps) <= AGAIN_WITHIN_SECONDS
    said = ", ".join(f"{gap:.2f}" for gap in gaps)
    return [f"sends again {said} s after its link was open again, and after a restart; {len(answers)} uploads taken"]


def run_parted(stack: Stack, size: Size) -> list[str]:
    """Of four devices one is deleted by the API, one by the admin and one is logged out; the fourth ends the job."""
    recipients = size.of(600, 4000)
    instances = [f"i-{place}" for place in range(1, 5)]
    with start_simulator(*instances, arguments=["--latency", "50-100"]) as simulator:
        devices = stack.add_devices(simulator, 4, max_in_flight=4)
        hooks = [simulator.get(f"/webhook/find/{instance}").json() for instance in instances]
        job = stack.upload(recipients, devices, "parted")
        job.wait_until(0.1)
        by_api, by_admin, logged_out, _stays = devices
        address = f"/api/v1/accounts/{stack.account_id}/devices"
        assert stack.request("DELETE", f"{address}/{by_api}").status_code == 204
        delete_by_admin(stack, by_admin)
        assert stack.post(f"{address}/{logged_out}/logout")["status"] == "disconnected"
        by_then = [accepted_by(simulator, instance) for instance in instances]
        job.wait_until_ended()
        late = [accepted_by(simulator, instance) - before for instance, before in zip(instances, by_then, strict=True)]
        # The door knows a device for some seconds more; what it keeps of one that is gone is nobody's.
        for hook, instance in list(zip(hooks, instances, strict=True))[:2]:
            eventually(
                lambda hook=hook, instance=instance: stray(hook, instance) == {401},
                GIVE_UP_SECONDS,
                lambda: "still known",
            )
        answers = [stray(hook, instance) for hook, instance in zip(hooks, instances, strict=True)]
        stands = stack.values("SELECT status FROM devices_device WHERE id = ANY(%s) ORDER BY id", devices[:3])
        claims = stack.value("SELECT count(*) FROM jobs_chunk WHERE device_id = ANY(%s)", devices[:3])
        verdict = judge(job, simulator)
        stack.retire(devices[3:])
    verdict.assert_clean()
    assert verdict.states == {"sent": recipients}, verdict.states
    assert max(late[:3]) <= 4, f"{late} messages went out after their devices were gone: more than were in flight"
    assert claims == 0, "what they had taken was not given back"
    # Of the deleted nothing is known any more; of the other what cannot be true is looked at, and not believed.
    assert answers == [{401}, {401}, {200}, {200}]
    assert stands[2] == "disconnected", stands
    return [
        f"{recipients} recipients; after two were deleted and one logged out {late} more went out; doubled 0, lost 0"
    ]


def delete_by_admin(stack: Stack, device: int) -> None:
    """As a person does: the page asks, and its button is pressed."""
    access = Access.of(stack.layout)
    with requests.Session() as browser:
        browser.trust_env = False
        page = f"{stack.url}/admin/devices/device/{device}/delete/"
        browser.get(f"{stack.url}/admin/login/", timeout=GIVE_UP_SECONDS)
        who = {"username": access.email, "password": access.password}
        for address, form in (
            (f"{stack.url}/admin/login/?next=/admin/", who),
            (page, {"post": "yes", "force": "true"}),
        ):
            form["csrfmiddlewaretoken"] = browser.cookies["csrftoken"]
            answer = browser.post(address, form, headers={"Referer": address}, timeout=GIVE_UP_SECONDS)
            assert answer.status_code == 200, answer.text[:500]
    assert stack.value("SELECT deleted_at IS NOT NULL FROM devices_device WHERE id = %s", device)


def stray(hook: dict[str, Any], instance: str) -> set[int]:
    """What is answered to events that come after all: a receipt, and a link that is open, of an hour ago."""
    receipt = {"keyId": "3EB0" + "0" * 16, "fromMe": True, "status": "READ"}
    link = {"instance": instance, "state": "open", "statusReason": 200}
    events = [
        {"event": "messages.update", "instance": instance, "data": receipt},
        {"event": "connection.update", "instance": instance, "data": link, "date_time": "2026-01-01T00:00:00.000Z"},
    ]
    with requests.Session() as session:
        session.trust_env = False
        return {
            session.post(hook["url"] + rest, json=event, headers=hook["headers"], timeout=GIVE_UP_SECONDS).status_code
            for event in events
            for rest in ("", "/messages-update")
        }


def accepted_by(simulator: Simulator, instance: str) -> int:
    return int(simulator.ledger()["by_instance"][instance]["accepted"])


def seconds_to_the_next(simulator: Simulator, job: SentJob, since: float) -> float:
    """How long after this moment the next message is accepted."""

    def later() -> float | None:
        return next((at for at in simulator.timeline("i-1") if at > since), None)

    return eventually(later, GIVE_UP_SECONDS, job.describe, pause=0.1) - since


@contextmanager
def uploading(stack: Stack, devices: list[int]) -> Iterator[list[int]]:
    """Upload small files all the while; what they were answered."""
    answers: list[int] = []
    is_over = threading.Event()

    def upload() -> None:
        while not is_over.wait(UPLOAD_EVERY_SECONDS):
            try:
                stack.upload(1, devices, f"meanwhile {len(answers)}")
            except (AssertionError, requests.RequestException) as error:
                answers.append(int(str(error).partition(": ")[2][:3] or 0))
            else:
                answers.append(200)

    thread = threading.Thread(target=upload)
    thread.start()
    try:
        yield answers
    finally:
        is_over.set()
        thread.join()
