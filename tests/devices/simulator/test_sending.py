"""sendText, sendMedia, sendWhatsAppAudio: what is accepted, what is refused, and with which words."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.devices.simulator.conftest import GIVES_UP_SOON
from tests.simulator_process import Simulator, start_simulator
from tests.waiting import eventually

Send = Callable[..., requests.Response]
PICTURE = {"number": "51987654321", "mediatype": "image", "media": "https://example.com/a.jpg"}


def test_a_text_is_answered_as_the_real_gateway_does(gateway: Simulator, send: Send) -> None:
    answer = send(text='Hola "Ana" ñ 😀\n')
    body = answer.json()
    assert answer.status_code == 201
    assert body["key"]["remoteJid"] == "51987654321@s.whatsapp.net"
    assert body["key"]["fromMe"] is True
    assert body["key"]["id"].startswith("3EB0")
    assert len(body["key"]["id"]) == 22
    assert body["status"] == "PENDING"
    assert body["message"] == {"conversation": 'Hola "Ana" ñ 😀\n'}
    assert body["messageType"] == "conversation"
    assert abs(body["messageTimestamp"] - time.time()) < 5
    assert body["source"] == "web"
    assert body["instanceId"] == gateway.get("/instance/fetchInstances").json()[0]["id"]


def test_every_message_has_an_id_of_its_own(send: Send) -> None:
    assert len({send().json()["key"]["id"] for _ in range(20)}) == 20


def test_the_ledger_counts_repeats_of_number_and_text(gateway: Simulator, send: Send) -> None:
    for number, text in [("51987654321", "a"), ("+51 987 654 321", "a"), ("51987654321", "b"), ("51900000000", "a")]:
        assert send(number, text).status_code == 201
    ledger = gateway.ledger()
    assert (ledger["accepted"], ledger["distinct"], ledger["duplicates"]) == (4, 3, 1)
    assert ledger["by_instance"]["one"] == {"accepted": 4, "requests": 4}
    first = gateway.entries()[0]
    assert (first["number"], first["text"], first["count"], first["instance"]) == ("51987654321", "a", 2, "one")
    assert first["first_at"] < first["last_at"]


def test_a_lone_surrogate_survives(gateway: Simulator) -> None:
    body = b'{"number": "51987654321", "text": "\\ud83d"}'
    answer = gateway.post("/message/sendText/one", data=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 201
    assert b'"conversation":"\\ud83d"' in answer.content


@pytest.mark.parametrize(
    ("body", "messages"),
    [
        ({"number": "51987654321"}, ['instance requires property "text"']),
        ({}, ['instance requires property "number"', 'instance requires property "text"']),
        ({"number": 51987654321, "text": "a"}, ["Invalid format"]),
        ({"number": "51987654321", "text": 5}, ["text is not of a type(s) string"]),
        ({"number": "51987654321", "text": "a", "delay": "1200"}, ["Enter a value in milliseconds"]),
        ({"number": "51987654321", "text": "a", "linkPreview": "no"}, ["linkPreview is not of a type(s) boolean"]),
        ({"number": "51987654321", "text": "a", "mentioned": []}, ["mentioned does not meet minimum length of 1"]),
        (
            {"number": "51987654321", "textMessage": {"text": "v1"}, "options": {"delay": 5}},
            ['instance requires property "text"'],
        ),
    ],
)
def test_a_body_the_schema_refuses(gateway: Simulator, body: dict[str, Any], messages: list[str]) -> None:
    answer = gateway.post("/message/sendText/one", body)
    assert answer.status_code == 400
    assert answer.json() == {"status": 400, "error": "Bad Request", "response": {"message": [messages]}}


def test_without_a_content_type_the_body_is_empty(gateway: Simulator) -> None:
    answer = gateway.post("/message/sendText/one", data=b'{"number": "51987654321", "text": "hola"}')
    assert answer.status_code == 400
    assert answer.json()["response"]["message"][0][0] == 'instance requires property "number"'


def test_a_blank_text_is_refused_by_the_controller(send: Send) -> None:
    answer = send(text="  \n")
    assert answer.status_code == 400
    assert answer.json()["response"] == {"message": ["Text is required"]}


def test_unknown_fields_are_ignored(gateway: Simulator) -> None:
    body = {"number": "51987654321", "text": "hola", "messageId": "MINE", "options": {}, "linkPreview": False}
    answer = gateway.post("/message/sendText/one", body)
    assert answer.status_code == 201
    assert answer.json()["key"]["id"] != "MINE"


def test_a_number_with_a_plus_is_refused_where_a_ninth_digit_exists(send: Send) -> None:
    refused = send("+5521912345678")
    assert refused.status_code == 400
    assert refused.json()["response"] == {
        "message": [{"jid": "5521912345678@s.whatsapp.net", "exists": False, "number": "+5521912345678"}]
    }
    assert send("5521912345678").status_code == 201
    assert send("+51987654321").status_code == 201


def test_the_answers_jid_may_differ_from_the_number(send: Send) -> None:
    assert send("5531987654321").json()["key"]["remoteJid"] == "553187654321@s.whatsapp.net"


def test_the_typing_delay_keeps_the_request_open(gateway: Simulator) -> None:
    began = time.monotonic()
    assert gateway.post("/message/sendText/one", {"number": "51987654321", "text": "a", "delay": 150}).ok
    assert time.monotonic() - began >= 0.15


def test_every_send_takes_the_latency_asked_for_and_none_blocks_another() -> None:
    with start_simulator(arguments=["--latency", "500-550"]) as simulator, ThreadPoolExecutor(40) as threads:
        body = {"number": "51987654321", "text": "a"}
        began = time.monotonic()
        answers = list(threads.map(lambda _: simulator.post("/message/sendText/demo", body, timeout=60), range(40)))
        assert all(answer.elapsed.total_seconds() >= 0.5 for answer in answers)
        assert time.monotonic() - began < 40 * 0.5 / 2  # half of what they took one after the other


def test_a_client_that_gives_up_does_not_cancel_the_send(gateway: Simulator) -> None:
    body = {"number": "51987654321", "text": "late", "delay": 700}
    with pytest.raises(requests.ReadTimeout):
        gateway.post("/message/sendText/one", body, timeout=GIVES_UP_SOON)
    gave_up_at = time.time()
    eventually(lambda: gateway.ledger()["accepted"] == 1)
    assert gateway.entries()[0]["first_at"] > gave_up_at


# --- media -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("media", ["https://example.com/a.jpg", "http://192.0.2.7:9000/a.jpg", "aGVsbG8h"])
def test_a_medium_by_url_or_plain_base64_is_sent(gateway: Simulator, media: str) -> None:
    answer = gateway.post("/message/sendMedia/one", {**PICTURE, "media": media, "caption": "mira"})
    assert answer.status_code == 201
    assert answer.json()["messageType"] == "imageMessage"
    assert answer.json()["message"]["imageMessage"]["caption"] == "mira"
    assert gateway.entries()[0]["text"] == "mira"


@pytest.mark.parametrize(
    "media",
    [
        "data:image/png;base64,aGVsbG8h",
        "http://localhost:9000/a.jpg",
        "http://minio:9000/a.jpg",
        "http://my_files.example.com/a.jpg",
        "file:///etc/passwd",
        "",
        None,
    ],
)
def test_a_medium_that_is_neither_is_refused(gateway: Simulator, media: str | None) -> None:
    body = {**PICTURE, "media": media} if media is not None else {"number": "5", "mediatype": "image"}
    answer = gateway.post("/message/sendMedia/one", body)
    assert answer.status_code == 400
    assert answer.json()["response"] == {"message": ["Owned media must be a url or base64"]}


def test_a_document_in_base64_needs_a_file_name(gateway: Simulator) -> None:
    document = {**PICTURE, "mediatype": "document", "media": "aGVsbG8h"}
    answer = gateway.post("/message/sendMedia/one", document)
    assert answer.json()["response"] == {"message": ["For base64 the file name must be informed."]}
    named = gateway.post("/message/sendMedia/one", {**document, "fileName": "precios.pdf", "mimetype": "text/plain"})
    sent = named.json()["message"]["documentMessage"]
    assert (sent["fileName"], sent["mimetype"]) == ("precios.pdf", "application/pdf")


def test_an_unknown_kind_of_medium_is_refused(gateway: Simulator) -> None:
    answer = gateway.post("/message/sendMedia/one", {**PICTURE, "mediatype": "sticker"})
    assert answer.json()["response"] == {
        "message": [["mediatype is not one of enum values: image,document,video,audio"]]
    }


def test_a_file_is_taken_as_multipart_but_a_delay_in_it_is_a_string(gateway: Simulator) -> None:
    fields = {"number": "51987654321", "mediatype": "image", "caption": "por archivo"}
    files = {"file": ("a.png", b"\x89PNG\r\n\x1a\n\x00\xff", "image/png")}
    answer = gateway.post("/message/sendMedia/one", data=fields, files=files)
    assert answer.status_code == 201
    assert answer.json()["message"]["imageMessage"]["mimetype"] == "image/png"
    refused = gateway.post("/message/sendMedia/one", data={**fields, "delay": "5"}, files=files)
    assert refused.json()["response"] == {"message": [["Enter a value in milliseconds"]]}


def test_an_audio_is_sent_as_a_voice_note(gateway: Simulator) -> None:
    body = {"number": "51987654321", "audio": "https://example.com/a.mp3"}
    assert gateway.post("/message/sendWhatsAppAudio/one", body).json()["messageType"] == "audioMessage"
    refused = gateway.post("/message/sendWhatsAppAudio/one", {"number": "51987654321"})
    assert refused.json()["response"] == {"message": ["Owned media must be a url, base64, or valid file with buffer"]}


@pytest.mark.parametrize("host", ["cdn.example.com", "CDN.example.com", "anything.invalid"])
def test_a_host_that_is_said_not_to_exist(host: str) -> None:
    with start_simulator(arguments=["--unknown-host", "cdn.example.com"]) as simulator:
        answer = simulator.post("/message/sendMedia/demo", {**PICTURE, "media": f"https://{host}/a.jpg"})
        assert answer.status_code == 500
        assert answer.json()["response"]["message"][0].startswith("Error: getaddrinfo ENOTFOUND")
        assert simulator.post("/message/sendMedia/demo", PICTURE).status_code == 201
        assert simulator.ledger()["accepted"] == 1


def test_a_server_of_media_that_is_down(gateway: Simulator) -> None:
    picture = gateway.post("/message/sendMedia/one", {**PICTURE, "media": "http://127.0.0.1:1/a.jpg"})
    assert (picture.status_code, picture.json()["response"]["message"]) == (
        500,
        ["Error: connect ECONNREFUSED 127.0.0.1:1"],
    )
    video = {**PICTURE, "mediatype": "video", "media": "http://127.0.0.1:1/a.mp4"}
    assert gateway.post("/message/sendMedia/one", video).json()["response"]["message"] == ["TypeError: fetch failed"]
    assert gateway.ledger()["accepted"] == 0


@pytest.mark.parametrize(
    ("url", "name", "mimetype"),
    [
        ("https://example.com/lista.v2.pdf", "lista", "false"),
        ("https://example.com/descargar?id=5", "example", "false"),
        ("https://example.com/pdf.php", "pdf", "application/pdf"),
    ],
)
def test_a_document_without_a_name_is_named_by_its_url(gateway: Simulator, url: str, name: str, mimetype: str) -> None:
    answer = gateway.post("/message/sendMedia/one", {**PICTURE, "mediatype": "document", "media": url})
    sent = answer.json()["message"]["documentMessage"]
    assert (sent["fileName"], sent["mimetype"]) == (name, mimetype)
