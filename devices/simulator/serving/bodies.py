"""Request bodies as Express hands them on: JSON, forms, multipart; anything else is `{}`."""

import json
from collections.abc import Callable, Mapping
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import parse_qsl

from devices.simulator.serving.server import Request

Body = Mapping[str, Any]

# A file of a multipart body appears under this name, as the bytes' length and name.
FILE = "\0file"


class BrokenBody(ValueError):
    """A body that is no JSON though it says so. The text is Node's."""


def _no_constant(text: str) -> None:
    raise ValueError(text)  # NaN and Infinity are no JSON


_decoder = json.JSONDecoder(parse_constant=_no_constant)
# Documented nowhere but in its source: decodes without looking for white space around the value.
_scan: Callable[[str, int], tuple[Any, int]] = _decoder.scan_once  # type: ignore[attr-defined]


def read(request: Request) -> Body:
    """The body's fields. A missing or other Content-Type reads as an empty body. Raises BrokenBody."""
    content_type = request.headers.get(b"content-type", b"")
    if content_type.startswith(b"application/json"):
        if not request.body:
            return {}
        try:
            body = _json(str(request.body, "utf-8", "replace"))
        except (ValueError, RecursionError) as problem:
            raise BrokenBody(_as_node_says(problem)) from None
        return body if isinstance(body, dict) else {}
    if content_type.startswith(b"application/x-www-form-urlencoded"):
        return dict(parse_qsl(str(request.body, "utf-8", "replace"), keep_blank_values=True))
    if content_type.startswith(b"multipart/form-data"):
        return _read_multipart(content_type, request.body)
    return {}


def _json(text: str) -> Any:
    try:
        value, end = _scan(text, 0)
    except StopIteration:
        end = -1
    return value if end == len(text) else _decoder.decode(text)


def _read_multipart(content_type: bytes, body: bytes) -> Body:
    message = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + content_type + b"\r\n\r\n" + body)
    fields: dict[str, Any] = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if not isinstance(name, str) or not isinstance(content, bytes):
            continue
        if part.get_filename() is not None:
            fields[FILE] = {
                "name": part.get_filename(),
                "type": part.get_content_type(),
                "size": len(content),
            }
        else:
            fields[name] = content.decode("utf-8", "replace")
    return fields


def _as_node_says(problem: Exception) -> str:
    if not isinstance(problem, json.JSONDecodeError):
        return "Unexpected token in JSON"
    if problem.pos >= len(problem.doc.rstrip()):
        return "Unexpected end of JSON input"
    place = f"in JSON at position {problem.pos} (line {problem.lineno} column {problem.colno})"
    if "delimiter" in problem.msg:
        return f"Expected ',' or '}}' after property value {place}"
    return f"Unexpected token '{problem.doc[problem.pos]}' {place}"
