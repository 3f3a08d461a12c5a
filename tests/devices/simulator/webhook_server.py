"""A small HTTP server that keeps what is posted to it."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from tests.waiting import GIVE_UP_SECONDS


class WebhookServer:
    """`answers` are the statuses of the first posts; 200 afterwards."""

    def __init__(self) -> None:
        self.posts: list[dict[str, Any]] = []  # path, headers, body
        self.answers: list[int] = []
        self.hangs_up = False  # after each answer, without saying so in it
        self.hung_up = 0
        self._may_answer = threading.Event()
        self._may_answer.set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = outer.answers.pop(0) if outer.answers else 200
                outer.posts.append({"path": self.path, "headers": self.headers, "body": json.loads(body)})
                outer._may_answer.wait()
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()
                self.close_connection = outer.hangs_up

            def finish(self) -> None:
                super().finish()
                outer.hung_up += 1

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *args: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @contextmanager
    def silence(self) -> Iterator[None]:
        """It takes posts and answers none until the end of the block."""
        self._may_answer.clear()
        try:
            yield
        finally:
            self._may_answer.set()

    def events(self, name: str = "") -> list[dict[str, Any]]:
        return [post["body"] for post in list(self.posts) if name in ("", post["body"]["event"])]

    def wait_for(self, count: int, name: str = "", seconds: float = GIVE_UP_SECONDS) -> list[dict[str, Any]]:
        """The events of that name, once there are `count`."""
        give_up = time.monotonic() + seconds
        while len(self.events(name)) < count and time.monotonic() < give_up:
            time.sleep(0.005)
        found = self.events(name)
        assert len(found) >= count, f"{len(found)} of {count} {name or 'events'}: {found}"
        return found

    def wait_until(self, name: str, told: dict[str, Any], seconds: float = 5) -> dict[str, Any]:
        """The first event of that name whose data says so."""
        give_up = time.monotonic() + seconds
        while time.monotonic() < give_up:
            for event in self.events(name):
                if told.items() <= (event["data"] or {}).items():
                    return event
            time.sleep(0.005)
        raise AssertionError(f"no {name} with {told}: {self.events(name)}")
