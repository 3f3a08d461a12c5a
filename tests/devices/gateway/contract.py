"""What the engine relies on in every provider, whatever its wire looks like: the checks of `test_every_provider`.

A check takes a Case, which knows what a good answer of that provider is, and breaks that answer in every place.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Final
from unittest.mock import patch
from urllib.parse import urlsplit

from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.written.reading import is_storable
from devices import reasons
from devices.gateway import http, registry
from devices.gateway.base import (
    NO_MESSAGE_ID,
    Acceptance,
    DeviceUnavailable,
    Gateway,
    Hook,
    Link,
    LinkCode,
    Linking,
    LookUp,
    Made,
    Media,
    NotSent,
    OutcomeUnknown,
    OutgoingMessage,
    Probe,
    Rejected,
    Scope,
    SendError,
    Stored,
    Tick,
    WebhookReader,
    WireFailure,
    WireResponse,
)
from devices.gateway.registry import MAKERS, gateway_for, make_instance
from devices.models import Device

BASE_URL: Final = "https://gateway.example/below"
TOKEN: Final = "TOKEN-THAT-NOBODY-SEES"
NOW: Final = datetime.now(tz=UTC)
HELLO: Final = OutgoingMessage("+51987654321", "Hola")
BRAZILIAN: Final = OutgoingMessage("+5521912345678", "Hola")
MEDIA: Final = [
    Media(kind, f"https://example.com/a.{kind}", name)
    for kind in ("image", "document", "video", "audio")
    for name in ("", "a.file")
]
# What a good answer to each says, at every provider.
CODE: Final = LinkCode("2@ref,a/b+c=", "ABCD1234", 3)
CHOSEN: Final = "THE-GATEWAYS-CHOICE"
HOOK: Final = Hook("https://pregonero.example/webhooks/x/1", "X-Secret", "OUR-SECRET")
HOSTILE_NAMES: Final = ["..", "a/b", "a?b#c", "a@b.example", "//b.example", "ñ ü", "a%2F..%2Fb", "a:80"]

SCOPES: Final = {
    Rejected: {Scope.RECIPIENT, Scope.MESSAGE},
    DeviceUnavailable: {Scope.DEVICE, Scope.ACCOUNT},
    NotSent: set(Scope),
    OutcomeUnknown: set(Scope),
}
NO_ANSWERS: Final = ["DNSError", "ConnectionError", "ConnectTimeout", "SSLError", "ReadTimeout", "stalled", "brand new"]
UNREACHABLE: Final = ["egress_refused", *NO_ANSWERS, "AnswerTooLarge"]
USUAL_STATUSES: Final = [200, 201, 400, 401, 403, 404, 413, 422, 429, 500, 502, 503]
GARBAGE: Final = [
    b"",
    b"null",
    b"[]",
    b"{}",
    b'"ok"',
    b"<html>It works!</html>",
    b"\xff\xfe\x00",
    b"1" * 5_000,
    b"[" * 100_000,
    b'{"key":' * 100_000,
]
# What may stand where something else was expected, and a clock that is no clock.
JUNK: Final = [None, True, 0, -1, 10**30, 1e300, "", "x", "9" * 30, "\0", "y" * 81, [], {}, [[]], [{}], {"id": []}]
DATES: Final = [
    "",
    "yesterday",
    "Fri, 31 Dec 9999 23:59:59 GMT",
    "Mon, 01 Jan 0001 00:00:00 GMT",
    "Sun, 01 Mar 2026 12:00:00 -0000",
]


@dataclass(frozen=True)
class Case:
    """One provider. The values of `elsewhere` are its good answers to calls that are not sends, by a piece of the URL:
    the device is well, and HELLO was sent at NOW under `message_id`.
    """

    provider: str
    accepted: Any  # the JSON of a 200 that accepts a message under `message_id`
    message_id: str
    elsewhere: dict[str, Any]
    finds: LookUp  # what a look-up makes of them
    words: tuple[str, ...] = field(default=())  # of which its other answers are made
    # Its good answers about its store, which holds `written` and that the message was read; {}: it has none.
    stored: dict[str, Any] = field(default_factory=dict)
    told: tuple[tuple[Any, Tick], ...] = field(default=())  # its webhooks about `message_id`, and what each says
    others: tuple[Any, ...] = field(default=())  # webhooks that say nothing of a message of ours
    written: Any = None  # one that says that 51987654321 wrote "secreto"
    # Its good answers to what links a phone and makes instances, likewise: JSON of a 200, or a whole answer.
    linking: dict[str, Any] = field(default_factory=dict)

    def gateway(self, instance_name: str = "ventas", base_url: str = BASE_URL, token: str = TOKEN) -> Gateway:
        device = Device(provider=self.provider, base_url=base_url, instance_name=instance_name, token=token)
        return gateway_for(device)


# --- Sending ------------------------------------------------------------------------------------------


def shapes_a_text(case: Case) -> None:
    request = case.gateway().send_request(HELLO)
    assert request.method == "POST"
    assert b"51987654321" in request.body
    assert b"Hola" in request.body


def shapes_any_text(case: Case) -> None:
    gateway = case.gateway()
    plain = gateway.send_request(HELLO)

    @settings(database=None)
    @given(text=st.text(max_size=50))
    def any_text(text: str) -> None:
        request = gateway.send_request(OutgoingMessage("+51987654321", text))
        assert isinstance(request.body, bytes)
        # The transport keeps a handle prepared for each URL with its headers.
        assert (request.url, request.headers) == (plain.url, plain.headers)

    any_text()


def shapes_every_kind_of_media(case: Case) -> None:
    for media in MEDIA:
        for caption in ("", "Hola") if media.kind != "audio" else ("",):  # WhatsApp's audio has none
            body = case.gateway().send_request(OutgoingMessage("+51987654321", caption, media)).body
            assert b"51987654321" in body
            assert media.url.encode() in body
            assert caption.encode() in body


def keeps_token_and_people_out_of_the_url(case: Case) -> None:
    for message in (HELLO, OutgoingMessage("+51987654321", "Hola", MEDIA[0])):
        request = case.gateway().send_request(message)
        assert TOKEN not in request.url
        assert TOKEN.encode() not in request.body
        assert TOKEN in "".join(request.headers)
        assert "987654321" not in request.url
        assert "Hola" not in request.url


def stays_at_its_address(case: Case) -> None:
    for name in HOSTILE_NAMES:
        request = case.gateway(instance_name=name).send_request(HELLO)
        assert request.url.startswith(f"{BASE_URL}/")
        parts = urlsplit(request.url)
        assert (parts.netloc, parts.query, parts.fragment) == ("gateway.example", "", "")
        assert request.url.isascii()
        assert request.url.isprintable()
        assert all(line.isprintable() for line in request.headers)


# --- Reading the answer -------------------------------------------------------------------------------


def reads_an_acceptance(case: Case) -> None:
    assert read(case, 200, dumped(case.accepted)) == Acceptance(case.message_id)


def reads_every_wire_failure(case: Case) -> None:
    for code in NO_ANSWERS:
        for nothing_written, kind in ((True, NotSent), (False, OutcomeUnknown)):
            error = read_answer(case, WireFailure(code, nothing_written))
            assert (type(error), getattr(error, "code", "")) == (kind, code)


def takes_no_success_it_does_not_understand_for_proof(case: Case) -> None:
    """Neither that it was sent, nor that it was not: it may have been, and must be looked up first."""
    for status in (200, 201, 202, 204, 299):
        for body in GARBAGE:
            assert is_unnamed(read(case, status, body)), (status, body[:40])
    for broken in mutations(case.accepted):
        answer = read(case, 200, dumped(broken))
        assert isinstance(answer, Acceptance) or is_unnamed(answer), broken


def takes_what_it_can_of_a_success_that_is_cut(case: Case) -> None:
    whole = dumped(case.accepted)
    for end in range(len(whole)):
        answer = read(case, 201, whole[:end])
        assert answer == Acceptance(case.message_id) or is_unnamed(answer), whole[:end]


def is_unnamed(answer: Acceptance | SendError) -> bool:
    """A success by which nothing can be known again; by its code nobody is written to twice on the seed's word."""
    return isinstance(answer, OutcomeUnknown) and answer.code == NO_MESSAGE_ID


def leaves_unknown_answers_in_doubt(case: Case) -> None:
    for status in (418, 499, 500, 502, 504, 520, 599):
        for body in GARBAGE:
            assert isinstance(read(case, status, body), OutcomeUnknown), (status, body[:40])


def understands_or_doubts_whatever_comes(case: Case) -> None:
    words = st.sampled_from(case.words) if case.words else st.nothing()
    leaves = words | st.none() | st.booleans() | st.integers() | st.text(max_size=5)
    values = st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words | st.text(max_size=5), inner, max_size=3),
    )
    bodies = st.binary(max_size=60) | values.map(dumped) | words.map(str.encode)

    @settings(database=None, max_examples=500)
    @given(
        status=st.sampled_from(USUAL_STATUSES) | st.integers(100, 599),
        body=bodies,
        wait=st.none() | st.text(max_size=30),
    )
    def anything(status: int, body: bytes, wait: str | None) -> None:
        read(case, status, body, {} if wait is None else {"retry-after": wait})

    anything()


def read(case: Case, status: int, body: bytes, headers: dict[str, str] | None = None) -> Acceptance | SendError:
    return read_answer(case, WireResponse(status, body, headers or {}))


def read_answer(case: Case, answer: WireResponse | WireFailure) -> Acceptance | SendError:
    """What the gateway makes of an answer, held to what the engine can store and act on."""
    try:
        acceptance = case.gateway().read_answer(answer)
    except SendError as error:
        assert_usable(error)
        return error
    assert_storable(acceptance.gateway_message_id)
    return acceptance


def assert_usable(error: SendError) -> None:
    assert 0 < len(error.code) <= 40  # Recipient.error_code
    assert error.scope in SCOPES[type(error)]
    assert error.retry_after is None or timedelta(0) <= error.retry_after <= timedelta(hours=1)
    if isinstance(error, DeviceUnavailable):
        assert error.code in reasons.SENTENCES


def assert_storable(message_id: object) -> None:
    assert isinstance(message_id, str)
    assert 0 < len(message_id) <= 80  # Recipient.gateway_message_id
    assert message_id.isprintable()


# --- Looking up ---------------------------------------------------------------------------------------


def looks_up_what_it_can(case: Case) -> None:
    with answering(case.elsewhere):
        assert look_up(case) == (case.finds, case.message_id if case.finds is LookUp.SENT else "")


def learns_nothing_where_nobody_answers(case: Case) -> None:
    """And, where it could be told at all, says that it has not asked: the one is asked again, the other is not."""
    nothing = {LookUp.CANNOT_TELL} if case.finds is LookUp.CANNOT_TELL else {LookUp.NOT_NOW}
    for code in UNREACHABLE:
        with answering(http.Unreachable(code, nothing_sent=False)):
            assert look_up(case)[0] in nothing
    for status in (302, 400, 401, 403, 429, 500, 502, 503, 504):
        for body in GARBAGE:
            with answering(http.Response(status, body, {"date": http_date()})):
                assert look_up(case)[0] in nothing, (status, body[:40])
    for status in (200, 201, 404, 405, 501):
        for body in GARBAGE:
            with answering(http.Response(status, body, {"date": http_date()})):
                assert look_up(case)[0] in {LookUp.CANNOT_TELL, LookUp.NOT_NOW}, (status, body[:40])


def looks_up_whatever_comes(case: Case) -> None:
    for message in (HELLO, BRAZILIAN):
        for where, good in case.elsewhere.items():
            for broken in mutations(good):
                with answering({**case.elsewhere, where: broken}):
                    look_up(case, message)
        for date in DATES:
            with answering(case.elsewhere, date):
                look_up(case, message)


def looks_up_whatever_chance_makes_up(case: Case) -> None:
    """Of any depth, size and type, with NULs, halves of surrogate pairs and numbers that nothing holds."""
    names = st.sampled_from(
        ["key", "id", "remoteJid", "message", "conversation", "messageTimestamp", "records", "total"]
    )
    leaves = (
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(st.characters(codec=None), max_size=8)
        | st.sampled_from([10**40, -(2**63), "9" * 113, "\0", "\ud800", case.message_id, "Hola"])
    )
    values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4))

    @settings(deadline=None, database=None, max_examples=300)
    @given(where=st.sampled_from(sorted(case.elsewhere)), body=values, depth=st.sampled_from([0, 0, 0, 50, 900]))
    def made_up(where: str, body: Any, depth: int) -> None:
        for _ in range(depth):
            body = [body]
        with answering({**case.elsewhere, where: body}):
            look_up(case)
            look_up(case, BRAZILIAN)

    made_up()


def look_up(case: Case, message: OutgoingMessage = HELLO) -> tuple[LookUp, str]:
    found, message_id = case.gateway().look_up(message, since=NOW - timedelta(minutes=1), until=NOW)
    if message_id:
        assert found is LookUp.SENT
        assert_storable(message_id)
    return found, message_id


# --- Probing ------------------------------------------------------------------------------------------


def finds_a_device_well(case: Case) -> None:
    with answering(case.elsewhere) as calls:
        assert probe(case) == (Link.OPEN, "")
    assert calls
    assert all(call.timeout <= 3.0 for call in calls)


def keeps_the_token_out_of_every_other_url(case: Case) -> None:
    with answering(case.elsewhere) as calls:
        probe(case)
        look_up(case)
        look_up(case, BRAZILIAN)
    for call in calls:
        assert call.url.startswith(f"{BASE_URL}/")
        assert TOKEN not in call.url
        assert TOKEN in "".join(call.headers.values())


def finds_no_device_well_that_does_not_say_so(case: Case) -> None:
    for code in UNREACHABLE:
        with answering(http.Unreachable(code, nothing_sent=False)):
            assert probe(case)[0] is Link.CLOSED
    for status in (200, 201, 204, 302, 400, 401, 403, 404, 429, 500, 502, 503):
        for body in GARBAGE:
            with answering(http.Response(status, body)):
                assert probe(case)[0] is Link.CLOSED, (status, body[:40])
    for where, good in case.elsewhere.items():
        for broken in mutations(good):
            with answering({**case.elsewhere, where: broken}):
                probe(case)


def probe(case: Case, answers: dict[str, Any] | None = None) -> Probe:
    """Ask, of these answers where there are some."""
    with answering(answers) if answers is not None else nullcontext():
        found = case.gateway().probe(3.0)
    assert_sayable(found)
    return found


def assert_sayable(found: Probe) -> None:
    assert found.reason in reasons.SENTENCES or found == (Link.OPEN, "")


# --- Webhooks -----------------------------------------------------------------------------------------


def reads_what_it_is_told(case: Case) -> None:
    reader = registry.READERS[case.provider]
    for event, tick in case.told:
        (receipt,) = reader.receipts(event)
        assert (receipt.message_id, receipt.tick) == (case.message_id, tick), event
        assert list(reader.receipts(reader.kept(event))) == [receipt], event
    for event in case.others:
        assert list(reader.receipts(event)) == [], event
    (message,) = reader.incoming(case.written)
    assert (message.phone, message.text) == ("+51987654321", "hola")
    assert list(reader.incoming(reader.kept(case.written))) == [message]


def reads_whatever_it_is_told(case: Case) -> None:
    reader = registry.READERS[case.provider]
    for event in [*JUNK, case.written, *(event for event, _ in case.told)]:
        for broken in [event, *mutations(event)]:
            assert_receipts(reader, broken)
    names = st.sampled_from(["event", "data", "keyId", "id", "key", "fromMe", "status", "update", *case.words])
    leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=8)
    values = st.recursive(
        leaves | names | st.sampled_from(["messages.update", "READ", 3, 10**40, "\0"]),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=5),
    )

    @settings(deadline=None, database=None, max_examples=300)
    @given(data=values)
    def made_up(data: Any) -> None:
        assert_receipts(reader, data)
        assert_receipts(reader, {"event": "messages.update", "data": data})
        told = {"key": data, "messageTimestamp": data, "message": data, "contextInfo": data, "pushName": data}
        assert_receipts(reader, {"event": "messages.upsert", "data": told})
        assert_receipts(reader, {"event": "messages.upsert", "data": {**told, "key": case.written}})
        assert_receipts(reader, {"event": "connection.update", "data": data, "instance": data, "date_time": data})

    made_up()


def assert_receipts(reader: WebhookReader, event: Any) -> None:
    news = reader.link_news(event)
    if news is not None:
        assert_storable(news.instance or "-")
        assert news.at is None or news.at.tzinfo is not None
    for receipt in reader.receipts(event):
        assert_storable(receipt.message_id)
        assert isinstance(receipt.tick, Tick)
        assert receipt.at is None or receipt.at.tzinfo is not None
    for message in reader.incoming(event):
        assert message.phone or message.lid
        assert not message.phone or re.fullmatch(r"\+[1-9][0-9]{7,14}", message.phone)
        assert message.at is None or message.at.tzinfo is not None
        for text in (message.message_id, message.kind, message.lid or "-", message.quoted_id or "-"):
            assert_storable(text)
        assert is_storable(message.text)
        assert is_storable(message.name)
    kept = reader.kept(event)
    assert (kept is not None) == bool(reader.receipts(event) or reader.incoming(event))
    assert isinstance(reader.is_urgent(event), bool)


# --- The store ----------------------------------------------------------------------------------------


def reads_from_its_store_what_it_would_have_told(case: Case) -> None:
    if case.gateway().store is None:
        return
    with answering(case.stored) as calls:
        found = read_store(case)
    assert (found.reason, found.older_until) == ("", None)
    reader = registry.READERS[case.provider]
    (message,) = [message for event in found.events for message in reader.incoming(event)]
    assert (message.phone, message.text) == ("+51987654321", "hola")
    receipts = {(one.message_id, one.tick) for event in found.events for one in reader.receipts(event)}
    assert (case.message_id, Tick.READ) in receipts
    assert_kept_within(calls)


def learns_nothing_of_a_store_that_nobody_shows(case: Case) -> None:
    if case.gateway().store is None:
        return
    for refusal in hostile_answers():
        with answering(refusal):
            found = read_store(case)
        assert found.reason, refusal
        assert not found.events
    for where, good in case.stored.items():
        for broken in mutations(good):
            with answering({**case.stored, where: broken}):
                read_store(case)


def reads_whatever_a_store_holds(case: Case) -> None:
    if case.gateway().store is None:
        return
    stamp = int(NOW.timestamp())
    names = st.sampled_from(
        [
            "messages",
            "records",
            "total",
            "key",
            "id",
            "fromMe",
            "remoteJid",
            "message",
            "messageTimestamp",
            "status",
            "MessageUpdate",
            "conversation",
            "contextInfo",
            "pushName",
        ]
    )
    leaves = (
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(st.characters(codec=None), max_size=8)
        | st.sampled_from([10**40, stamp, stamp - 5, stamp + 10**6, "READ", "EDITED", "51987654321@s.whatsapp.net"])
    )
    values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=6))
    where = next(iter(case.stored))

    @settings(deadline=None, database=None, max_examples=300)
    @given(body=values, total=leaves, records=st.lists(values, max_size=4))
    def made_up(body: Any, total: Any, records: list[Any]) -> None:
        for answer in (body, {"messages": {"total": total, "records": records}}):
            with answering({**case.stored, where: answer}):
                read_store(case)

    made_up()


def read_store(case: Case) -> Stored:
    store = case.gateway().store
    assert store is not None
    found = store.read(NOW - timedelta(hours=1), NOW, 3.0)
    assert found.reason == "" or (found.reason in reasons.SENTENCES and not found.events)
    assert found.older_until is None or found.older_until < NOW, "it would be asked for ever"
    for event in found.events:
        assert_receipts(registry.READERS[case.provider], event)
        assert registry.READERS[case.provider].kept(event) is not None
    return found


# --- Calling the roll ---------------------------------------------------------------------------------


def shares_a_roll_only_where_one_call_answers_for_both(case: Case) -> None:
    roll = case.gateway().roll
    if roll is None:
        return
    assert case.gateway("another").roll == roll
    assert hash(case.gateway("another").roll) == hash(roll)
    assert case.gateway(token="ANOTHER-TOKEN").roll != roll
    assert case.gateway(base_url="https://another.example").roll != roll
    assert TOKEN not in repr(roll)


def finds_by_the_roll_what_a_probe_finds(case: Case) -> None:
    roll = case.gateway().roll
    if roll is None:
        return
    with answering(case.elsewhere) as calls:
        said = roll.call(3.0)
    assert said is not None
    assert said["ventas"] == probe(case, case.elsewhere)
    (call,) = calls
    assert call.timeout <= 3.0
    assert call.url.startswith(f"{BASE_URL}/")
    assert TOKEN not in call.url
    assert TOKEN in "".join(call.headers.values())
    assert TOKEN not in repr(said)


def says_nothing_by_the_roll_that_it_was_not_told(case: Case) -> None:
    roll = case.gateway().roll
    if roll is None:
        return
    for code in UNREACHABLE:
        with answering(http.Unreachable(code, nothing_sent=False)):
            assert roll.call(3.0) is None
    for status in (200, 204, 302, 400, 401, 403, 404, 429, 500, 502, 503):
        for body in GARBAGE:
            with answering(http.Response(status, body)):
                assert not roll.call(3.0), (status, body[:40])
    for where, good in case.elsewhere.items():
        for broken in mutations(good):
            with answering({**case.elsewhere, where: broken}):
                for found in (roll.call(3.0) or {}).values():
                    assert_sayable(found)


# --- Linking a phone ------------------------------------------------------------------------------------


def links_by_a_code(case: Case) -> None:
    if case.gateway().linker is None:
        return
    for look in LOOKS:
        with answering(case.linking) as calls:
            found = look(case)
        assert (found.link, found.reason) == (Link.OPENING, "")
        assert found.code == CODE
        assert_kept_within(calls)


def shows_no_code_that_it_was_not_given(case: Case) -> None:
    if case.gateway().linker is None:
        return
    for look in LOOKS:
        for refusal in hostile_answers():
            with answering(refusal):
                found = look(case)
            assert_linking(found)
            assert (found.link, found.code) == (Link.CLOSED, None) or found.reason, refusal
        for where, good in case.linking.items():
            for broken in mutations(good) if not isinstance(good, http.Response) else ():
                with answering({**case.linking, where: broken}):
                    assert_linking(look(case))


def does_nothing_that_it_was_not_told_of(case: Case) -> None:
    """And says so where it is done."""
    for does in ACTS_OF_A_GATEWAY:
        with answering(case.linking) as calls:
            assert does(case) == ""
        assert_kept_within(calls)
        if not calls:
            continue
        for refusal in hostile_answers():
            with answering(refusal):
                assert does(case) in reasons.SENTENCES, refusal
        for where, good in case.linking.items():
            for broken in mutations(json.loads(good.body) if isinstance(good, http.Response) else good):
                status = good.status if isinstance(good, http.Response) else 200
                with answering({**case.linking, where: http.Response(status, dumped(broken))}):
                    assert does(case) in {"", *reasons.SENTENCES}, broken


def makes_an_instance_with_a_token_that_the_gateway_chose(case: Case) -> None:
    if case.provider not in MAKERS:
        return
    with answering(case.linking) as calls:
        assert made(case) == Made(token=CHOSEN)
    assert_kept_within(calls)
    assert not any(CHOSEN in dumped(call.json).decode() for call in calls)
    for refusal in hostile_answers():
        with answering(refusal):
            assert made(case).reason in reasons.SENTENCES, refusal
    for where, good in case.linking.items():
        for broken in mutations(json.loads(good.body)) if isinstance(good, http.Response) else ():
            with answering({**case.linking, where: http.Response(201, dumped(broken))}):
                assert_made(made(case))


def links_whatever_chance_makes_up(case: Case) -> None:
    if case.gateway().linker is None:
        return
    names = st.sampled_from(
        ["instance", "state", "status", "code", "pairingCode", "count", "error", "message", "hash", "apikey", "url"]
    )
    leaves = (
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(st.characters(codec=None), max_size=8)
        | st.sampled_from([10**40, "x" * 5_000, "\0", "\ud800", "open", "connecting", HOOK.url, CHOSEN, "a b", "ñ"])
    )
    values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=6))

    @settings(deadline=None, database=None, max_examples=300)
    @given(status=st.sampled_from(USUAL_STATUSES), body=values, depth=st.sampled_from([0, 0, 0, 50, 900]))
    def made_up(status: int, body: Any, depth: int) -> None:
        for _ in range(depth):
            body = [body]
        with answering(http.Response(status, dumped(body))):
            for look in LOOKS:
                assert_linking(look(case))
            for does in ACTS_OF_A_GATEWAY:
                assert does(case) in {"", *reasons.SENTENCES}
            assert_knows_what_it_heard(case)
            assert_made(made(case))

    made_up()


def start_linking(case: Case) -> Linking:
    linker = case.gateway().linker
    assert linker is not None
    return linker.start("+51987654321", 3.0)


def look_at_linking(case: Case) -> Linking:
    linker = case.gateway().linker
    assert linker is not None
    return linker.look(3.0)


def log_out(case: Case) -> str:
    linker = case.gateway().linker
    return "" if linker is None else linker.log_out(3.0)


def restart(case: Case) -> str:
    linker = case.gateway().linker
    return "" if linker is None else linker.restart(3.0)


def delete(case: Case) -> str:
    linker = case.gateway().linker
    return "" if linker is None else linker.delete(3.0)


def set_hook(case: Case) -> str:
    hook = case.gateway().hook
    return "" if hook is None else hook.set(HOOK, 3.0)


def assert_knows_what_it_heard(case: Case) -> None:
    hook = case.gateway().hook
    assert hook is None or hook.has_heard(datetime(2026, 11, 30, tzinfo=UTC)) in {True, False, None}


def check_hook(case: Case) -> str:
    hook = case.gateway().hook
    return "" if hook is None else hook.check(HOOK, 3.0)


def made(case: Case) -> Made:
    device = Device(provider=case.provider, base_url=BASE_URL, instance_name="ventas", token="")
    return make_instance(device, TOKEN, 3.0)


LOOKS: Final[list[Callable[[Case], Linking]]] = [start_linking, look_at_linking]
ACTS_OF_A_GATEWAY: Final[list[Callable[[Case], str]]] = [
    log_out,
    restart,
    delete,
    set_hook,
    check_hook,
]


def hostile_answers() -> Iterator[http.Response | http.Unreachable]:
    for code in UNREACHABLE:
        yield http.Unreachable(code, nothing_sent=False)
    for status in (200, 201, 204, 302, 400, 401, 403, 404, 409, 429, 500, 502, 503):
        for body in GARBAGE:
            yield http.Response(status, body)


def assert_linking(found: Linking) -> None:
    assert found.link in Link
    assert found.reason in reasons.SENTENCES or found.reason == ""
    if found.code is None:
        assert found.reason or found.link is Link.OPEN
        return
    assert found.link is Link.OPENING
    # What is drawn, typed and counted.
    assert 0 < len(found.code.qr) <= 1_000
    assert found.code.qr.isascii()
    assert found.code.qr.isprintable()
    assert found.code.typed == "" or (len(found.code.typed) == 8 and found.code.typed.isalnum())
    assert 0 < found.code.codes_shown <= 10_000


def assert_made(found: Made) -> None:
    if found.reason:
        assert found.reason in reasons.SENTENCES
        assert found.token == ""
        return
    assert 0 < len(found.token) <= 500
    assert found.token.isascii()
    assert found.token.isprintable()
    assert " " not in found.token


def assert_kept_within(calls: "list[Call]") -> None:
    for call in calls:
        assert call.timeout <= 3.0
        assert call.url.startswith(f"{BASE_URL}/")
        assert TOKEN not in call.url
        assert HOOK.secret not in call.url
        assert TOKEN in "".join(call.headers.values())


# --- What they are checked with -----------------------------------------------------------------------


@dataclass(frozen=True)
class Call:
    url: str
    headers: dict[str, str]
    timeout: float
    json: Any = None


@contextmanager
def answering(
    answers: dict[str, Any] | http.Response | http.Unreachable, date: str | None = None
) -> Iterator[list[Call]]:
    """Let every call that is not a send be answered so; yield the calls that are made."""
    calls: list[Call] = []

    def request(
        method: str,
        url: str,
        headers: dict[str, str] | None = None,
        json: Any = None,
        timeout: float = http.DEADLINE_SECONDS,
        most_bytes: int = http.MAX_ANSWER_BYTES,
    ) -> http.Response:
        calls.append(Call(url, headers or {}, timeout, json))
        if isinstance(answers, http.Unreachable):
            raise answers
        if isinstance(answers, http.Response):
            return answers
        body = next(body for piece, body in answers.items() if piece in url)
        if isinstance(body, http.Response):
            return body
        return http.Response(200, dumped(body), {"date": http_date() if date is None else date})

    with patch.object(http, "request", request):
        yield calls


def mutations(good: Any) -> Iterator[Any]:
    """Yield `good` with something else in one of its places, and without it, for every place."""
    yield from JUNK
    places = good.items() if isinstance(good, dict) else enumerate(good) if isinstance(good, list) else ()
    for place, inner in places:
        for broken in mutations(inner):
            copy = good.copy()
            copy[place] = broken
            yield copy
        copy = good.copy()
        del copy[place]
        yield copy


def http_date() -> str:
    return format_datetime(datetime.now(tz=UTC), usegmt=True)


def dumped(value: Any) -> bytes:
    return json.dumps(value).encode()


CHECKS: Final[list[Callable[[Case], None]]] = [
    shapes_a_text,
    shapes_any_text,
    shapes_every_kind_of_media,
    keeps_token_and_people_out_of_the_url,
    stays_at_its_address,
    reads_an_acceptance,
    reads_every_wire_failure,
    takes_no_success_it_does_not_understand_for_proof,
    takes_what_it_can_of_a_success_that_is_cut,
    leaves_unknown_answers_in_doubt,
    understands_or_doubts_whatever_comes,
    looks_up_what_it_can,
    learns_nothing_where_nobody_answers,
    looks_up_whatever_comes,
    looks_up_whatever_chance_makes_up,
    finds_a_device_well,
    keeps_the_token_out_of_every_other_url,
    finds_no_device_well_that_does_not_say_so,
    reads_what_it_is_told,
    reads_whatever_it_is_told,
    reads_from_its_store_what_it_would_have_told,
    learns_nothing_of_a_store_that_nobody_shows,
    reads_whatever_a_store_holds,
    shares_a_roll_only_where_one_call_answers_for_both,
    finds_by_the_roll_what_a_probe_finds,
    says_nothing_by_the_roll_that_it_was_not_told,
    links_by_a_code,
    shows_no_code_that_it_was_not_given,
    does_nothing_that_it_was_not_told_of,
    makes_an_instance_with_a_token_that_the_gateway_chose,
    links_whatever_chance_makes_up,
]
