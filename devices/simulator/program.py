"""The simulator as a process: event loop, signals, and the lines it prints when it is ready."""

import asyncio
import contextlib
import gc
import ipaddress
import signal
import socket
import sys
from collections.abc import Callable
from functools import partial
from typing import TextIO

from devices.simulator import control
from devices.simulator.evolution.routes import Router
from devices.simulator.evolution.world import World
from devices.simulator.faults import FaultError
from devices.simulator.options import Options
from devices.simulator.serving.listener import Listener
from devices.simulator.serving.server import Connection, close_idle_connections

READY = "Evolution API simulator ready at "  # and the URL; programs that start the simulator wait for it


def run(options: Options) -> int:
    """Serve until SIGTERM or SIGINT. Returns the exit status."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(_serve(options))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        import uvloop  # noqa: PLC0415 - optional: asyncio's own loop does, at half the speed
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


async def _serve(options: Options) -> int:
    loop = asyncio.get_running_loop()
    try:
        world = World(options, loop)
    except FaultError as problem:
        _say(f"--faults: {problem}", sys.stderr)
        return 2
    router = Router(world, control.serve)
    connections: set[Connection] = set()
    listener = Listener(partial(Connection, router), connections, options.host, options.port)
    try:
        await listener.open()
    except OSError as problem:
        _say(f"cannot listen on {options.host}:{options.port}: {problem.strerror or problem}", sys.stderr)
        return 1
    world.leave = listener.leave
    loop.add_signal_handler(signal.SIGUSR1, listener.come_back)
    world.url = f"http://{_shown(options.host)}:{listener.port}"
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    sweeper = (
        asyncio.ensure_future(close_idle_connections(connections, options.keep_alive_seconds))
        if options.keep_alive_seconds
        else None
    )
    _announce(options, world.url)
    # Nothing made so far will ever be garbage, and few cycles are made later.
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)

    await stopped.wait()
    if sweeper is not None:
        sweeper.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sweeper
    await listener.close()
    return 0


def _announce(options: Options, url: str) -> None:
    if not _is_loopback(options.host):
        _say(
            f"WARNING: listening on {options.host}: whoever reaches it can read what was sent,"
            " and /_simulator needs no key",
            sys.stderr,
        )
    for name, token in options.instances:
        _say(f"instance {name}" + (f" token {token}" if name in options.made_up else ""))
    if "" in options.made_up:
        _say(f"global key {options.global_key}")
    _say(READY + url)


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _is_loopback(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        with contextlib.suppress(OSError):
            address = ipaddress.ip_address(socket.gethostbyname(host))
            return address.is_loopback
        return False
    return address.is_loopback


def _say(line: str, where: TextIO | None = None) -> None:
    print(line, file=where, flush=True)
