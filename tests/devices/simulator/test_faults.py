"""Everything that can be made to go wrong: what the client sees, and whether the message was sent all the same."""

import json
import time
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from tests.devices.simulator.conftest import GIVES_UP_SOON
from tests.simulator_process import Simulator, start_simulator
from tests.waiting import eventually

Send = Callable[..., requests.Response]
LOOK_UP = {"where": {"key": {"remoteJid": "51987654321@s.whatsapp.net"}}}


def messages_found(gateway: Simulator) -> int:
    return int(gateway.post("/chat/findMessages/one", LOOK_UP).json()["messages"]["total"])


@pytest.mark.parametrize(
    ("fault", "status", "message"),
    [
        ("500-before-send", 500, "Cannot read properties of undefined (reading 'find')"),
        ("timed-out-before-accept", 400, ["Error: Timed Out"]),
        ("connection-closed", 500, "Connection Closed"),
        ("401", 401, "Unauthorized"),
        (
            "not-on-whatsapp",
            400,
            [{"jid": "51987654321@s.whatsapp.net", "exists": False, "number": "51987654321"}],
        ),
    ],
)
def test_a_refusal_before_the_send(gateway: Simulator, send: Send, fault: str, status: int, message: object) -> None:
    gateway.faults({fault: 1})
    answer = send()
    assert answer.status_code == status
    assert answer.json()["response"]["message"] == message
    assert gateway.ledger()["accepted"] == 0
    assert gateway.ledger()["faults"] == {fault: 1}


@pytest.mark.parametrize(
    ("fault", "status", "message"),
    [
        ("accept-then-timed-out", 400, "Error: Timed Out"),
        ("accept-then-400", 400, "PrismaClientKnownRequestError"),
    ],
)
def test_a_400_after_the_send_leaves_no_row_behind(
    gateway: Simulator, send: Send, fault: str, status: int, message: str
) -> None:
    gateway.faults({fault: 1})
    answer = send()
    assert answer.status_code == status
    assert answer.json()["response"]["message"][0].startswith(message)
    assert gateway.ledger()["accepted"] == 1
    assert messages_found(gateway) == 0


@pytest.mark.parametrize(("fault", "accepted"), [("hang-before-accept", 0), ("accept-then-hang", 1)])
def test_a_request_that_is_never_answered(gateway: Simulator, send: Send, fault: str, accepted: int) -> None:
    gateway.faults({fault: 1})
    with pytest.raises(requests.ReadTimeout):
        send(timeout=GIVES_UP_SOON)
    eventually(lambda: gateway.ledger()["requests"] == 1)
    assert gateway.ledger()["accepted"] == accepted == messages_found(gateway)


@pytest.mark.parametrize(("fault", "accepted"), [("reset-before-accept", 0), ("accept-then-reset", 1)])
def test_a_connection_that_is_reset(gateway: Simulator, send: Send, fault: str, accepted: int) -> None:
    gateway.faults({fault: 1})
    with pytest.raises(requests.ConnectionError, match="ConnectionResetError"):
        send()
    assert gateway.ledger()["accepted"] == accepted == messages_found(gateway)


@pytest.mark.parametrize(("fault", "accepted"), [("502", 0), ("accept-then-502", 1)])
def test_a_proxys_502_tells_nothing(gateway: Simulator, send: Send, fault: str, accepted: int) -> None:
    gateway.faults({fault: 1})
    answer = send()
    assert answer.status_code == 502
    assert answer.headers["Content-Type"] == "text/html"
    assert gateway.ledger()["accepted"] == accepted


def test_a_garbage_body(gateway: Simulator, send: Send) -> None:
    gateway.faults({"garbage-body": 1})
    answer = send()
    assert answer.status_code == 201
    with pytest.raises(ValueError, match=r".*"):
        json.loads(answer.content)
    assert gateway.ledger()["accepted"] == 1


def test_a_201_without_an_id(gateway: Simulator, send: Send) -> None:
    gateway.faults({"no-id": 1})
    answer = send()
    assert answer.status_code == 201
    assert "key" not in answer.json()
    assert gateway.ledger()["accepted"] == 1


def test_429_asks_to_wait_some_seconds(gateway: Simulator, send: Send) -> None:
    gateway.faults({"429": "1:30"})
    answer = send()
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "30")
    assert gateway.ledger()["accepted"] == 0


def test_429_asks_to_wait_until_a_date(gateway: Simulator, send: Send) -> None:
    gateway.faults({"429-date": "1:1800"})
    until = parsedate_to_datetime(send().headers["Retry-After"]).timestamp()
    assert 1740 < until - time.time() < 1802


def test_without_a_licence_every_call_is_refused_but_the_version(gateway: Simulator, send: Send) -> None:
    gateway.faults({"license": 1})
    for answer in (send(), gateway.get("/instance/connectionState/one")):
        assert answer.status_code == 503
        assert answer.json()["code"] == "LICENSE_REQUIRED"
        assert answer.json()["error"] == "service not activated"
    assert gateway.get("/").status_code == 200


def test_a_closed_connection_is_a_400_where_the_number_is_cached(gateway: Simulator, send: Send) -> None:
    assert send("5521912345678").status_code == 201
    gateway.faults({"connection-closed": 1})
    answer = send("5521912345678")
    assert (answer.status_code, answer.json()["response"]["message"]) == (400, ["Error: Connection Closed"])
    assert send("5521900000000").status_code == 500


def test_a_medium_that_cannot_be_fetched(gateway: Simulator, send: Send) -> None:
    gateway.faults({"media-failed": 1})
    body = {"number": "51987654321", "mediatype": "image", "media": "https://example.com/a.jpg"}
    answer = gateway.post("/message/sendMedia/one", body)
    assert answer.status_code == 500
    assert answer.json()["response"]["message"] == ["AxiosError: Request failed with status code 404"]
    assert send().status_code == 201


def test_an_instance_that_goes_down_stays_down(gateway: Simulator, send: Send) -> None:
    gateway.faults({"down": "1x1"})
    assert [send().status_code for _ in range(2)] == [500, 500]
    assert gateway.get("/instance/connectionState/one").json()["instance"]["state"] == "close"
    gateway.set_state("one", "open")
    assert send().status_code == 201


def test_a_hidden_row_is_sent_but_not_found(gateway: Simulator, send: Send) -> None:
    gateway.faults({"hidden-row": "1x1"})
    assert send().status_code == 201
    assert gateway.ledger()["accepted"] == 1
    assert messages_found(gateway) == 0


def test_latency_by_rate(gateway: Simulator, send: Send) -> None:
    gateway.faults({"latency": "1:150"})
    began = time.monotonic()
    assert send().status_code == 201
    assert time.monotonic() - began >= 0.15


# --- how they are chosen -------------------------------------------------------------------------------


def test_a_fault_may_be_limited_to_some_times(gateway: Simulator, send: Send) -> None:
    gateway.faults({"502": {"rate": 1, "times": 2}})
    assert [send().status_code for _ in range(3)] == [502, 502, 201]


def test_a_fault_may_be_limited_to_an_instance(gateway: Simulator, send: Send) -> None:
    gateway.faults({"502": 1}, instance="two")
    assert send().status_code == 201
    body = {"number": "51987654321", "text": "hola"}
    assert gateway.post("/message/sendText/two", body, key="TOKEN-OF-TWO").status_code == 502


def test_rates_are_kept_and_exclude_each_other(gateway: Simulator, send: Send) -> None:
    gateway.faults({"502": 0.3, "no-id": 0.3})
    answers = [send() for _ in range(300)]
    refused = sum(answer.status_code == 502 for answer in answers)
    without_id = sum(answer.status_code == 201 and "key" not in answer.json() for answer in answers)
    assert 60 < refused < 120
    assert 60 < without_id < 120
    assert gateway.ledger()["accepted"] == 300 - refused
    assert gateway.ledger()["faults"] == {"502": refused, "no-id": without_id}


def test_the_same_numbers_are_not_on_whatsapp_every_time(gateway: Simulator, send: Send) -> None:
    gateway.faults({"not-on-whatsapp": 0.5})
    numbers = [f"519876500{place:02}" for place in range(40)]
    refused = {number for number in numbers if send(number).status_code == 400}
    assert 8 < len(refused) < 32
    assert {number for number in numbers if send(number).status_code == 400} == refused
    looked_up = gateway.post("/chat/whatsappNumbers/one", {"numbers": numbers}).json()
    assert {each["number"] for each in looked_up if not each["exists"]} == refused


@pytest.mark.parametrize("faults", [{"nonsense": 1}, {"502": 1.5}, {"502": 0.6, "no-id": 0.6}, {"502": "x"}])
def test_faults_that_make_no_sense_are_refused_and_change_nothing(gateway: Simulator, faults: dict[str, Any]) -> None:
    gateway.faults({"401": 0.25})
    assert gateway.post("/_simulator/faults", faults).status_code == 400
    assert gateway.get("/_simulator/faults").json()["faults"] == {"401": "0.25:0"}


@pytest.fixture(scope="module")
def rehearsal() -> Iterator[Simulator]:
    with start_simulator("one", arguments=["--suffix-faults", "--faults", "latency=1:1"]) as simulator:
        yield simulator


@pytest.mark.parametrize(
    ("number", "status"),
    [("51987650002", 500), ("51987650006", 400), ("51987650009", 429), ("51987650011", 502), ("51987651111", 201)],
)
def test_with_suffix_faults_the_number_decides(rehearsal: Simulator, number: str, status: int) -> None:
    assert rehearsal.post("/message/sendText/one", {"number": number, "text": "hola"}).status_code == status


def test_without_suffix_faults_it_does_not(send: Send) -> None:
    assert send("51987650002").status_code == 201
