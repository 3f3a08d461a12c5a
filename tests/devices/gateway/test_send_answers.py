"""What is written to Evolution API, and what each of its answers means: was the message sent, and may we try again?

The bodies are those that 2.3.6 and 2.3.7 really send. Status codes mislead, so every rule is tested with the
body that proves it and with bodies that prove nothing.
"""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.gateway.base import (
    Acceptance,
    DeviceUnavailable,
    Media,
    NotSent,
    OutcomeUnknown,
    OutgoingMessage,
    Rejected,
    SendError,
    WireFailure,
    WireResponse,
)
from devices.gateway.evolution import EvolutionGateway
from devices.gateway.evolution.send_answers import BEFORE_THE_SEND

GATEWAY = EvolutionGateway("https://gateway.example", "ventas 1", "T0KEN")
ACCEPTED = {
    "key": {"remoteJid": "51123123123@s.whatsapp.net", "fromMe": True, "id": "3EB0F7F153F230C5C7BBB2"},
    "pushName": "Você",
    "status": "PENDING",
    "message": {"conversation": "Hola leonardo"},
    "messageType": "conversation",
    "messageTimestamp": 1795279633,
}


def error_body(status, message, name="Bad Request"):
    """The envelope of Evolution's errors. `message` is a string, a list, or a list of lists."""
    return {"status": status, "error": name, "response": {"message": message}}


def answer(status, body, headers=()):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return GATEWAY.read_answer(WireResponse(status, raw, dict(headers)))


def refusal(status, body, headers=()):
    with pytest.raises(SendError) as caught:
        answer(status, body, headers)
    return type(caught.value), caught.value.code


# --- Accepted -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 201])
def test_a_message_id_means_accepted(status):
    assert answer(status, ACCEPTED).gateway_message_id == "3EB0F7F153F230C5C7BBB2"


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_a_message_id_that_was_read_counts_whatever_follows(status):
    whole = json.dumps(ACCEPTED, ensure_ascii=False)
    bodies = [
        whole.encode("latin-1"),
        whole.encode()[:130],
        whole.replace('"message": {', '"message": {"base64": "').encode() + b"A" * 1_000_000,
        b" " + whole.encode() + b"<html>",
    ]
    for body in bodies:
        assert answer(status, body) == Acceptance("3EB0F7F153F230C5C7BBB2")


def test_an_id_that_somebody_wrote_into_a_message_is_not_the_gateways():
    said = {"status": "PENDING", "message": {"conversation": '"key":{"id":"EVIL"}', "key": {"id": "EVIL"}}}
    assert refusal(201, json.dumps(said).encode() + b"\xff") == (OutcomeUnknown, "no_message_id")


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"status": "PENDING", "message": {}},
        {"key": {"id": ""}},
        {"key": {"id": None}},
        {"key": {"id": 17}},
        {"key": {"id": "x" * 81}},
        {"key": "3EB0"},
        {"error": True, "message": "[object Object]"},
        b'{"key":{"remoteJid":"5199\x00\xff<html>',
        b"",
        b"null",
    ],
)
@pytest.mark.parametrize("status", [200, 201])
def test_a_success_without_a_message_id_proves_nothing(status, body):
    assert refusal(status, body) == (OutcomeUnknown, "no_message_id")


# --- Refused: the body decides -------------------------------------------------------------------------

NOT_ON_WHATSAPP = [{"jid": "51123120000@s.whatsapp.net", "exists": False, "number": "51123120000"}]
PRISMA = "PrismaClientKnownRequestError: \nInvalid `this.prismaRepository.message.create()` invocation\n\nClosed."

TABLE = [
    # never sent, and never will be
    ("number not on WhatsApp", 400, error_body(400, NOT_ON_WHATSAPP), Rejected, "not_on_whatsapp"),
    ("schema violation", 400, error_body(400, [['instance requires property "text"']]), Rejected, "invalid_request"),
    ("blank text", 400, error_body(400, ["Text is required"]), Rejected, "invalid_content"),
    ("data: medium", 400, error_body(400, ["Owned media must be a url or base64"]), Rejected, "invalid_content"),
    (
        "base64 without a name",
        400,
        error_body(400, ["For base64 the file name must be informed."]),
        Rejected,
        "invalid_content",
    ),
    ("body too large", 413, b"<html>Request Entity Too Large</html>", Rejected, "too_large"),
    (
        "medium not found",
        500,
        error_body(500, ["AxiosError: Request failed with status code 404"]),
        NotSent,
        "media_unreachable",
    ),
    (
        "medium not fetched",
        500,
        error_body(500, ["Error: Failed to fetch stream from https://x.example/a.mp4"]),
        NotSent,
        "media_unreachable",
    ),
    (
        "no image",
        500,
        error_body(500, ["Error: Input buffer contains unsupported image format"]),
        Rejected,
        "media_unusable",
    ),
    (
        "host of the medium unknown",
        500,
        error_body(500, ["Error: getaddrinfo ENOTFOUND x.example"]),
        NotSent,
        "media_unreachable",
    ),
    # never sent: the device is the trouble
    ("no or wrong key", 401, error_body(401, "Unauthorized", "Unauthorized"), DeviceUnavailable, "unauthorized"),
    (
        "unknown instance",
        404,
        error_body(404, ['The "x" instance does not exist'], "Not Found"),
        DeviceUnavailable,
        "unknown_instance",
    ),
    (
        "unknown route",
        404,
        error_body(404, ["Cannot POST /v2/message/sendText/x"], "Not Found"),
        DeviceUnavailable,
        "wrong_address",
    ),
    ("another server's 404", 404, b"<html>404</html>", DeviceUnavailable, "wrong_address"),
    ("a redirect", 301, b"", DeviceUnavailable, "wrong_address"),
    ("a redirect that keeps the method", 308, b"", DeviceUnavailable, "wrong_address"),
    (
        "never connected",
        500,
        error_body(500, "Cannot read properties of undefined (reading 'onWhatsApp')"),
        DeviceUnavailable,
        "not_connected",
    ),
    (
        "not loaded",
        500,
        error_body(500, "Cannot read properties of undefined (reading 'textMessage')"),
        DeviceUnavailable,
        "not_connected",
    ),
    (
        "not loaded, medium",
        500,
        error_body(500, "Cannot read properties of undefined (reading 'mediaMessage')"),
        DeviceUnavailable,
        "not_connected",
    ),
    ("closed, number looked up", 500, error_body(500, "Connection Closed"), DeviceUnavailable, "connection_closed"),
    (
        "closed, number remembered",
        400,
        error_body(400, ["Error: Connection Closed"]),
        DeviceUnavailable,
        "connection_closed",
    ),
    (
        "no licence",
        503,
        {"error": "service not activated", "code": "LICENSE_REQUIRED", "register_url": "https://x.example"},
        DeviceUnavailable,
        "licence_required",
    ),
    # not sent, this time
    ("too fast", 429, b"", NotSent, "rate_limited"),
    (
        "number look-up unanswered",
        500,
        error_body(500, "Cannot read properties of undefined (reading 'find')"),
        NotSent,
        "number_look_up_failed",
    ),
    (
        "WhatsApp took no medium",
        500,
        error_body(500, ["Error: Media upload failed on all hosts"]),
        NotSent,
        "media_upload_failed",
    ),
    (
        "WhatsApp took no medium (400)",
        400,
        error_body(400, ["Error: Media upload failed on all hosts"]),
        NotSent,
        "media_upload_failed",
    ),
    # who knows
    ("sent, then the database failed", 400, error_body(400, [PRISMA]), OutcomeUnknown, "gateway_error"),
    ("the relay timed out (400)", 400, error_body(400, ["Error: Timed Out"]), OutcomeUnknown, "gateway_error"),
    ("the relay timed out (500)", 500, error_body(500, "Timed Out"), OutcomeUnknown, "gateway_error"),
    (
        "broken JSON",
        400,
        error_body(400, "Expected ',' or '}'", "Internal Server Error"),
        OutcomeUnknown,
        "gateway_error",
    ),
    ("a proxy's 502", 502, b"<html>Bad Gateway</html>", OutcomeUnknown, "gateway_error"),
    ("a proxy's 503", 503, b"<html>Service Unavailable</html>", OutcomeUnknown, "gateway_error"),
    ("a proxy's 504", 504, b"<html>Gateway Time-out</html>", OutcomeUnknown, "gateway_error"),
    ("a firewall's 403", 403, b"<html>Forbidden</html>", OutcomeUnknown, "gateway_error"),
    ("an empty 500", 500, b"", OutcomeUnknown, "gateway_error"),
    ("an empty 400", 400, b"{}", OutcomeUnknown, "gateway_error"),
    ("202", 202, b"", OutcomeUnknown, "no_message_id"),
    ("204", 204, b"", OutcomeUnknown, "no_message_id"),
]


@pytest.mark.parametrize(("status", "body", "kind", "code"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_what_an_answer_means(status, body, kind, code):
    assert refusal(status, body) == (kind, code)


@pytest.mark.parametrize("status", [400, 500])
@pytest.mark.parametrize(
    "body",
    [
        {"status": 400, "error": "Bad Request", "message": NOT_ON_WHATSAPP},  # as whatsappNumbers says it
        error_body(400, NOT_ON_WHATSAPP),
        error_body(400, ["one thing", *NOT_ON_WHATSAPP]),
    ],
)
def test_the_body_counts_wherever_this_version_keeps_it_and_whatever_its_status(status, body):
    assert refusal(status, body) == (Rejected, "not_on_whatsapp")


def test_a_number_that_exists_is_no_reason_to_refuse():
    assert refusal(400, error_body(400, [{"exists": True}]))[0] is OutcomeUnknown


# Hypothesis also tries the texts that stand in our own source, and those of known errors are no unknown ones.
UNKNOWN = st.text(max_size=60).filter(lambda said: not any(piece in said for piece, *_ in BEFORE_THE_SEND))


@given(status=st.sampled_from([400, 500]), said=UNKNOWN)
def test_an_error_nobody_knows_is_never_taken_for_proof(status, said):
    body = error_body(status, [f"Error: {said}"])
    assert refusal(status, body) == (OutcomeUnknown, "gateway_error")


@given(
    status=st.integers(200, 599),
    body=st.binary(max_size=60)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["response", "message", "key", "id", "exists"]), inner, max_size=3)
        ),
    ),
)
def test_whatever_it_answers_it_is_understood_or_in_doubt(status, body):
    try:
        accepted = answer(status, body)
    except SendError as error:
        kind, code = type(error), error.code
    else:
        kind, code = type(accepted), "accepted"
        assert status in {200, 201}
    assert kind in {Acceptance, NotSent, Rejected, DeviceUnavailable, OutcomeUnknown}
    assert 0 < len(code) <= 40  # Recipient.error_code


@pytest.mark.parametrize("code", ["ConnectTimeout", "ConnectionError", "SSLError", "DNSError"])
def test_a_failure_before_the_first_byte_is_not_sent_and_one_after_it_is_in_doubt(code):
    with pytest.raises(NotSent, match=code):
        GATEWAY.read_answer(WireFailure(code, nothing_written=True))
    with pytest.raises(OutcomeUnknown, match=code):
        GATEWAY.read_answer(WireFailure(code, nothing_written=False))


# --- Retry-After -----------------------------------------------------------------------------------------


def retry_after(value):
    with pytest.raises(NotSent) as caught:
        answer(429, b"", {"retry-after": value})
    return caught.value.retry_after


def http_date(**ahead):
    return format_datetime(datetime.now(tz=UTC) + timedelta(**ahead), usegmt=True)


def test_retry_after_in_seconds():
    assert retry_after("30") == timedelta(seconds=30)
    assert retry_after("0") == timedelta(0)


def test_retry_after_as_a_date():
    assert timedelta(seconds=1740) < retry_after(http_date(seconds=1800)) <= timedelta(seconds=1800)


def test_a_date_that_has_passed_asks_for_no_wait():
    assert retry_after(http_date(minutes=-5)) == timedelta(0)


# A name without the date in it: the workers of pytest-xdist have to find the same tests.
@pytest.mark.parametrize("value", ["86400", http_date(days=300)], ids=["in seconds", "as a date"])
def test_no_gateway_can_ask_for_more_than_an_hour(value):
    assert retry_after(value) == timedelta(hours=1)


@pytest.mark.parametrize(
    "value", ["", "soon", "-5", "1.5", "²", "Wed, 99 Foo 2026", "Sat, 21 Nov 2026 20:00:00", "9" * 15]
)
def test_what_is_neither_is_ignored(value):
    assert retry_after(value) is None


def test_a_429_without_the_header():
    with pytest.raises(NotSent) as caught:
        answer(429, b"")
    assert caught.value.retry_after is None


# --- What is written ---------------------------------------------------------------------------------------


def test_a_text_as_seed_003_writes_it():
    request = GATEWAY.send_request(OutgoingMessage("+5521912345678", "Hola @leonardo ñ 🎉"))
    assert request.method == "POST"
    assert request.url == "https://gateway.example/message/sendText/ventas%201"
    assert set(request.headers) >= {"Content-Type: application/json", "apikey: T0KEN"}
    # Without "+": with it 2.3.x does not find Brazilian, Mexican and Argentine numbers.
    assert json.loads(request.body) == {"number": "5521912345678", "text": "Hola @leonardo ñ 🎉"}


def test_a_medium_as_seed_003_writes_it():
    media = Media("document", "https://example.com/document.pdf", "campaign_document.pdf")
    request = GATEWAY.send_request(OutgoingMessage("+51123123123", "Mensaje de la campaña", media))
    assert request.url == "https://gateway.example/message/sendMedia/ventas%201"
    assert set(request.headers) >= {"Content-Type: application/json", "apikey: T0KEN"}
    assert json.loads(request.body) == {
        "number": "51123123123",
        "mediatype": "document",
        "media": "https://example.com/document.pdf",
        "fileName": "campaign_document.pdf",
        "caption": "Mensaje de la campaña",
    }


def test_a_medium_without_name_and_text_leaves_them_out():
    request = GATEWAY.send_request(OutgoingMessage("+51123123123", "", Media("audio", "https://example.com/a.ogg")))
    assert json.loads(request.body) == {
        "number": "51123123123",
        "mediatype": "audio",
        "media": "https://example.com/a.ogg",
    }


@pytest.mark.parametrize("base_url", ["https://gateway.example/evo", "https://gateway.example/evo/"])
def test_a_gateway_below_a_path(base_url):
    request = EvolutionGateway(base_url, "a/b?c", "T").send_request(OutgoingMessage("+51123123123", "x"))
    assert request.url == "https://gateway.example/evo/message/sendText/a%2Fb%3Fc"


def test_the_body_is_not_announced_first():
    # With "Expect: 100-continue", which libcurl adds to a large body, a gateway that ignores it costs a second.
    assert "Expect:" in GATEWAY.send_request(OutgoingMessage("+51123123123", "x" * 60_000)).headers
