"""Response bytes, as Express writes them, and those of a proxy in front of it."""

import json
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Any

JSON_TYPE = "application/json; charset=utf-8"

# Node closes an idle connection after this long and says so; the server does the same.
KEEP_ALIVE = b"Connection: keep-alive\r\nKeep-Alive: timeout=5\r\n"
CLOSE = b"Connection: close\r\n"
# What a head has for its date until it is written: many are made once and written for hours.
_UNDATED = b"Date: -\r\n"


def head(status: int, content_type: str = JSON_TYPE, extra: str = "") -> bytes:
    """Everything before the Content-Length's value, for handlers that build many like responses."""
    reason = HTTPStatus(status).phrase
    lines = f"HTTP/1.1 {status} {reason}\r\nX-Powered-By: Express\r\nContent-Type: {content_type}\r\n{extra}"
    return lines.encode("latin-1") + _UNDATED + KEEP_ALIVE + b"Content-Length: "


def answer(status: int, body: bytes, content_type: str = JSON_TYPE, extra: str = "") -> bytes:
    return b"%b%d\r\n\r\n%b" % (head(status, content_type, extra), len(body), body)


def dated(payload: bytes, now: float) -> bytes:
    """The response as it is written at this moment."""
    return payload.replace(_UNDATED, _date_line(int(now)), 1)


def dumps(value: Any) -> bytes:
    """JSON as Node writes it: UTF-8, no spaces; a lone surrogate stays the escape it came as."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")


def json_answer(status: int, value: Any) -> bytes:
    return answer(status, dumps(value))


def proxy_error(status: int, extra: str = "") -> bytes:
    """What a reverse proxy in front of the gateway answers."""
    title = f"{status} {HTTPStatus(status).phrase}"
    page = f"<html>\r\n<head><title>{title}</title></head>\r\n<body><h1>{title}</h1></body>\r\n</html>\r\n"
    return answer(status, page.encode(), "text/html", extra)


@lru_cache(maxsize=1)
def _date_line(epoch_seconds: int) -> bytes:
    return f"Date: {formatdate(epoch_seconds, usegmt=True)}\r\n".encode()


def retry_after(seconds: float, now: float, *, as_date: bool) -> str:
    """A Retry-After header line, in one of the two forms RFC 9110 allows."""
    value = formatdate(now + seconds, usegmt=True) if as_date else str(max(0, round(seconds)))
    return f"Retry-After: {value}\r\n"
