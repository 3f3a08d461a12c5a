"""HTTP itself: kept connections, pipelining, pieces, large and chunked bodies."""

import json
import socket
import time
from collections.abc import Iterator

import pytest

from tests.simulator_process import Simulator
from tests.waiting import GIVE_UP_SECONDS


def request(text: str, *headers: str, number: str = "51987654321", delay: int = 0) -> bytes:
    fields: dict[str, object] = {"number": number, "text": text}
    if delay:
        fields["delay"] = delay
    body = json.dumps(fields).encode()
    lines = ["POST /message/sendText/one HTTP/1.1", "Host: gateway", "apikey: SIMULATOR-TOKEN"]
    lines += ["Content-Type: application/json", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@pytest.fixture
def connection(gateway: Simulator) -> Iterator[socket.socket]:
    with socket.create_connection(
        ("127.0.0.1", int(gateway.url.rsplit(":", 1)[1])), timeout=GIVE_UP_SECONDS
    ) as connected:
        yield connected


def answers(connection: socket.socket, count: int) -> list[str]:
    """The texts of the next `count` answers."""
    received = b""
    while received.count(b'"conversation":"') < count or not received.endswith(b"}"):
        more = connection.recv(65536)
        assert more, received
        received += more
    return [part.split(b'"')[0].decode() for part in received.split(b'"conversation":"')[1:]]


def test_many_requests_go_over_one_connection(connection: socket.socket) -> None:
    for number in range(5):
        connection.sendall(request(f"text {number}"))
        assert answers(connection, 1) == [f"text {number}"]


def test_a_request_may_come_in_pieces(connection: socket.socket) -> None:
    for _ in range(2):
        whole = request("in pieces")
        for place in range(0, len(whole), 50):
            connection.sendall(whole[place : place + 50])
            time.sleep(0.002)
        assert answers(connection, 1) == ["in pieces"]


def test_the_same_head_with_another_body_is_another_message(connection: socket.socket) -> None:
    for text in ("first", "other", "third"):  # of one length, so that the heads are equal
        connection.sendall(request(text))
        assert answers(connection, 1) == [text]


def test_head_and_body_may_come_apart(connection: socket.socket) -> None:
    for text in ("first", "other"):
        head, _, body = request(text).partition(b"\r\n\r\n")
        connection.sendall(head + b"\r\n\r\n")
        time.sleep(0.01)
        connection.sendall(body)
        assert answers(connection, 1) == [text]


def test_pipelined_requests_are_answered_in_order(gateway: Simulator, connection: socket.socket) -> None:
    connection.sendall(request("slow", delay=100) + request("quick") + request("last"))
    assert answers(connection, 3) == ["slow", "quick", "last"]
    assert gateway.ledger()["accepted"] == 3


def test_a_chunked_body_is_read(connection: socket.socket) -> None:
    body = json.dumps({"number": "51987654321", "text": "chunked"}).encode()
    head = request("x").partition(b"\r\n\r\n")[0].replace(b"Content-Length", b"Transfer-Encoding: chunked\r\nX-Not")
    connection.sendall(head + b"\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))
    assert answers(connection, 1) == ["chunked"]


def test_a_client_that_asks_before_a_large_body_is_told_to_go_on(connection: socket.socket) -> None:
    head, _, body = request("x" * 200_000, "Expect: 100-continue").partition(b"\r\n\r\n")
    connection.sendall(head + b"\r\n\r\n")
    assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.sendall(body)
    assert answers(connection, 1) == ["x" * 200_000]


def test_connection_close_is_honoured(connection: socket.socket) -> None:
    connection.sendall(request("bye", "Connection: close"))
    received = b""
    while more := connection.recv(65536):
        received += more
    assert b"Connection: close" in received


def test_an_idle_connection_is_closed_as_node_does(connection: socket.socket) -> None:
    connection.sendall(request("hola"))
    assert answers(connection, 1) == ["hola"]
    assert connection.recv(1) == b""  # --keep-alive 1: after one to two seconds


def test_what_is_no_http_is_refused(connection: socket.socket) -> None:
    connection.sendall(b"\x16\x03\x01\x02\x00\r\n\r\n")
    assert connection.recv(1000).startswith(b"HTTP/1.1 400 Bad Request")
