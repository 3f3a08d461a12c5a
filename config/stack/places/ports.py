"""TCP ports of this machine: is this one free, which one is."""

import socket
from collections.abc import Mapping

from config.stack.errors import StackError

HOST = "127.0.0.1"


def chosen_port(environ: Mapping[str, str]) -> int:
    raw = environ.get("PORT", "").strip() or "8000"
    if not (raw.isascii() and raw.isdigit() and 1 <= int(raw) <= 65535):
        raise StackError("PORT must be a whole number from 1 to 65535")
    return int(raw)


def refuse_busy(port: int) -> None:
    with socket.socket() as attempt:
        # As the web server does: connections that have just ended do not count.
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind((HOST, port))
            attempt.listen(1)
        except PermissionError:
            raise StackError(f"port {port} is for root only: choose another, as in `make run PORT=8001`") from None
        except OSError:
            raise StackError(
                f"port {port} is in use by another program: stop that one, or choose another port,"
                f" as in `make run PORT={port + 1 if port < 65535 else 8001}`"
            ) from None


def free_port() -> int:
    with socket.socket() as attempt:
        attempt.bind((HOST, 0))
        return int(attempt.getsockname()[1])
