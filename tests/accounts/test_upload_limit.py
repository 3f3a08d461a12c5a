"""An upload that is too large ends at once, and no part of it is kept in memory."""

import asyncio
import json
import tracemalloc

import pytest

from config.upload_limit import SLACK_BYTES, UploadLimit
from tests.accounts.asgi import exchange

MEGABYTE = 1024 * 1024
LIMIT = 3 * MEGABYTE  # of the file; the body may have SLACK_BYTES more


async def counting(scope, receive, send):
    """An application that reads a whole body, as Django does, and answers its length."""
    length = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        length += len(message["body"])
        if not message.get("more_body"):
            break
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(length).encode()})


def upload(pieces, *, declared=None, app=counting):
    headers = [] if declared is None else [(b"content-length", str(declared).encode())]
    return asyncio.run(exchange(UploadLimit(app, LIMIT), "/x", headers, pieces))


def assert_refused(answer):
    assert answer.status == 413
    assert answer.headers[b"content-type"] == b"application/json"
    assert json.loads(answer.body)["code"] == "file_too_large"
    assert "tamaño" in json.loads(answer.body)["message"]


def test_a_declared_length_over_the_limit_is_refused_before_a_byte_is_taken():
    answer = upload([b"x"], declared=LIMIT + SLACK_BYTES + 1)
    assert_refused(answer)
    assert answer.taken == 0


def test_the_limit_itself_passes():
    pieces = [b"x" * MEGABYTE] * ((LIMIT + SLACK_BYTES) // MEGABYTE)
    answer = upload(pieces, declared=LIMIT + SLACK_BYTES)
    assert (answer.status, answer.body) == (200, str(LIMIT + SLACK_BYTES).encode())


def test_a_chunked_body_is_refused_when_it_passes_the_limit():
    pieces = [b"x" * MEGABYTE] * 1000
    answer = upload(pieces)
    assert_refused(answer)
    assert answer.taken == (LIMIT + SLACK_BYTES) // MEGABYTE + 1


def test_a_body_longer_than_it_declared_is_counted_too():
    assert_refused(upload([b"x" * MEGABYTE] * 10, declared=10))


@pytest.mark.parametrize("declared", ["", "-1", "nonsense", "9" * 400])
def test_a_length_that_is_no_length_does_no_harm(declared):
    answer = upload([b"abc"], declared=declared)
    assert answer.status == (413 if declared.startswith("9") else 200)


def test_memory_does_not_grow_with_the_body():
    piece = b"x" * MEGABYTE
    limit = UploadLimit(counting, 500 * MEGABYTE)
    tracemalloc.start()
    answer = asyncio.run(exchange(limit, "/x", [], (piece for _ in range(400))))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert answer.body == str(400 * MEGABYTE).encode()
    assert peak < 3 * MEGABYTE


def test_an_application_that_answered_already_is_not_answered_twice():
    async def hasty(scope, receive, send):
        await send({"type": "http.response.start", "status": 401, "headers": []})
        await send({"type": "http.response.body", "body": b"no"})
        while (await receive())["type"] != "http.disconnect":
            pass

    answer = upload([b"x" * MEGABYTE] * 10, app=hasty)
    assert (answer.status, answer.body) == (401, b"no")


def test_django_itself_is_stopped_in_the_middle(settings):
    """The whole way: Django's own handler spools the body to disk until it is told to give up."""
    from config.asgi import http

    assert_refused(upload([b"x" * MEGABYTE] * 10, app=http))
