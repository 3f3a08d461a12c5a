"""What comes back after a send: receipts (`messages.update`) and replies (`messages.upsert`)."""

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping
from json.encoder import encode_basestring as quoted
from random import Random

from devices.simulator.evolution import numbers
from devices.simulator.evolution.instances import OPEN, Instance
from devices.simulator.evolution.webhooks import Webhooks
from devices.simulator.ledger import Ledger
from devices.simulator.options import Span
from devices.simulator.serving.wire import dumps


class Receipts:
    """Timers for what recipients' phones report. One timer per message at a time, whatever its receipts."""

    def __init__(self, ledger: Ledger, webhooks: Webhooks, delay: Span, randomness: Random) -> None:
        self._ledger = ledger
        self._webhooks = webhooks
        self._delay = delay
        self._randomness = randomness

    def follow(self, instance: Instance, row: int, jid: str, message_id: str, effects: Mapping[str, float]) -> None:
        """Schedule the receipts, and the reply, of a message just accepted."""
        if "zombie" in effects:
            return
        if "stop-reply" in effects:
            self._later(self.reply, instance, jid, "STOP")
        # The real gateway skips receipts of messages it has not stored ("Original message not found").
        if self._ledger.is_stored(row):
            statuses = _statuses(effects)
            if "early-acks" in effects:
                for status in statuses:
                    self.report(instance, row, jid, message_id, status)
            else:
                self._later(self._report_first, instance, row, jid, message_id, statuses)

    def report(self, instance: Instance, row: int, jid: str, message_id: str, status: str) -> None:
        self._ledger.report(row, status)
        if instance.webhook is None:
            return
        update = (
            f'{{"keyId":{quoted(message_id)},"remoteJid":{quoted(jid)},"fromMe":true,"status":"{status}",'
            f'"instanceId":"{instance.id}","messageId":"{database_id(row)}"}}'
        )
        self._webhooks.emit(instance, "messages.update", update.encode())

    def reply(self, instance: Instance, sender: str, text: str) -> None:
        """A text from a recipient; `sender` is a jid or a number."""
        if instance.state != OPEN:
            return
        message = {
            "key": {
                "remoteJid": sender if "@" in sender else numbers.create_jid(sender),
                "fromMe": False,
                "id": "3A" + secrets.token_hex(9).upper(),
                "participant": "",
                "addressingMode": "pn",
            },
            "pushName": "Contacto",
            "status": "DELIVERY_ACK",
            "message": {"conversation": text},
            "contextInfo": None,
            "messageType": "conversation",
            "messageTimestamp": int(time.time()),
            "instanceId": instance.id,
            "source": "android",
        }
        self._webhooks.emit(instance, "messages.upsert", dumps(message))

    def _report_first(self, instance: Instance, row: int, jid: str, message_id: str, statuses: list[str]) -> None:
        if instance.state != OPEN or not statuses:
            return
        self.report(instance, row, jid, message_id, statuses[0])
        if len(statuses) > 1:
            self._later(self._report_first, instance, row, jid, message_id, statuses[1:])

    def _later(self, act: Callable[..., None], *args: object) -> None:
        wait = self._randomness.uniform(self._delay.low, self._delay.high) / 1000
        asyncio.get_running_loop().call_later(wait, act, *args)


def database_id(row: int) -> str:
    """The gateway's own key of a message row (Prisma's cuid)."""
    return f"cm{row:023x}"


def _statuses(effects: Mapping[str, float]) -> list[str]:
    if "error-463" in effects:
        statuses = ["ERROR"]
    else:
        statuses = ["SERVER_ACK", "DELIVERY_ACK", "READ"]
        if "no-server-ack" in effects:
            statuses.remove("SERVER_ACK")
        if "no-read" in effects:
            statuses.remove("READ")
    if "reordered-acks" in effects:
        statuses.reverse()
    if "duplicate-acks" in effects:
        statuses = [status for status in statuses for _ in range(2)]
    return statuses
