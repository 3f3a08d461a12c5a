"""The simulator answers as the real gateway did, in every situation that was recorded."""

import threading
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from tests.devices import recorded
from tests.devices.recorded import Recorded
from tests.simulator_process import Simulator

ANSWERS = recorded.answers()


class Files(BaseHTTPRequestHandler):
    kept: ClassVar = {
        "/a.png": ("image/png", b"\x89PNG\r\n\x1a\n and so on"),
        "/a.mp3": ("audio/mpeg", b"ID3 and so on"),
        "/d.pdf": ("application/pdf", b"%PDF-1.7 and so on"),
        "/page.html": ("text/html", b"<!doctype html><title>Not found</title>"),
    }

    def do_GET(self) -> None:
        content_type, content = self.kept.get(self.path, ("text/plain", b""))
        self.send_response(200 if content else 404)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def files() -> Iterator[str]:
    """Where the media of these situations are."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Files)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def ask(gateway: Simulator, call: Any, key: str) -> Any:
    keys = {"instance": gateway.token, "global": gateway.global_key, "wrong": "another"}
    method, path, *body = call
    return gateway.request(method, path, *body, key=keys[key])


def arrange(gateway: Simulator, steps: Any) -> None:
    message_id = ""
    for step in steps:
        match step:
            case {"state": state}:
                gateway.set_state("one", state)
            case {"fault": faults}:
                gateway.faults(faults)
            case {"receipt": status}:
                gateway.receipt("one", message_id, status)
            case {"call": call}:
                answer = ask(gateway, call, step.get("key", "instance"))
                assert answer.ok, answer.text
                message_id = answer.json().get("key", {}).get("id", "")
            case _:
                raise AssertionError(step)


@pytest.mark.parametrize("real", ANSWERS, ids=[real.situation for real in ANSWERS])
def test_the_simulator_answers_as_the_real_gateway_did(gateway: Simulator, files: str, real: Recorded) -> None:
    real = real.at(files)
    arrange(gateway, real.given)
    answer = ask(gateway, real.call, real.key)
    assert (answer.status_code, recorded.differences(real.body, answer.json())) == (real.status, [])
    assert [text for text in real.says if text not in answer.text] == []
    assert [text for text in real.absent if text in answer.text] == []
    assert parsedate_to_datetime(answer.headers["Date"])
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"


def test_what_differs_is_told() -> None:
    real = {"a": [1, {"b": "x"}], "c": None}
    assert recorded.differences(real, {"a": [2, {"b": "y"}], "c": None}) == []
    assert recorded.differences(real, {"a": [2, {"b": 5, "d": 0}]}) == [
        "answer.c is missing",
        "answer.a[1].d is not in the real one",
        "answer.a[1].b is 5, the real one 'x'",
    ]
    assert recorded.differences(real, {"a": [], "c": 0}) != []
