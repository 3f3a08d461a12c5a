"""The WebSocket addresses of this app."""

from django.urls import re_path

from campaigns.live.consumers import AccountConsumer

websocket_urlpatterns = [re_path(r"^ws/account/(?P<account_id>[^/]+)/?$", AccountConsumer.as_asgi())]
