"""`POST /chat/…`: whatsappNumbers, findMessages and findStatusMessage of Evolution API 2.3.7."""

import json
import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from heapq import merge
from itertools import islice
from operator import itemgetter
from typing import Any

from devices.simulator.evolution import instances as states
from devices.simulator.evolution import numbers, refusals
from devices.simulator.evolution.calls import Call
from devices.simulator.evolution.message_routes import message_of
from devices.simulator.evolution.receipts import database_id
from devices.simulator.evolution.schemas import check_numbers
from devices.simulator.serving import wire

_Row = int | dict[str, Any]  # of the ledger, or what somebody wrote

_PAGE_SIZE = 50
_LONG_ID = 113  # characters
_BAD_QUERY = refusals.crash("\nInvalid `this.prismaRepository.message.count()` invocation")


def whatsapp_numbers(call: Call) -> bytes:
    problems = check_numbers(call.body)
    if problems:
        # this controller catches its own errors, so the shape differs from all others
        return wire.json_answer(400, {"status": 400, "error": "Bad Request", "message": [problems]})
    listed = call.body.get("numbers")
    if listed is None or call.instance.state != states.OPEN:
        return wire.json_answer(400, {})
    plan = call.world.plan_for(call.instance)
    groups: list[dict[str, Any]] = []
    users: list[dict[str, Any]] = []
    for number in listed:
        jid = numbers.create_jid(number)
        exists = numbers.is_findable(number, jid) and not plan.is_absent(numbers.digits_of(number))
        found = {"jid": jid, "exists": exists, "number": number}
        (groups if jid.endswith(numbers.GROUP) else users).append(found)
    return wire.json_answer(200, groups + users)


def find_messages(call: Call) -> bytes:
    where = _mapping(call.body.get("where"))
    size = call.body.get("offset") or _PAGE_SIZE  # `offset` is the page's size
    page = call.body.get("page") or 1
    try:
        span = _time_span(_mapping(where.get("messageTimestamp")))
        skip = int(size) * (int(page) - 1)
        last = skip + int(size)
    except (TypeError, ValueError):
        return _BAD_QUERY
    if call.world.plan_for(call.instance).has("no-store") is not None:
        rows: list[_Row] = []
    else:
        theirs = _received(call, where, span)
        rows = list(merge(_matching(call, where, span), theirs, key=partial(_time_of, call), reverse=True))
    records = [row if isinstance(row, dict) else _record(call, row) for row in islice(rows, max(0, skip), last)]
    found = {
        "total": len(rows),
        "pages": math.ceil(len(rows) / int(size)),
        "currentPage": page,
        "records": records,
    }
    return wire.json_answer(200, {"messages": found})


def find_status(call: Call) -> bytes:
    where = _mapping(call.body.get("where"))
    ledger = call.world.ledger
    message_id, jid = where.get("id"), where.get("remoteJid")
    rows: Iterator[int]
    if message_id is not None:
        rows = iter([row] if (row := ledger.row_of(str(message_id))) is not None else [])
    elif jid is not None:
        rows = ledger.rows_to(numbers.kept_as(str(jid)), call.instance.index)
    else:
        rows = ledger.rows(call.instance.index)
    updates = (
        {
            "id": f"{database_id(row)}{status[0].lower()}",
            "keyId": ledger.message_id(row),
            "remoteJid": numbers.create_jid(ledger.number(row)),
            "fromMe": True,
            "participant": None,
            "pollUpdates": None,
            "status": status,
            "messageId": database_id(row),
            "instanceId": call.instance.id,
        }
        for row in rows
        if ledger.instance(row) == call.instance.index and ledger.is_stored(row)
        for status in ledger.statuses(row)
    )
    size = int(call.body.get("offset") or _PAGE_SIZE)
    start = size * (int(call.body.get("page") or 1) - 1)
    return wire.json_answer(200, list(islice(updates, start, start + size)))


def _received(call: Call, where: Mapping[str, Any], span: tuple[int, int] | None) -> Iterator[dict[str, Any]]:
    """What people wrote to the instance, newest first."""
    key = _mapping(where.get("key"))
    wanted = {name: key[name] for name in ("id", "remoteJid") if key.get(name)}
    if key.get("fromMe"):
        return
    for record in sorted(call.instance.received, key=itemgetter("messageTimestamp"), reverse=True):
        if span is not None and not span[0] <= record["messageTimestamp"] <= span[1]:
            continue
        if any(record["key"][name] != value for name, value in wanted.items()):
            continue
        if all(where.get(name) in (None, record[name]) for name in ("id", "messageType")):
            yield record


def _time_of(call: Call, row: _Row) -> int:
    return int(row["messageTimestamp"] if isinstance(row, dict) else call.world.ledger.accepted_at(row))


def _matching(call: Call, where: Mapping[str, Any], span: tuple[int, int] | None) -> Iterator[int]:
    """Rows of what was sent through the instance and is stored, newest first. `fromMe: false` is ignored, as in the
    real one."""
    ledger, index = call.world.ledger, call.instance.index
    key = _mapping(where.get("key"))
    jid = key.get("remoteJid")
    rows: Iterator[int]
    if key.get("id"):
        row = ledger.row_of(str(key["id"]))
        rows = iter([] if row is None or ledger.instance(row) != index else [row])
    elif jid:
        rows = iter(sorted(ledger.rows_to(numbers.kept_as(str(jid)), index), reverse=True))
    else:
        rows = ledger.rows(index)
    for row in rows:
        if not ledger.is_stored(row):
            continue
        if jid and numbers.create_jid(ledger.number(row)) != jid:
            continue
        if span is not None and not span[0] <= int(ledger.accepted_at(row)) <= span[1]:
            continue
        if where.get("id") is not None and where["id"] != database_id(row):
            continue
        if where.get("messageType") is not None and where["messageType"] != _type_of(call, row):
            continue
        yield row


def _record(call: Call, row: int) -> dict[str, Any]:
    ledger = call.world.ledger
    message_type, message = message_of(ledger.content(row), ledger.text(row))
    message_id = ledger.message_id(row)
    has_long_ids = call.world.plan_for(call.instance).has_long_ids(ledger.number(row))
    return {
        "id": database_id(row),
        "key": {
            "id": message_id.ljust(_LONG_ID, "0") if has_long_ids else message_id,
            "fromMe": True,
            "remoteJid": numbers.create_jid(ledger.number(row)),
        },
        "pushName": "Você",
        "messageType": message_type,
        "message": json.loads(message, strict=False),
        "messageTimestamp": int(ledger.accepted_at(row)),
        "instanceId": call.instance.id,
        "source": "web",
        "contextInfo": {},
        "MessageUpdate": [{"status": status} for status in ledger.statuses(row)],
    }


def _type_of(call: Call, row: int) -> str:
    return message_of(call.world.ledger.content(row), "")[0]


def _time_span(given: Mapping[str, Any]) -> tuple[int, int] | None:
    """Whole seconds. Both ends are needed: with one alone the real gateway filters nothing."""
    first, last = given.get("gte"), given.get("lte")
    if not first or not last:
        return None
    return _seconds(first), _seconds(last)


def _seconds(moment: Any) -> int:
    """As `new Date(…)` reads it: ISO text, or milliseconds. Raises ValueError, where Prisma fails on NaN."""
    if isinstance(moment, int | float):
        return math.floor(moment / 1000)
    parsed = datetime.fromisoformat(str(moment))
    return math.floor((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp())


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
