"""What becomes of a send whose body is in order: refused, accepted, answered or not.

Evolution API 2.3.7 answers 201 once the message is written to WhatsApp's socket. With a latency the message
is accepted at its end, just before the answer, also when the client has gone by then: closing the connection
does not cancel a send.
"""

import time
from functools import partial
from json.encoder import encode_basestring as quoted
from typing import NamedTuple

from devices.simulator.evolution import instances as states
from devices.simulator.evolution import numbers, refusals
from devices.simulator.evolution.instances import Instance
from devices.simulator.evolution.world import LOGGED_OUT, World
from devices.simulator.faults import FAULTS, SPARED, Fate, Kind
from devices.simulator.serving import wire
from devices.simulator.serving.server import Request

_CREATED = wire.head(201)
_GARBAGE = wire.answer(201, b'{"key":{"remoteJid":"5199\x00\xff<html>', wire.JSON_TYPE)
_NO_ID = wire.json_answer(201, {"status": "PENDING", "message": {}})
_CLOSED = refusals.crash("Connection Closed")
_CLOSED_CACHED = refusals.bad_request("Error: Connection Closed")
_TIMED_OUT = refusals.bad_request("Error: Timed Out")
_NO_ROW = refusals.bad_request(
    "PrismaClientKnownRequestError: \nInvalid `this.prismaRepository.message.create()` invocation\n\n"
    "Server has closed the connection."
)
_PLAYED = ("audioMessage", "videoMessage")
_NOT_STORED = ("accept-then-400", "accept-then-timed-out")


class Draft(NamedTuple):
    """A message to send. `text` is what the ledger keeps: the text, or a medium's caption.

    `kind` is the ledger's number for the content, `message` the JSON of WhatsApp's message object.
    """

    number: str
    text: str
    message: str
    message_type: str = "conversation"
    kind: int = 0


def send(world: World, instance: Instance, request: Request, draft: Draft, typing_ms: float) -> None:
    """Decide the fate of a send, and let it come true after the typing delay and the latency."""
    digits = numbers.digits_of(draft.number)
    plan = world.plan_for(instance)
    fate = plan.fate(digits) if plan.is_armed else SPARED
    wait = typing_ms / 1000 + world.wait_seconds() + fate.effects.get("latency", 0) / 1000
    if wait > 0:
        world.loop.call_later(wait, _finish, world, instance, request, draft, digits, fate)
    else:
        _finish(world, instance, request, draft, digits, fate)


def _finish(world: World, instance: Instance, request: Request, draft: Draft, digits: str, fate: Fate) -> None:
    jid = numbers.create_jid(draft.number)
    if fate.answer or instance.state != states.OPEN:
        if fate.answer == "down" and instance.state == states.OPEN:
            world.close(instance, LOGGED_OUT)
        if instance.state != states.OPEN:
            request.answer(_unconnected(world, instance, jid))
            return
        if _refuse(world, instance, request, draft, jid, fate):
            return
    if not numbers.is_findable(draft.number, jid):
        request.answer(_absent(draft.number, jid))
        return

    now = time.time()
    hidden = fate.answer in _NOT_STORED or "hidden-row" in fate.effects
    row = world.ledger.accept(
        digits, draft.text, instance.index, now, draft.kind, hidden=hidden, client_port=request.connection.client_port
    )
    message_id = world.ledger.message_id(row)
    body = (
        f'{{"key":{{"remoteJid":{quoted(jid)},"fromMe":true,"id":"{message_id}"}},"pushName":"Você",'
        f'"status":"PENDING","message":{draft.message},"contextInfo":{{}},'
        f'"messageType":"{draft.message_type}","messageTimestamp":{int(now)},'
        f'"instanceId":"{instance.id}","source":"web"}}'
    ).encode("utf-8", "backslashreplace")
    if instance.webhook is not None and fate.answer not in _NOT_STORED:
        # before the answer: the event may well arrive first
        world.webhooks.emit(instance, "send.message", body)
    if world.follows_up(instance):
        is_played = draft.message_type in _PLAYED
        world.receipts.follow(instance, row, jid, message_id, fate.effects, is_played=is_played)
    answer = b"%b%d\r\n\r\n%b" % (_CREATED, len(body), body)
    if fate is SPARED:
        request.answer(answer)
    else:
        _answer_accepted(world, request, answer, fate)


def _refuse(world: World, instance: Instance, request: Request, draft: Draft, jid: str, fate: Fate) -> bool:
    """Answer (or drop) a send that a fault keeps from being sent. False if it is to be sent after all."""
    match fate.answer:
        case "500-before-send":
            request.answer(refusals.crash("Cannot read properties of undefined (reading 'find')"))
        case "hang-before-accept":
            pass
        case "reset-before-accept":
            request.reset()
        case "timed-out-before-accept":
            request.answer(_TIMED_OUT)
        case "connection-closed":
            request.answer(_closed(world, jid))
        case "not-on-whatsapp":
            request.answer(_absent(draft.number, jid))
        case "media-failed" if draft.kind:
            request.answer(refusals.error(500, ["AxiosError: Request failed with status code 404"]))
        case name if name and FAULTS[name].kind is Kind.GATE:
            request.answer(refusals.gate_answer(name, fate.parameter, instance))
        case _:
            return False
    return True


def _answer_accepted(world: World, request: Request, answer: bytes, fate: Fate) -> None:
    match fate.answer:
        case "accept-then-hang":
            pass
        case "accept-then-reset":
            request.reset()
        case "accept-then-400":
            request.answer(_NO_ROW)
        case "accept-then-timed-out":
            request.answer(_TIMED_OUT)
        case "accept-then-502":
            request.answer(wire.proxy_error(502))
        case "garbage-body":
            request.answer(_GARBAGE)
        case "no-id":
            request.answer(_NO_ID)
        case "html-body":
            request.answer(wire.answer(200, b"<html><body>OK</body></html>", "text/html"))
        case "accepted-202":
            request.answer(wire.answer(202, b""))
        case "no-content":
            request.answer(wire.answer(204, b""))
        case "cut-body":
            # Its head promises all of it.
            request.connection.cut(answer[: answer.index(b'"status"')])
        case "latin-1-body":
            request.answer(answer.replace("Você".encode(), "Vocêé".encode("latin-1")))
        case "giant-body":
            request.answer(_with_medium(answer, int(fate.parameter)))
        case "deep-body":
            request.answer(wire.answer(201, b"[" * int(fate.parameter), wire.JSON_TYPE))
        case _ if "early-acks" in fate.effects:
            world.loop.call_later(fate.effects["early-acks"] / 1000, partial(request.answer, answer))
        case _:
            request.answer(answer)


def _with_medium(answer: bytes, size: int) -> bytes:
    """With webhook_base64 on, the whole medium stands in the answer's message."""
    _, _, body = answer.partition(b"\r\n\r\n")
    return wire.answer(201, body.replace(b'"message":{', b'"message":{"base64":"' + b"A" * size + b'",', 1))


def _unconnected(world: World, instance: Instance, jid: str) -> bytes:
    """What sends meet while the instance is not open. It does not queue: it fails at once."""
    if instance.state == states.NOT_LOADED:
        return refusals.crash("Cannot read properties of undefined (reading 'textMessage')")
    if not instance.was_connected:
        return refusals.crash("Cannot read properties of undefined (reading 'onWhatsApp')")
    return _closed(world, jid)


def _closed(world: World, jid: str) -> bytes:
    """400 where the gateway remembers the number and gets as far as sending, 500 where it looks it up."""
    cached = numbers.is_cacheable(jid) and world.ledger.was_sent_to(numbers.sent_as(jid))
    return _CLOSED_CACHED if cached else _CLOSED


def _absent(number: str, jid: str) -> bytes:
    return refusals.bad_request({"jid": jid, "exists": False, "number": number})
