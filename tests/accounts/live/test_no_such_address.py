"""A WebSocket at an address that there is not: through the application itself, whoever asks."""

import asyncio

import pytest

from config.asgi import application
from tests.accounts import people
from tests.websocket_client import WebsocketClient

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("closes_sessions_of_other_threads"),
]


@pytest.mark.parametrize("path", ["/", "/ws/", "/ws/jobs/17", "/ws/job/", "/ws/account/1/bell", "/x%00"])
@pytest.mark.parametrize("is_known", [True, False])
def test_it_is_closed_with_a_code_that_says_so(path: str, is_known: bool) -> None:
    headers = [(b"authorization", f"Bearer {people.token_of(people.member())}".encode())] if is_known else []

    async def ask() -> None:
        client = WebsocketClient(application, path, headers)
        connected, _ = await client.connect()
        assert connected
        closed = await client.receive_output()
        assert (closed["type"], closed["code"]) == ("websocket.close", 4404)

    asyncio.run(ask())
