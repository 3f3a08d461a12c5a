"""The program that answers HTTP and WebSockets: `uvicorn config.asgi:application`."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.core.asgi import get_asgi_application

http = get_asgi_application()  # loads the apps, which the routing below imports

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.conf import settings  # noqa: E402

from accounts.websockets import WebSocketAuthentication  # noqa: E402
from config.upload_limit import UploadLimit  # noqa: E402
from jobs.routing import websocket_urlpatterns  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": UploadLimit(http, max_bytes=settings.MAX_UPLOAD_BYTES),
        "websocket": WebSocketAuthentication(URLRouter(websocket_urlpatterns)),
    }
)
