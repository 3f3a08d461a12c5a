"""The project's own processes: what each is called, how it is started, when it works."""

import http.client
import sys
from collections.abc import Mapping
from functools import partial

from config.stack.places.ports import HOST
from config.stack.supervision.programs import Program

ACCOUNT = "Demo"
INSTANCE = "simulador"


def web(environ: Mapping[str, str], port: int) -> Program:
    return Program(
        name="web",
        argv=(
            *(sys.executable, "-m", "uvicorn", "config.asgi:application"),
            *("--host", HOST, "--port", str(port), "--no-access-log", "--log-level", "warning"),
            *("--ws", "websockets-sansio", "--timeout-graceful-shutdown", "5"),
        ),
        environ=environ,
        is_ready=partial(answers, port, "/healthz"),
        grace_seconds=10,
    )


def workers(environ: Mapping[str, str]) -> list[Program]:
    """One worker for the device lanes, which are never kept waiting, one for everything else, and one that tells
    customers' systems, however slow these are."""
    lanes = environ.get("WORKER_PROCESSES", "").strip() or "2"
    return [
        _worker("lanes", lanes, environ),
        _worker("default", "2", environ),
        _worker("endpoints", "1", environ),
    ]


def _celery(*arguments: str) -> tuple[str, ...]:
    # It warns of root on every start; there the whole stack is root's, and tasks are JSON.
    warnings = ("-W", "ignore:You're running the worker with superuser privileges")
    return (sys.executable, *warnings, "-m", "celery", "-A", "config", "--quiet", *arguments)


def _worker(queue: str, processes: str, environ: Mapping[str, str]) -> Program:
    return Program(
        name=queue,
        argv=_celery(
            *("worker", "-Q", queue, "-n", f"{queue}@%h", "-c", processes, "-l", "INFO"),
            *("--prefetch-multiplier", "1", "--without-gossip", "--without-mingle"),
        ),
        environ=environ,
        grace_seconds=20,  # TERM lets it finish what it does; then whatever it has forked is killed with it
    )


def beat(environ: Mapping[str, str]) -> Program:
    return Program(name="beat", argv=_celery("beat", "-l", "WARNING"), environ=environ)


def simulator(environ: Mapping[str, str], port: int) -> Program:
    """The bundled WhatsApp gateway; SIMULATOR_TOKEN in `environ` is its instance's key."""
    return Program(
        name="simulator",
        argv=(sys.executable, "-m", "devices.simulator", "--port", str(port), "--instance", INSTANCE),
        environ=environ,
        is_ready=partial(answers, port, "/"),
        grace_seconds=5,
    )


def answers(port: int, path: str) -> bool:
    """Tell whether a web server answers there, and not with an error of its own."""
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
