"""Evolution API v2 (measured on 2.3.6 and 2.3.7), as the engine uses it.

    message_bodies     what is written: sendText and sendMedia
    send_answers       what their answers mean
    message_store      whether a message in doubt went out, by its findMessages
    stored_events      what its webhook told in vain, by the same
    connection_state   how an instance is, by its connectionState
    instance_list      how all of a server's are, by its fetchInstances
    phone_linking      how an instance is linked to a phone, by connect, logout, restart and delete
    instance_creation  how one is made
    webhook_settings   where one tells what happens
    instance_calls     how an instance is called
    message_updates    what its webhook says of messages: delivered, read, refused
    incoming_messages  what it says that people have written; incoming_texts: a message's kind and words
    connection_updates what it says of the link to WhatsApp
    webhook_events     what all of its events have in common

Its status codes mislead. A 400 may follow a message that went out, a 500 is mostly one that did not: the
body decides. What no rule here knows is unknown, and unknown is looked up before anything is sent again.
"""

from datetime import datetime
from typing import Any

from devices.gateway.base import AccountLimits, LookUp, Made, OutgoingMessage, Probe, WireRequest
from devices.gateway.evolution import (
    connection_state,
    connection_updates,
    incoming_messages,
    instance_creation,
    message_bodies,
    message_store,
    message_updates,
    send_answers,
)
from devices.gateway.evolution.instance_calls import Instance
from devices.gateway.evolution.instance_list import InstanceList
from devices.gateway.evolution.phone_linking import PhoneLinking
from devices.gateway.evolution.stored_events import StoredEvents
from devices.gateway.evolution.webhook_settings import WebhookSettings


class EvolutionGateway:
    """One instance of an Evolution API server; `token` is the instance's own, or the server's, which opens them all."""

    read_answer = staticmethod(send_answers.read_answer)
    limits: AccountLimits | None = None  # it drops even the code of a refusal

    def __init__(self, base_url: str, instance_name: str, token: str) -> None:
        self._instance = Instance(base_url, instance_name, token)
        self.roll = InstanceList(base_url.rstrip("/"), token)
        self.linker = PhoneLinking(self._instance)
        self.hook = WebhookSettings(self._instance)
        self.store = StoredEvents(self._instance)
        self._headers = ("Content-Type: application/json", f"apikey: {token}", "Expect:")
        self._text_url = self._instance.url("message/sendText")
        self._media_url = self._instance.url("message/sendMedia")

    def send_request(self, message: OutgoingMessage) -> WireRequest:
        if message.media is None:
            return WireRequest(self._text_url, self._headers, message_bodies.text(message.number, message.text))
        body = message_bodies.media(message.number, message.media, caption=message.text)
        return WireRequest(self._media_url, self._headers, body)

    def look_up(self, message: OutgoingMessage, since: datetime, until: datetime) -> tuple[LookUp, str]:
        return message_store.look_up(self._instance, message, since, until)

    def probe(self, timeout_seconds: float) -> Probe:
        return connection_state.probe(self._instance, timeout_seconds)


class EvolutionWebhooks:
    """What its webhooks tell, of every version."""

    link_news = staticmethod(connection_updates.link_news)
    receipts = staticmethod(message_updates.receipts)
    is_urgent = staticmethod(message_updates.is_urgent)
    incoming = staticmethod(incoming_messages.incoming)

    def kept(self, event: object) -> dict[str, Any] | None:
        return message_updates.kept(event) or incoming_messages.kept(event)


def create_instance(base_url: str, name: str, server_key: str, timeout_seconds: float) -> Made:
    return instance_creation.create(Instance(base_url, name, server_key), timeout_seconds)
