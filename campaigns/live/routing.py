"""The WebSocket addresses of this app."""

from django.urls import re_path

from campaigns.live.consumers import AccountConsumer, BellConsumer

websocket_urlpatterns = [
    re_path(r"^ws/account/(?P<account_id>[^/]+)/?$", AccountConsumer.as_asgi()),
    re_path(r"^ws/account/(?P<account_id>[^/]+)/notifications/?$", BellConsumer.as_asgi()),
]
