"""Calls to one instance that are not sends."""

from typing import Any
from urllib.parse import quote

from devices.gateway import http


class Instance:
    """Where an instance is, and its key. Every path of the API ends with the instance's name."""

    def __init__(self, base_url: str, name: str, token: str) -> None:
        self._base_url = base_url.rstrip("/")
        self.name = name
        self._quoted = quote(name, safe="")
        self._headers = {"apikey": token}

    def url(self, action: str) -> str:
        """Where `action` ("message/sendText") is asked of this instance."""
        return f"{self._base_url}/{action}/{self._quoted}"

    def call(
        self,
        method: str,
        action: str,
        body: Any = None,
        timeout_seconds: float = http.DEADLINE_SECONDS,
        query: str = "",
        most_bytes: int = http.MAX_ANSWER_BYTES,
    ) -> http.Response:
        """Make one call, whatever its answer's status. Raises http.Unreachable."""
        url = self.url(action) + (f"?{query}" if query else "")
        return http.request(
            method, url, headers=self._headers, json=body, timeout=timeout_seconds, most_bytes=most_bytes
        )

    def call_server(self, method: str, action: str, body: Any, timeout_seconds: float) -> http.Response:
        """The same of an action that names no instance in its path."""
        url = f"{self._base_url}/{action}"
        return http.request(method, url, headers=self._headers, json=body, timeout=timeout_seconds)
