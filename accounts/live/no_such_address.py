"""The WebSocket of every other address: it is accepted, and closed with a code that says so."""

from typing import Final

from channels.generic.websocket import AsyncWebsocketConsumer
from django.urls import re_path

NO_SUCH_ADDRESS: Final = 4404


class NoSuchAddress(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels has no types
    """Whoever is at the wrong address is told so; without it the server would call it an error of ours."""

    async def connect(self) -> None:
        # Closed only after accepting: a refused handshake could not carry the close code.
        await self.accept()
        await self.close(NO_SUCH_ADDRESS)


websocket_urlpatterns = [re_path("", NoSuchAddress.as_asgi())]
