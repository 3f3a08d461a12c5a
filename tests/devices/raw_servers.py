"""Servers that speak raw TCP, to misbehave in ways no HTTP server would."""

import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator

from tests.waiting import GIVE_UP_SECONDS

OK = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok"


class Connection:
    """One accepted connection, as a server's `behave` sees it."""

    def __init__(self, accepted: socket.socket, seen: list[bytes]) -> None:
        accepted.settimeout(GIVE_UP_SECONDS)
        self._socket = accepted
        self._seen = seen

    def read_request(self) -> bytes:
        """Read one whole request; b"" where the client went away. Each is added to the server's `requests`."""
        data = b""
        while b"\r\n\r\n" not in data:
            if not (piece := self._socket.recv(65_536)):
                return b""
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(
            (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        while len(body) < length:
            body += self._socket.recv(65_536)
        self._seen.append(head + b"\r\n\r\n" + body)
        return self._seen[-1]

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def reset(self) -> None:
        """End it with a TCP reset instead of an orderly close."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def wait_for_close(self) -> None:
        while self._socket.recv(65_536):
            pass


class RawServer:
    """Runs `behave(connection)` on a thread for each connection, then closes it."""

    def __init__(
        self,
        behave: Callable[[Connection], None],
        tls: ssl.SSLContext | None,
        address: tuple[str, int],
        handshake_after_seconds: float,
    ) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self._behave = behave
        self._tls = tls
        self._handshake_after_seconds = handshake_after_seconds
        self._listener = socket.create_server(address, backlog=512)
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                accepted, _ = self._listener.accept()
                self.connections += 1
                self._open.append(accepted)
                self._threads.append(threading.Thread(target=self._serve, args=[accepted]))
                self._threads[-1].start()

    def _serve(self, accepted: socket.socket) -> None:
        with contextlib.suppress(OSError), accepted:  # what the client thinks of it is its own affair
            if self._tls is None:
                self._behave(Connection(accepted, self.requests))
            else:
                time.sleep(self._handshake_after_seconds)
                with self._tls.wrap_socket(accepted, server_side=True) as inner:
                    self._behave(Connection(inner, self.requests))

    def close(self) -> None:
        for held in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                held.shutdown(socket.SHUT_RDWR)
            held.close()
        for thread in self._threads:
            thread.join(GIVE_UP_SECONDS)


@contextlib.contextmanager
def serve(
    behave: Callable[[Connection], None],
    tls: ssl.SSLContext | None = None,
    address: tuple[str, int] = ("127.0.0.1", 0),
    handshake_after_seconds: float = 0.0,
) -> Iterator[RawServer]:
    server = RawServer(behave, tls, address, handshake_after_seconds)
    try:
        yield server
    finally:
        server.close()


def unused_port() -> int:
    """A port nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
