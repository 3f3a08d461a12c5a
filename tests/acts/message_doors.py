"""What people wrote: answered, and settled."""

from typing import Any

from django.utils import timezone

from devices.phone_numbers import key_of
from jobs.models import IncomingMessage
from tests.acts.table import Scene, admin, api

PHONE = "+51987654321"
ACTS = "campaigns.actions.message_acts"


def message(scene: Scene, **fields: Any) -> IncomingMessage:
    whose = {"phone": PHONE, "phone_key": key_of(PHONE)}
    told = {**whose, "kind": "text", "text": "¿precio?", "at": timezone.now(), **fields}
    row: IncomingMessage = IncomingMessage.unscoped.create(
        account=scene.account, device=scene.device, message_id="A1", **told
    )
    return row


def of_a_lid(scene: Scene) -> IncomingMessage:
    return message(scene, phone="", phone_key="", lid="120000055915")


def near_miss(scene: Scene) -> IncomingMessage:
    return message(scene, wish="near_out")


@api(f"{ACTS}.answer", "message.answered", "POST", "messages")
def answer_by_api(scene: Scene) -> Any:
    return scene.call("POST", "messages", {"message_id": message(scene).pk, "text": "10 soles"})


@admin(f"{ACTS}.answer", "message.answered")
def answer_by_page(scene: Scene) -> Any:
    return scene.press("jobs_incomingmessage_answer", {"text": "10 soles"}, message(scene).pk)


@api(f"{ACTS}.link", "message.linked", "POST", "message_settle")
def link_by_api(scene: Scene) -> Any:
    return scene.call("POST", "message_settle", {"phone": PHONE}, message_id=of_a_lid(scene).pk)


@admin(f"{ACTS}.link", "message.linked")
def link_by_page(scene: Scene) -> Any:
    return scene.press("jobs_incomingmessage_settle", {"phone": PHONE}, of_a_lid(scene).pk)


@api(f"{ACTS}.settle", "message.settled", "POST", "message_settle")
def settle_by_api(scene: Scene) -> Any:
    return scene.call("POST", "message_settle", {"opted_out": True}, message_id=near_miss(scene).pk)


@admin(f"{ACTS}.settle", "message.settled")
def settle_by_page(scene: Scene) -> Any:
    return scene.press("jobs_incomingmessage_settle", {"leaves": "yes"}, near_miss(scene).pk)
