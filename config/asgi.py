"""The program that answers HTTP and WebSockets: `uvicorn config.asgi:application`."""

import os
import tempfile

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.core.asgi import get_asgi_application

http = get_asgi_application()  # loads the apps, which the routing below imports

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.conf import settings  # noqa: E402

from accounts.live.no_such_address import websocket_urlpatterns as no_such_address  # noqa: E402
from accounts.live.websockets import WebSocketAuthentication  # noqa: E402
from campaigns.live.routing import websocket_urlpatterns as campaign_sockets  # noqa: E402
from config.upload_limit import UploadLimit  # noqa: E402
from devices.webhooks.absences import Doorkeeper  # noqa: E402
from devices.webhooks.receiver import Receiver  # noqa: E402
from jobs.live.routing import websocket_urlpatterns as job_sockets  # noqa: E402

# Django keeps a request's body in a temporary file while it arrives: on the disk that uploads are for, since
# the system's own place may be memory.
tempfile.tempdir = str(settings.FILE_UPLOAD_TEMP_DIR)

application = ProtocolTypeRouter(
    {
        "lifespan": Doorkeeper(),
        "http": Receiver(UploadLimit(http, max_bytes=settings.MAX_UPLOAD_BYTES)),
        "websocket": WebSocketAuthentication(URLRouter([*job_sockets, *campaign_sockets, *no_such_address])),
    }
)
