"""Who a connection belongs to."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.carriers import LOOK_SECONDS, Carriers

pytestmark = pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads /proc")


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def test_a_connection_is_its_process_s_also_a_moment_before_it_was_seen(server: socket.socket) -> None:
    port = server.getsockname()[1]
    with socket.create_connection(server.getsockname()) as client:
        carriers = Carriers(port, lambda: [os.getpid()])
        carriers.look(now=100.0)
        client_port = client.getsockname()[1]
        assert carriers.of(client_port, 100.2) == carriers.of(client_port, 99.0) == os.getpid()
        assert carriers.of(port, 100.2) == 0, "the server's own end is nobody's"


def test_a_port_that_another_takes_over_is_the_others_from_then_on(server: socket.socket) -> None:
    port = server.getsockname()[1]
    pids = [os.getpid()]
    with socket.create_connection(server.getsockname()) as client:
        carriers = Carriers(port, lambda: pids)
        carriers.look(now=100.0)
        heir = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[client.fileno()])
        with heir:
            pids[0] = heir.pid
            carriers.look(now=200.0)
            heir.kill()
        client_port = client.getsockname()[1]
        assert carriers.of(client_port, 200.0 - 2 * LOOK_SECONDS) == os.getpid()
        assert carriers.of(client_port, 200.0) == heir.pid
