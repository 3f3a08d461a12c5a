"""Many requests from one thread, none of them ever written twice: against servers that misbehave in every way.

What matters most is the one bit of a failure: was nothing written, so that the message may go again?
"""

import contextlib
import gc
import os
import socket
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from devices.egress import CheckedAddress
from devices.gateway import transport as transport_module
from devices.gateway.base import WireFailure, WireRequest, WireResponse
from devices.gateway.transport import MAX_ANSWER_BYTES, Transport
from tests.devices.raw_servers import OK, serve, unused_port
from tests.waiting import GIVE_UP_SECONDS

SOON = 0.5  # for a time that has to run out


@pytest.fixture
def transport():
    """One that waits far longer than any test takes: what fails does so for another reason than time."""
    with contextlib.closing(Transport(GIVE_UP_SECONDS, GIVE_UP_SECONDS, 300)) as transport:
        yield transport


@pytest.fixture
def hasty():
    """One whose time to connect runs out soon."""
    with contextlib.closing(Transport(SOON, GIVE_UP_SECONDS, 300)) as transport:
        yield transport


@pytest.fixture
def impatient():
    """One that connects in time on a busy machine too, and then hardly waits for its answer."""
    with contextlib.closing(Transport(2 * SOON, SOON, 300)) as transport:
        yield transport


def address_of(port, host="gateway.example", ip="127.0.0.1", scheme="http"):
    return CheckedAddress(scheme, host, port, ip)


def request_to(address, body=b'{"number":"51","text":"hola"}', path="/message/sendText/x"):
    headers = ("Content-Type: application/json", "apikey: T0KEN", "Expect:")
    return WireRequest(f"{address.scheme}://{address.host}:{address.port}{path}", headers, body)


def start(transport, port, key="key", body=b'{"number":"51","text":"hola"}', **address):
    checked = address_of(port, **address)
    transport.start(key, request_to(checked, body), checked)


def finish(transport, seconds=GIVE_UP_SECONDS / 2):
    """Pump until nothing is in flight; return the answers by key."""
    answers = {}
    until = time.monotonic() + seconds
    while len(transport):
        assert time.monotonic() < until, "no answer in time"
        answers |= dict(transport.pump(0.2))
    return answers


def exchange(transport, port, **more):
    start(transport, port, **more)
    return finish(transport)["key"]


# --- What is written, and where ---------------------------------------------------------------------------


def test_a_request_arrives_whole_and_its_answer_comes_back(transport):
    body = b'{"text":"' + b"x" * 300_000 + b'"}'

    def behave(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 201 Created\r\nRetry-After: 7\r\nContent-Length: 5\r\n\r\nhello")

    with serve(behave) as server:
        answer = exchange(transport, server.port, body=body)
    assert answer == WireResponse(201, b"hello", {})
    (request,) = server.requests
    head, _, sent = request.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /message/sendText/x HTTP/1.1"
    assert {b"Content-Type: application/json", b"apikey: T0KEN", b"Content-Length: %d" % len(body)} <= set(lines)
    assert not any(line.lower().startswith((b"expect", b"transfer-encoding", b"accept-encoding")) for line in lines)
    assert sent == body


def test_a_429_brings_its_headers_in_lower_case(transport):
    def behave(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 429 Slow\r\nRETRY-AFTER:  30 \r\nContent-Length: 0\r\n\r\n")

    with serve(behave) as server:
        answer = exchange(transport, server.port)
    assert (answer.status, answer.headers["retry-after"]) == (429, "30")


def answering(connection):
    while connection.read_request():
        connection.send(OK)


def test_the_checked_address_is_used_whatever_the_name_says(transport):
    with serve(answering) as server:
        # Nobody knows this name, and the second one is somebody else's.
        assert exchange(transport, server.port, host="no-such-host.invalid").status == 201
        assert exchange(transport, server.port, host="localhost").status == 201
    assert f"Host: no-such-host.invalid:{server.port}".encode() in server.requests[0]


def test_a_name_that_has_moved_is_reached_at_its_new_address(transport):
    def behave(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 201 Created\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")

    with serve(behave) as old, serve(behave, address=("127.0.0.2", old.port)) as new:
        exchange(transport, old.port, ip="127.0.0.1")
        exchange(transport, old.port, ip="127.0.0.2")
    assert (len(old.requests), len(new.requests)) == (1, 1)


def test_a_proxy_of_the_environment_is_not_used(transport, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{unused_port()}")
    with serve(answering) as server:
        assert exchange(transport, server.port).status == 201


def test_a_redirect_is_an_answer_and_is_not_followed(transport):
    with serve(answering) as elsewhere:

        def behave(connection):
            connection.read_request()
            location = f"Location: http://127.0.0.1:{elsewhere.port}/\r\n".encode()
            connection.send(b"HTTP/1.1 307 Moved\r\n" + location + b"Content-Length: 0\r\n\r\n")

        with serve(behave) as server:
            assert exchange(transport, server.port).status == 307
    assert elsewhere.requests == []


# --- Nothing written ------------------------------------------------------------------------------------------


def test_connection_refused(transport):
    assert exchange(transport, unused_port()) == WireFailure("ConnectionError", nothing_written=True)


def test_nobody_takes_the_connection(hasty):
    with contextlib.ExitStack() as stack:
        # A full backlog: further connections are left without an answer.
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        failure = exchange(hasty, listener.getsockname()[1])
        assert failure == WireFailure("ConnectTimeout", nothing_written=True)


def test_a_server_that_speaks_no_tls(transport):
    def behave(connection):
        connection.send(b"220 this is a mail server\r\n")

    with serve(behave) as server:
        failure = exchange(transport, server.port, scheme="https")
    assert failure == WireFailure("SSLError", nothing_written=True)


def test_a_certificate_nobody_vouches_for(transport, tmp_path):
    with serve(answering, tls=_self_signed(tmp_path)) as server:
        failure = exchange(transport, server.port, scheme="https")
    assert failure == WireFailure("SSLError", nothing_written=True)
    assert server.requests == []


def test_a_server_that_stalls_in_the_tls_handshake(hasty):
    with serve(lambda connection: connection.wait_for_close()) as server:
        failure = exchange(hasty, server.port, scheme="https")
    assert failure == WireFailure("ConnectTimeout", nothing_written=True)


def test_a_process_that_was_frozen_writes_nothing_once_its_time_is_over(impatient, tmp_path):
    """Whoever takes over relies on it: a request that was held up on its way is given up, not written."""

    def behave(connection):
        connection.read_request()

    with serve(behave, tls=_self_signed(tmp_path), handshake_after_seconds=0.1) as server:
        start(impatient, server.port, scheme="https")
        impatient.pump(0.02)
        time.sleep(3 * SOON + 0.1)  # as under SIGSTOP
        failure = finish(impatient)["key"]
    assert failure == WireFailure("ConnectTimeout", nothing_written=True)
    assert server.requests == []


# --- Written, and then no answer -------------------------------------------------------------------------------


def test_no_answer_in_time(impatient):
    def behave(connection):
        connection.read_request()
        connection.wait_for_close()

    with serve(behave) as server:
        assert exchange(impatient, server.port) == WireFailure("ReadTimeout", nothing_written=False)
    assert len(server.requests) == 1


def test_an_answer_that_trickles_ends_at_the_deadline(impatient):
    def behave(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 201 Created\r\nContent-Length: 1000000\r\n\r\n")
        while True:  # until the client goes away
            connection.send(b"x")
            time.sleep(0.05)

    with serve(behave) as server:
        answer = exchange(impatient, server.port)
    assert isinstance(answer, WireResponse)
    assert (answer.status, set(answer.body)) == (201, {ord("x")})


def after_reading(*then):
    """A server that reads a request and does `then`: sends bytes, or calls a method of the connection."""

    def behave(connection):
        if connection.read_request():
            for step in then:
                connection.send(step) if isinstance(step, bytes) else step(connection)

    return behave


MISBEHAVIOUR = {
    "reset": lambda connection: connection.reset(),
    "closed without a word": b"",
    "not HTTP": b"220 this is a mail server\r\n\r\n",
    "HTTP/0.9": b"<html>hello</html>",
    "broken off in the head": b"HTTP/1.1 201 Cre",
}
# What is sent, and what is read of its body. The status that came before is what the gateway said.
BROKEN_ANSWERS = {
    "broken off in the body": (b"Content-Length: 100\r\n\r\n{", b"{"),
    "a chunk of nonsense": (b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\nzz\r\n{}\r\n", b"{}"),
    "two lengths": (b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok!", b""),
    "too long": (b"Content-Length: 2000000\r\n\r\n" + b"y" * 2_000_000, b"y" * MAX_ANSWER_BYTES),
    "too long, in chunks": (
        b"Transfer-Encoding: chunked\r\n\r\n" + b"10000\r\n%b\r\n" % (b"y" * 65_536) * 30,
        b"y" * MAX_ANSWER_BYTES,
    ),
    "headers without end": (b"X-Padding: %b\r\n" % (b"x" * 1000) * 2_000, b""),
}


@pytest.mark.parametrize(("rest", "body"), BROKEN_ANSWERS.values(), ids=BROKEN_ANSWERS.keys())
def test_a_status_that_was_read_counts_whatever_follows(transport, rest, body):
    with serve(after_reading(b"HTTP/1.1 201 Created\r\n" + rest)) as server:
        assert exchange(transport, server.port) == WireResponse(201, body)
    assert len(server.requests) == 1


@pytest.mark.parametrize("then", MISBEHAVIOUR.values(), ids=MISBEHAVIOUR.keys())
def test_whatever_comes_back_instead_of_an_answer_leaves_the_message_in_doubt(transport, then):
    with serve(after_reading(then)) as server:
        failure = exchange(transport, server.port)
    assert failure == WireFailure("ConnectionError", nothing_written=False)
    assert len(server.requests) == 1


def test_the_largest_answer_that_is_read(transport):
    body = b" " * MAX_ANSWER_BYTES
    with serve(after_reading(b"HTTP/1.1 500 X\r\nContent-Length: %d\r\n\r\n" % len(body) + body)) as server:
        assert exchange(transport, server.port) == WireResponse(500, body)


@pytest.mark.parametrize("ending", ["reset", "close"])
def test_a_kept_connection_that_dies_under_a_request_is_not_written_to_again(transport, ending):
    """A body that libcurl could rewind it would send a second time, on a new connection, without telling us."""

    def behave(connection):
        connection.read_request()
        connection.send(OK)
        if connection.read_request() and ending == "reset":
            connection.reset()

    with serve(behave) as server:
        assert exchange(transport, server.port).status == 201
        failure = exchange(transport, server.port, body=b"the second")
        time.sleep(0.1)
    assert failure == WireFailure("ConnectionError", nothing_written=False)
    assert [request.endswith(b"the second") for request in server.requests] == [False, True]


def test_a_connection_the_server_closed_meanwhile_never_costs_a_second_request(transport):
    def behave(connection):
        connection.read_request()
        connection.send(OK)

    with serve(behave) as server:
        answers = []
        for _ in range(6):
            answers.append(exchange(transport, server.port))
            time.sleep(0.05)
    # One that was written into the closing is in doubt; all others arrived, each once.
    arrived = [answer for answer in answers if answer == WireResponse(201, b"ok")]
    assert all(
        answer == WireFailure("ConnectionError", nothing_written=False) for answer in answers if answer not in arrived
    )
    assert len(server.requests) == len(arrived) >= 3


# --- Connections --------------------------------------------------------------------------------------------------


def test_a_busy_connection_is_kept_and_an_idle_one_is_not_used_again(monkeypatch):
    monkeypatch.setattr(transport_module, "MAX_IDLE_SECONDS", 1)
    with contextlib.closing(Transport(GIVE_UP_SECONDS, GIVE_UP_SECONDS)) as transport, serve(answering) as server:
        began = time.monotonic()
        for _ in range(5):
            assert exchange(transport, server.port).status == 201
        so_far = server.connections
        assert so_far <= 1 + int(time.monotonic() - began)  # no second one before the first has been idle for a second
        time.sleep(2.1)  # libcurl counts whole seconds
        assert exchange(transport, server.port).status == 201
        assert server.connections == so_far + 1


def test_our_patience_with_an_idle_connection_is_shorter_than_the_gateways():
    node_closes_after_seconds = 5
    assert node_closes_after_seconds > transport_module.MAX_IDLE_SECONDS + 1


def test_many_are_in_flight_at_once(transport):
    everybody = threading.Barrier(200)

    def behave(connection):
        body = connection.read_request().partition(b"\r\n\r\n")[2]
        everybody.wait(GIVE_UP_SECONDS)  # passes only when all 200 requests are here
        connection.send(b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    with contextlib.closing(Transport(GIVE_UP_SECONDS, GIVE_UP_SECONDS, 300)) as patient, serve(behave) as server:
        for number in range(200):
            start(patient, server.port, key=number, body=b"message %d" % number)
        answers = finish(patient, GIVE_UP_SECONDS)
    assert {key: answer.body for key, answer in answers.items()} == {n: b"message %d" % n for n in range(200)}


def test_one_that_hangs_holds_up_no_other(transport):
    def behave(connection):
        while body := connection.read_request():
            if body.endswith(b"hang"):
                connection.wait_for_close()
            else:
                connection.send(OK)

    with serve(behave) as server:
        start(transport, server.port, key="hangs", body=b"hang")
        for number in range(50):
            start(transport, server.port, key=number, body=b"go on")
            while len(transport) > 1:
                assert all(answer.status == 201 for _, answer in transport.pump(1))
        assert any(request.endswith(b"hang") for request in server.requests)  # and it is the one in flight


def test_another_thread_ends_the_waiting(transport):
    woken_at = []

    def wake():
        woken_at.append(time.monotonic())
        transport.wake()

    waker = threading.Timer(0.1, wake)
    waker.start()
    began = time.monotonic()
    assert transport.pump(GIVE_UP_SECONDS) == []
    assert time.monotonic() - began < GIVE_UP_SECONDS / 2
    assert woken_at
    waker.join()
    began = time.monotonic()
    assert transport.pump(0.1) == []
    assert time.monotonic() - began >= 0.09  # one wake ends one waiting


def test_waking_far_too_often_blocks_nobody(transport):
    for _ in range(100_000):
        transport.wake()
    transport.pump(0)


def test_closing_leaves_nothing_open():
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    with serve(after_reading(lambda connection: connection.wait_for_close())) as server:
        transport = Transport(GIVE_UP_SECONDS, GIVE_UP_SECONDS)
        for number in range(10):
            start(transport, server.port, key=number)
        transport.pump(0.05)
        assert len(transport) == 10
        transport.close()
        assert len(transport) == 0
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == before


def _self_signed(directory):
    import ssl

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gateway.example")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(tz=UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(tz=UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("gateway.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = directory / "gateway.pem"
    file.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context
