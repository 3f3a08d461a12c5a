"""The WebSocket addresses of this app."""

from django.urls import re_path

from jobs.live.consumers import JobConsumer

websocket_urlpatterns = [re_path(r"^ws/job/(?P<job_uuid>[^/]+)/?$", JobConsumer.as_asgi())]
