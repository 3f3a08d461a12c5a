"""Addresses of this app."""

from django.urls import URLPattern

from accounts.api.routes import api_path
from devices.api.health_views import DeviceHealth
from devices.api.pairing_views import Pairings
from devices.api.views import Devices

_BASE = "api/v1/accounts/<int:account_id>/devices"

urlpatterns: list[URLPattern] = [
    api_path(_BASE, Devices.as_view({"get": "list", "post": "create"}), name="devices"),
    api_path(
        f"{_BASE}/<int:device_id>",
        Devices.as_view({"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"}),
        name="device",
    ),
    api_path(f"{_BASE}/<int:device_id>/check", Devices.as_view({"post": "check"}), name="device_check"),
    api_path(f"{_BASE}/<int:device_id>/health", DeviceHealth.as_view(), name="device_health"),
    api_path(f"{_BASE}/<int:device_id>/pair", Pairings.as_view({"get": "see", "post": "start"}), name="device_pair"),
    api_path(f"{_BASE}/<int:device_id>/logout", Pairings.as_view({"post": "log_out"}), name="device_logout"),
    api_path(f"{_BASE}/<int:device_id>/restart", Pairings.as_view({"post": "restart"}), name="device_restart"),
    api_path(
        f"{_BASE}/<int:device_id>/webhook",
        Pairings.as_view({"get": "see_webhook", "post": "set_webhook"}),
        name="device_webhook",
    ),
    api_path(
        f"{_BASE}/<int:device_id>/webhook/renew_secret",
        Pairings.as_view({"post": "renew_webhook_secret"}),
        name="device_webhook_secret",
    ),
]
