"""A process may be frozen between the last look at its lease and the write: nothing may go out after that."""

import time

from devices.gateway.base import WireFailure, WireResponse
from devices.gateway.transport import TOO_LATE, Transport
from tests.devices.gateway.test_transport import address_of, finish, request_to
from tests.devices.raw_servers import OK, serve
from tests.waiting import GIVE_UP_SECONDS


def answer_all(connection) -> None:
    while connection.read_request():
        connection.send(OK)


def test_a_request_that_could_not_begin_in_time_is_never_written() -> None:
    transport: Transport[str] = Transport(GIVE_UP_SECONDS, GIVE_UP_SECONDS)
    with serve(answer_all) as server:
        address = address_of(server.port)
        transport.start("first", request_to(address), address, time.monotonic() + GIVE_UP_SECONDS)
        assert isinstance(finish(transport)["first"], WireResponse)
        for key in ("kept", "fresh"):  # on the connection that was kept, and on a new one
            transport.start(key, request_to(address), address, time.monotonic() + 0.05)
        time.sleep(0.1)  # as if frozen: nothing has moved since
        answers = finish(transport)
    assert answers == dict.fromkeys(("kept", "fresh"), WireFailure(TOO_LATE, nothing_written=True))
    assert len(server.requests) == 1
    transport.close()


def test_a_long_request_that_began_in_time_is_written_to_its_end() -> None:
    transport: Transport[str] = Transport(GIVE_UP_SECONDS, GIVE_UP_SECONDS)
    with serve(answer_all) as server:
        address = address_of(server.port)
        body = b"x" * 5_000_000
        transport.start("long", request_to(address, body), address, time.monotonic() + 0.02)
        answer = finish(transport)["long"]
    assert isinstance(answer, WireResponse) or answer == WireFailure(TOO_LATE, nothing_written=True)
    transport.close()
