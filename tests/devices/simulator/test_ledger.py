"""The ledger and what else `/_simulator/` offers."""

from collections.abc import Callable

import requests

from devices.simulator.archive import BLOCK_SIZE, TextArchive
from devices.simulator.ledger import Content, Ledger
from tests.simulator_process import Simulator

Send = Callable[..., requests.Response]


def accept(ledger: Ledger, number: str, text: str, at: float = 0.0) -> int:
    return ledger.accept(number, text, 0, at, 0, hidden=False)


def test_texts_are_kept_over_many_blocks() -> None:
    archive = TextArchive()
    texts = [f"Hola {number} \ud83d ñ" for number in range(3 * BLOCK_SIZE + 7)]
    for text in texts:
        archive.append(text)
    assert list(archive) == texts
    assert len(archive) == len(texts)


def test_ids_lead_back_to_their_rows_and_are_not_repeated_after_a_reset() -> None:
    ledger = Ledger()
    rows = [accept(ledger, "51987654321", str(number)) for number in range(1000)]
    ids = [ledger.message_id(row) for row in rows]
    assert [ledger.row_of(message_id) for message_id in ids] == rows
    ledger.reset()
    assert ledger.row_of(ids[0]) is None
    new = accept(ledger, "51987654321", "new")
    assert ledger.message_id(new) not in ids
    assert ledger.text(new) == "new"
    ledger.report(rows[0], "READ")  # a late receipt of a row that is gone
    assert ledger.statuses(new) == []


def test_numbers_come_back_as_they_were_given() -> None:
    ledger = Ledger()
    given = ["51987654321", "0051987654321", "120363041234567890123", "1203630412345678@g.us"]
    rows = [accept(ledger, number, "hola") for number in given]
    assert [ledger.number(row) for row in rows] == given


def test_different_descriptions_of_media_are_told_apart() -> None:
    ledger = Ledger()
    picture, paper = Content("image", "image/png"), Content("document", "application/pdf", "a.pdf")
    kinds = [ledger.kind_of(content) for content in (picture, paper, picture)]
    assert kinds[0] == kinds[2] != kinds[1]
    row = ledger.accept("51", "", 0, 0.0, kinds[1], hidden=False)
    assert ledger.content(row) == paper


def test_entries_come_in_pages(gateway: Simulator, send: Send) -> None:
    for number in range(5):
        send(text=f"text {number}")
    assert [entry["text"] for entry in gateway.entries(offset=3, limit=1)] == ["text 3"]
    assert len(gateway.entries()) == 5


def test_arrivals_say_when_through_which_instance_and_from_where(gateway: Simulator, send: Send) -> None:
    send()
    gateway.post("/message/sendText/two", {"number": "51987654321", "text": "a"}, key="TOKEN-OF-TWO")
    send()
    arrivals = gateway.arrivals()
    assert [instance for _, instance, _ in arrivals] == ["one", "two", "one"]
    assert [at for at, _, _ in arrivals] == gateway.timeline()
    assert len({port for *_, port in arrivals}) == 1, "one client on one kept connection"
    assert gateway.arrivals(offset=2) == arrivals[2:]


def test_the_timeline_of_an_instance(gateway: Simulator, send: Send) -> None:
    for _ in range(3):
        send()
    gateway.post("/message/sendText/two", {"number": "51987654321", "text": "a"}, key="TOKEN-OF-TWO")
    assert gateway.timeline("one") == sorted(gateway.timeline("one"))
    assert [len(gateway.timeline(name)) for name in ("one", "two", "")] == [3, 1, 4]


def test_the_last_requests_are_kept_as_they_came(gateway: Simulator, send: Send) -> None:
    send(text="first")
    send(text="ñ", headers={"X-Mine": "1"})
    last = gateway.last_requests(1)
    assert len(last) == 1
    assert (last[0]["method"], last[0]["path"]) == ("POST", "/message/sendText/one")
    assert (last[0]["headers"]["x-mine"], last[0]["headers"]["apikey"]) == ("1", gateway.token)
    assert '"\\u00f1"' in last[0]["body"]


def test_a_reset_empties_the_ledger_but_not_the_instances(gateway: Simulator, send: Send) -> None:
    send()
    gateway.set_state("two", "close")
    gateway.reset()
    ledger = gateway.ledger()
    assert (ledger["accepted"], ledger["distinct"], ledger["requests"]) == (0, 0, 0)
    assert gateway.entries() == gateway.timeline() == []
    states = {each["name"]: each["state"] for each in gateway.get("/_simulator/instances").json()}
    assert states == {"one": "open", "two": "close"}


def test_what_the_simulator_does_not_offer_is_said(gateway: Simulator) -> None:
    answer = gateway.get("/_simulator/nothing")
    assert answer.status_code == 404
    assert "GET /_simulator/ledger" in answer.json()["calls"]
