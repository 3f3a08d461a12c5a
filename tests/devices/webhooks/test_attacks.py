"""What a hostile, broken or repeating gateway posts at the door: refused or of no effect, and never an error."""

import asyncio
import copy
import json
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from devices.gateway.registry import READERS
from devices.models import Device, Pairing, Webhook
from devices.webhooks.receiver import MAX_BYTES, Receiver
from jobs.models import Job, Recipient
from tests.accounts.asgi import Exchange
from tests.devices import recorded
from tests.devices.webhooks.arrange import address, nobody, receipt, secret, tell, told
from tests.factories import make_device
from tests.jobs.receipts.arrange import ids, sent_job, worked

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("closes_sessions_of_other_threads"),
]

Attack = Callable[["Scene"], Exchange]
BY_EVENTS: Final = "/messages-update"
# In place of each part of each body that a real gateway posted.
ODD: Final[list[Any]] = [None, True, 0, -1, 1e400, 10**30, "", "\0", "\ud800", "x" * 5_000]
ODD += [[], {}, [[]], [{}], {"a": {}}]


class Scene:
    """A message that was sent through one device, and another device."""

    def __init__(self) -> None:
        self.job, self.device = sent_job(1)
        (self.message_id,) = ids(self.job)
        self.another = make_device(self.device.account, instance_name="demo-2")
        self.own, self.anothers = secret(self.device), secret(self.another)

    def post(self, event: Any, *headers: tuple[bytes, bytes], to: Device | None = None, rest: str = "") -> Exchange:
        return told(address(to or self.device, rest), event, *headers)

    def read(self, **more: Any) -> dict[str, Any]:
        return receipt(self.message_id, "READ", **more)

    def rows(self) -> list[Any]:
        """All that an event can change, but when somebody was heard."""
        devices = Device.unscoped.order_by("pk").values("pk", "status", "status_reason", "enabled", "trouble_count")
        rows = [devices, Recipient.objects.order_by("pk").values(), Job.unscoped.values(), Pairing.objects.values()]
        return [list(one) for one in rows] + [list(Webhook.objects.order_by("pk").values("secret", "problem"))]


@pytest.fixture
def scene(transactional_db: None) -> Scene:
    return Scene()


ATTACKS: dict[str, tuple[int, Attack]] = {
    "no secret": (401, lambda s: s.post(s.read())),
    "a wrong secret": (401, lambda s: s.post(s.read(), (b"x-webhook-secret", b"x" * 43))),
    "a secret of odd bytes": (401, lambda s: s.post(s.read(), (b"x-webhook-secret", bytes(range(256))))),
    "a giant secret": (401, lambda s: s.post(s.read(), (b"x-webhook-secret", b"x" * 60_000))),
    "another device's secret": (401, lambda s: s.post(s.read(), s.anothers)),
    "another device's secret by events": (401, lambda s: s.post(s.read(), s.anothers, rest=BY_EVENTS)),
    "the secret in the other order": (401, lambda s: s.post(s.read(), (s.own[0], s.own[1][::-1]))),
    "a secret before the right one": (401, lambda s: s.post(s.read(), (s.own[0], b"x"), s.own)),
    "the device's token in its place": (401, lambda s: s.post(s.read(), (s.own[0], s.device.token.encode()))),
    "another device's message": (200, lambda s: s.post(s.read(), s.anothers, to=s.another)),
    "5 MB": (400, lambda s: s.post(b"x" * (5 * MAX_BYTES), s.own)),
    "5 MB by events": (400, lambda s: s.post(b"x" * (5 * MAX_BYTES), s.own, rest=BY_EVENTS)),
    "5 MB of JSON": (400, lambda s: s.post(s.read(note="x" * (5 * MAX_BYTES)), s.own)),
    "garbage": (400, lambda s: s.post(bytes(range(256)), s.own)),
    "garbage by events": (400, lambda s: s.post(b"\0", s.own, rest=BY_EVENTS)),
    "nothing": (400, lambda s: s.post(b"", s.own)),
    "deep lists": (400, lambda s: s.post(b"[" * 500_000, s.own)),
    "deep objects": (400, lambda s: s.post(b'{"data":' * 100_000 + b"1" + b"}" * 100_000, s.own)),
    "an event that is none": (200, lambda s: s.post({"event": ["messages.update"], "data": s.read()["data"]}, s.own)),
    "others' messages": (200, lambda s: s.post(s.read(fromMe=False), s.own)),
    "an unknown message": (200, lambda s: s.post(receipt("3EB0" + "0" * 16, "READ"), s.own)),
    "a giant id": (200, lambda s: s.post(receipt("3" * 900_000, "READ"), s.own)),
    "an id with a zero byte": (200, lambda s: s.post(receipt(s.message_id + "\0", "READ"), s.own)),
    "an unknown status": (200, lambda s: s.post(receipt(s.message_id, "EXPLODED"), s.own)),
    "another instance's link": (200, lambda s: s.post(link("demo-2", "close"), s.own)),
    "a link of no known time": (200, lambda s: s.post({**link("demo-1", "close"), "date_time": "soon"}, s.own)),
    "an address that climbs": (200, lambda s: s.post({}, s.own, rest="/../../admin")),
}


def link(instance: str, state: str) -> dict[str, Any]:
    data = {"instance": instance, "state": state, "statusReason": 401}
    return {"event": "connection.update", "instance": instance, "data": data, "date_time": "2026-11-27T09:39:35.227Z"}


@pytest.mark.parametrize("name", ATTACKS)
def test_it_is_refused_or_ignored_and_changes_nothing(scene: Scene, name: str) -> None:
    status, attack = ATTACKS[name]
    before = scene.rows()
    answer = attack(scene)
    assert answer.status == status
    assert json.loads(answer.body)["status"] == ("success" if status == 200 else "error")
    worked()
    assert scene.rows() == before
    # And whoever is right is heard all the same.
    assert scene.post(scene.read(), scene.own, rest=BY_EVENTS).status == 200
    worked()
    assert Recipient.objects.get().state == "read"


@pytest.mark.parametrize("version", ["1.x", "2.0", "2.3", "2.4"])
def test_an_event_that_is_replayed_counts_once_in_the_shape_of_every_version(scene: Scene, version: str) -> None:
    shapes: dict[str, Any] = {
        "1.x": {"id": scene.message_id, "fromMe": True, "status": "READ", "owner": "demo-1"},
        "2.0": [{"key": {"id": scene.message_id, "fromMe": True}, "update": {"status": 4}}],
        "2.3": scene.read()["data"],
        "2.4": {**scene.read()["data"], "remoteJid": "88012345678901:3@lid", "messageId": "cm1"},
    }
    event = {**scene.read(), "data": shapes[version]}
    assert scene.post(event, scene.own).status == 200
    worked()
    job, after = Job.unscoped.get(), scene.rows()
    assert (job.delivered, job.read) == (1, 1)
    for rest in ("", "/messages-update", "/"):
        assert scene.post(event, scene.own, rest=rest).status == 200
        worked()
    assert scene.rows() == after


@pytest.mark.parametrize("real", recorded.webhooks(), ids=lambda real: real["situation"])
def test_no_part_of_a_real_body_can_be_such_that_it_is_an_error(real: dict[str, Any]) -> None:
    """The readers are asked directly: through the door it would be some hundred times as many commits."""
    reader = READERS["evolution"]
    for event in mutants(real["body"]):
        reader.receipts(event)
        reader.link_news(event)
        assert reader.is_urgent(event) in {True, False}
        assert reader.kept(event) is not None or not (reader.receipts(event) or reader.incoming(event))


def test_odd_bodies_cost_nobody_else_anything(scene: Scene) -> None:
    """Those of the events that are used, one after the other at one door, with a good one at the end."""
    used = {"messages.update", "messages.upsert", "connection.update"}
    odd = [event for real in recorded.webhooks() if real["body"]["event"] in used for event in mutants(real["body"])]

    async def all_of_them() -> set[int]:
        door = Receiver(nobody)
        some = odd[:: max(1, len(odd) // 300)]
        answers = await asyncio.gather(*(tell(door, address(scene.device), event, [scene.own]) for event in some))
        return {answer.status for answer in answers}

    assert asyncio.run(all_of_them()) == {200}
    assert scene.post(scene.read(), scene.own).status == 200
    worked()
    assert Recipient.objects.get(job__purpose="send").state == "read"  # others are told that they are left alone
    assert Device.unscoped.get(pk=scene.device.pk).status == "connected"


def mutants(body: Any) -> Iterator[Any]:
    """The body with each of its parts replaced by each odd value, and without each of its parts."""
    for place in _places(body):
        for odd in (*ODD, _places):  # the function itself stands for nothing at all
            changed = copy.deepcopy(body)
            holder = changed
            for step in place[:-1]:
                holder = holder[step]
            if odd is _places:
                del holder[place[-1]]
            else:
                holder[place[-1]] = odd
            yield changed


def _places(body: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    steps = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for step, part in steps:
        yield (*before, step)
        yield from _places(part, (*before, step))
