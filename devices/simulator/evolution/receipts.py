"""What comes back after a send: receipts (`messages.update`) and replies (`messages.upsert`)."""

import asyncio
import secrets
import time
import zlib
from collections.abc import Callable, Mapping
from json.encoder import encode_basestring as quoted
from random import Random

from devices.simulator.evolution import numbers
from devices.simulator.evolution.instances import OPEN, Instance
from devices.simulator.evolution.webhooks import Webhooks
from devices.simulator.ledger import Ledger
from devices.simulator.options import Span
from devices.simulator.serving.wire import dumps

_STORED = ("key", "pushName", "messageType", "message", "messageTimestamp", "instanceId", "source", "contextInfo")


class Receipts:
    """Timers for what recipients' phones report. One timer per message at a time, whatever its receipts."""

    def __init__(self, ledger: Ledger, webhooks: Webhooks, delay: Span, randomness: Random) -> None:
        self._ledger = ledger
        self._webhooks = webhooks
        self._delay = delay
        self._randomness = randomness

    def follow(
        self,
        instance: Instance,
        row: int,
        jid: str,
        message_id: str,
        effects: Mapping[str, float],
        *,
        is_played: bool = False,
    ) -> None:
        """Schedule the receipts, and the reply, of a message just accepted. `is_played`: sound or a film."""
        if "zombie" in effects:
            return
        if "stop-reply" in effects:
            self._later(self.reply, instance, jid, "STOP")
        # The real gateway skips receipts of messages it has not stored ("Original message not found").
        if self._ledger.is_stored(row):
            statuses = _statuses(_met(effects, is_known=jid in instance.wrote), is_played=is_played)
            if "lost-acks" in effects:
                for status in statuses:
                    self._ledger.report(row, status)
                return
            if "lid-acks" in effects:
                jid = _lid_of(jid)
            if "early-acks" in effects:
                for status in statuses:
                    self.report(instance, row, jid, message_id, status)
            else:
                late = effects.get("late-acks", 0.0)
                self._later(self._report_first, instance, row, jid, message_id, statuses, late, late=late)

    def report(self, instance: Instance, row: int, jid: str, message_id: str, status: str) -> None:
        self._ledger.report(row, status)
        if instance.webhook is None:
            return
        update = (
            f'{{"keyId":{quoted(message_id)},"remoteJid":{quoted(jid)},"fromMe":true,"status":"{status}",'
            f'"instanceId":"{instance.id}","messageId":"{database_id(row)}"}}'
        )
        self._webhooks.emit(instance, "messages.update", update.encode())

    def reply(self, instance: Instance, sender: str, text: str, lid: str = "", at: float | None = None) -> None:
        """A text from a person; `sender` is a jid or a number, `lid` is told beside it, `at`: when it was written."""
        if instance.state != OPEN:
            return
        jid = sender if "@" in sender else numbers.create_jid(sender)
        instance.wrote.add(jid)
        message = {
            "key": {
                "remoteJid": jid,
                **({"remoteJidAlt": lid} if lid else {}),
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
            "messageTimestamp": int(time.time() if at is None else at),
            "instanceId": instance.id,
            "source": "android",
        }
        instance.received.append(
            {
                "id": f"cr{len(instance.received):07x}{secrets.token_hex(8)}",
                **{name: message[name] for name in _STORED},
                "MessageUpdate": [],
            }
        )
        self._webhooks.emit(instance, "messages.upsert", dumps(message))

    def _report_first(
        self, instance: Instance, row: int, jid: str, message_id: str, statuses: list[str], late: float
    ) -> None:
        if instance.state != OPEN or not statuses:
            return
        self.report(instance, row, jid, message_id, statuses[0])
        if len(statuses) > 1:
            self._later(self._report_first, instance, row, jid, message_id, statuses[1:], late, late=late)

    def _later(self, act: Callable[..., None], *args: object, late: float = 0.0) -> None:
        wait = (self._randomness.uniform(self._delay.low, self._delay.high) + late) / 1000
        asyncio.get_running_loop().call_later(wait, act, *args)


def database_id(row: int) -> str:
    """The gateway's own key of a message row (Prisma's cuid)."""
    return f"cm{row:023x}"


def _lid_of(jid: str) -> str:
    """WhatsApp's other name for the same person, with the number of one of its phones or computers."""
    return f"{zlib.crc32(jid.encode()):012}:3@lid"


def _met(effects: Mapping[str, float], *, is_known: bool) -> Mapping[str, float]:
    """What a recipient meets of an instance that WhatsApp lets write to none but those who wrote to it."""
    return {**effects, "error-463": 0.0} if "time-lock" in effects and not is_known else effects


def _statuses(effects: Mapping[str, float], *, is_played: bool) -> list[str]:
    if "error-463" in effects:
        statuses = ["ERROR"]
    elif "error-then-delivered" in effects:
        statuses = ["ERROR", "DELIVERY_ACK"]
    elif "read-only" in effects:
        statuses = ["READ"]
    else:
        statuses = ["SERVER_ACK", "DELIVERY_ACK", "READ"]
        if "no-server-ack" in effects:
            statuses.remove("SERVER_ACK")
        if "no-read" in effects:
            statuses.remove("READ")
        elif is_played:
            statuses.append("PLAYED")
    if "reordered-acks" in effects:
        statuses.reverse()
    if "duplicate-acks" in effects:
        statuses = [status for status in statuses for _ in range(2)]
    return statuses
