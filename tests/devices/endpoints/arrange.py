"""Endpoints, and customers' servers behind them."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from accounts.models import Account
from devices.endpoints import signatures
from devices.models import WebhookEndpoint


@dataclass
class Customer:
    """A server that keeps what it is told, and answers as it is bidden."""

    url: str = ""
    told: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    # What it answers to the nth call: a status, and headers.
    answers: Callable[[int], tuple[int, dict[str, str]]] = lambda number: (204, {})

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.told]

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.told]


@contextmanager
def customer(answers: Callable[[int], tuple[int, dict[str, str]]] | None = None) -> Iterator[Customer]:
    kept = Customer()
    if answers is not None:
        kept.answers = answers
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with lock:
                kept.told.append(({name.lower(): said for name, said in self.headers.items()}, body))
                number = len(kept.told)
            status, headers = kept.answers(number)
            self.send_response(status)
            for name, said in {"Content-Length": "0", **headers}.items():
                self.send_header(name, said)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 128
        daemon_threads = True

    server = Server(("127.0.0.1", 0), Handler)
    kept.url = f"http://127.0.0.1:{server.server_port}/hooks"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def endpoint(account: Account, url: str, **fields: Any) -> WebhookEndpoint:
    made: WebhookEndpoint = WebhookEndpoint.unscoped.create(
        account=account, url=url, **{"secret": signatures.new_secret(), **fields}
    )
    made.refresh_from_db()
    return made
