"""The demonstration: a sample file through the real API, followed live, and counted in three places.

A client like any other: it knows the API's address and a token, and nothing of the server's code. By hand:
    PREGONERO_TOKEN=… .venv/bin/python config/stack/demo.py http://127.0.0.1:8000
"""

import argparse
import json
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.sync.client import ClientConnection, connect

MESSAGE = "Hola @valor1, tu pedido @valor2 ya está en camino. ¡Gracias por tu compra!"
RECEIPT_SECONDS = 15.0  # within which most of what became of the messages is known
SILENCE_SECONDS = 60  # without any event from the server, not even a pong, the demonstration has failed
FINAL_EVENTS = {"job_completed": "completed", "job_failed": "failed", "job_cancelled": "cancelled"}

FIRST_NAMES = "María José Luis Ana Carlos Lucía Miguel Sofía Jorge Valentina Andrés Elena Raúl Íñigo Begoña Óscar"
SURNAMES = "García Rodríguez Fernández López Pérez Gómez Díaz Quispe Huamán Rojas Mendoza Núñez Chávez Muñoz Peña"


@dataclass
class Outcome:
    """What the events said; `final` is the last event's verdict, empty until then."""

    sent: int = 0
    failed: int = 0
    total: int = 0
    final: str = ""
    explanation: str = ""
    events: int = 0


@dataclass
class Bar:
    """A progress bar on a terminal; elsewhere a line for every tenth."""

    total: int
    is_live: bool = field(default_factory=sys.stdout.isatty)
    started_at: float = field(default_factory=time.monotonic)
    tenths_told: int = 0
    is_open: bool = False

    def show(self, sent: int, failed: int, note: str = "") -> None:
        done = sent + failed
        share = done / self.total if self.total else 1.0
        figures = f"{share:4.0%}  {done:,} of {self.total:,}  sent {sent:,}  failed {failed:,}"
        if self.is_live:
            width = max(10, min(40, shutil.get_terminal_size().columns - len(figures) - 24))
            filled = int(width * share)
            line = f"  {'█' * filled}{'░' * (width - filled)} {figures}  {note}"
            print(f"\r{line[: shutil.get_terminal_size().columns - 1]}\033[K", end="", flush=True)
            self.is_open = True
        elif int(share * 10) > self.tenths_told:
            self.tenths_told = int(share * 10)
            print(f"  {figures}", flush=True)

    def close(self) -> None:
        if self.is_open:
            print(flush=True)
            self.is_open = False


def main() -> int:
    # One Ctrl-C ends it without a traceback; the launcher stops the rest.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    arguments = _parse()
    api = requests.Session()
    api.trust_env = False  # no proxy stands between this machine and itself
    api.headers["Authorization"] = f"Bearer {os.environ.get('PREGONERO_TOKEN', '')}"
    try:
        return _demonstrate(api, arguments)
    except requests.RequestException as error:
        print(f"the API does not answer: {error}", file=sys.stderr)
    except DemoError as error:
        print(f"\n{error}", file=sys.stderr)
    return 1


class DemoError(Exception):
    """The demonstration cannot go on; the message says why."""


def _demonstrate(api: requests.Session, arguments: argparse.Namespace) -> int:
    sample = Path(arguments.sample)
    rows = list(_sample_rows(arguments.rows))
    sample.write_text("phone|@valor1|@valor2\n" + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    accepted_before = _ledger(api, arguments.simulator)["accepted"] if arguments.simulator else 0

    print(f"\nPOST {arguments.url}/messages/send-bulk-file")
    print(f"  file     {sample} ({len(rows):,} rows, the first: {rows[0]})")
    print(f"  message  {MESSAGE}")
    started_at = time.monotonic()
    job = _upload(api, arguments.url, sample)
    print(f"  answer   200 in {time.monotonic() - started_at:.2f} s, job {job['id']}\n")

    print(f"WebSocket {_websocket_url(arguments.url, job['id'])}")
    outcome = _follow(arguments.url, job["id"], str(api.headers["Authorization"]), total=len(rows))
    seconds = time.monotonic() - started_at

    answer = api.get(f"{arguments.url}/jobs/{job['id']}", timeout=30)
    answer.raise_for_status()
    said = answer.json()
    ledger = _ledger(api, arguments.simulator) if arguments.simulator else None
    progress = said["progress"]
    wanted = (len(rows), 0, len(rows))

    print(f"\nJob {outcome.final} in {seconds:.1f} s: {outcome.sent / seconds:,.0f} messages a second\n")
    table: list[tuple[str, ...]] = [
        ("", "sent", "failed", "total"),
        ("WebSocket events", f"{outcome.sent:,}", f"{outcome.failed:,}", f"{outcome.total:,}"),
        ("GET /jobs/{id}", *(f"{progress[key]:,}" for key in ("sent", "failed", "total"))),
    ]
    problems = {
        "the job did not complete": outcome.final != "completed" or said["status"] != "completed",
        "the events counted otherwise": (outcome.sent, outcome.failed, outcome.total) != wanted,
        "the job counted otherwise": (progress["sent"], progress["failed"], progress["total"]) != wanted,
    }
    if ledger:
        accepted = ledger["accepted"] - accepted_before
        table.append(("the gateway's own ledger", f"{accepted:,}", "", f"{ledger['duplicates']:,} twice"))
        problems["the gateway counted otherwise"] = accepted != len(rows) or ledger["duplicates"] != 0
    for name, *cells in table:
        print(f"  {name:<26}" + "".join(f"{cell:>10}" for cell in cells))
    if ledger:
        receipts = _receipts(api, arguments.url, job["id"], wanted=outcome.sent)
        print(
            f"\nSo far delivered to {receipts['delivered']:,} ({receipts['delivered_rate']} %), "
            f"read by {receipts['read']:,} ({receipts['read_rate']} %): what their phones said, by webhook."
        )
    for problem in (text for text, is_there in problems.items() if is_there):
        print(f"\nFAILED: {problem}. {outcome.explanation}", file=sys.stderr)
    if not any(problems.values()):
        print("\nOK: every message was sent once, and all three counts agree.")
    return int(any(problems.values()))


def _sample_rows(count: int) -> Iterator[str]:
    """Yield the same rows at every call: phone, name, order number; no phone comes twice."""
    chance = random.Random(20260115)  # noqa: S311 - sample data
    for phone in chance.sample(range(900_000_000, 1_000_000_000), count):
        first_name, surnames = chance.choice(FIRST_NAMES.split()), chance.sample(SURNAMES.split(), 2)
        yield f"+51{phone}|{first_name} {' '.join(surnames)}|{chance.randint(10_000, 99_999)}"


def _upload(api: requests.Session, url: str, sample: Path) -> dict[str, Any]:
    with sample.open("rb") as file:
        answer = api.post(
            f"{url}/messages/send-bulk-file",
            files={"file": (sample.name, file, "text/csv")},
            data={"message": MESSAGE, "devices_limit": "5"},
            timeout=60,
        )
    if answer.status_code != 200:
        raise DemoError(f"the upload was refused: {answer.status_code} {answer.text[:500]}")
    return dict(answer.json()["job"])


def _follow(url: str, job_id: str, authorization: str, total: int) -> Outcome:
    """Follow the job to its final event; when the connection drops, the next one begins with a snapshot."""
    outcome = Outcome(total=total)
    bar = Bar(total)
    heard_at = time.monotonic()
    while not outcome.final:
        if time.monotonic() - heard_at > SILENCE_SECONDS:
            raise DemoError(f"nothing came over the WebSocket for {SILENCE_SECONDS} s")
        try:
            with connect(
                _websocket_url(url, job_id), additional_headers={"Authorization": authorization}, proxy=None
            ) as connection:
                for event in _events(connection):
                    heard_at = time.monotonic()
                    _take(event, outcome, bar)
                    if outcome.final:
                        break
        except InvalidStatus as error:
            raise DemoError(f"the WebSocket was refused: {error}") from None
        except (OSError, WebSocketException):
            time.sleep(0.5)  # the server restarts: try again
    bar.close()
    return outcome


def _events(connection: ClientConnection) -> Iterator[dict[str, Any]]:
    while True:
        try:
            yield json.loads(connection.recv(timeout=10))
        except TimeoutError:
            connection.send(json.dumps({"type": "ping", "timestamp": time.time()}))


def _take(event: dict[str, Any], outcome: Outcome, bar: Bar) -> None:
    outcome.events += 1
    kind = event["type"]
    note = str(event.get("message", ""))
    if kind in FINAL_EVENTS:
        outcome.final = FINAL_EVENTS[kind]
        outcome.explanation = " ".join(str(event[key]) for key in ("error", "message") if event.get(key))
    counts = event.get("results") or event.get("progress")
    if isinstance(counts, dict) and {"sent", "failed", "total"} <= counts.keys():
        outcome.sent, outcome.failed, outcome.total = (int(counts[key]) for key in ("sent", "failed", "total"))
    bar.show(outcome.sent, outcome.failed, note)


def _ledger(api: requests.Session, simulator_url: str) -> dict[str, int]:
    """Return the gateway's own count: accepted messages, distinct ones, those it got twice."""
    answer = api.get(f"{simulator_url}/_simulator/ledger", timeout=10)
    answer.raise_for_status()
    said = answer.json()
    return {key: int(said[key]) for key in ("accepted", "distinct", "duplicates")}


def _receipts(api: requests.Session, url: str, job_id: str, wanted: int) -> dict[str, Any]:
    """Return what became of the messages, once all were read or a while has passed."""
    give_up = time.monotonic() + RECEIPT_SECONDS
    while True:
        answer = api.get(f"{url}/jobs/{job_id}", timeout=30)
        answer.raise_for_status()
        receipts = dict(answer.json()["receipts"])
        if receipts["read"] >= wanted or time.monotonic() > give_up:
            return receipts
        time.sleep(0.5)


def _websocket_url(url: str, job_id: str) -> str:
    return f"{url.replace('http', 'ws', 1)}/ws/job/{job_id}"


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Send a sample file and follow it; PREGONERO_TOKEN is the API token.")
    parser.add_argument("url", help="the API's address")
    parser.add_argument("--simulator", help="the simulated gateway's address, to compare with its own count")
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--sample", default="sample.csv", help="where to write the file that is sent")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
