"""Addresses of this app."""

from django.urls import URLPattern

from accounts.api.routes import api_path
from devices.api.endpoint_views import Deliveries, Endpoints
from devices.api.health_views import DeviceHealth
from devices.api.pairing_views import Pairings
from devices.api.views import Devices

_BASE = "api/v1/accounts/<int:account_id>/devices"
_ENDPOINTS = "api/v1/accounts/<int:account_id>/webhook_endpoints"

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
    api_path(_ENDPOINTS, Endpoints.as_view({"get": "list", "post": "create"}), name="webhook_endpoints"),
    api_path(
        f"{_ENDPOINTS}/<int:endpoint_id>",
        Endpoints.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
        name="webhook_endpoint",
    ),
    api_path(
        f"{_ENDPOINTS}/<int:endpoint_id>/rotate_secret",
        Endpoints.as_view({"post": "rotate_secret"}),
        name="webhook_endpoint_secret",
    ),
    api_path(f"{_ENDPOINTS}/<int:endpoint_id>/test", Endpoints.as_view({"post": "test"}), name="webhook_endpoint_test"),
    api_path(
        f"{_ENDPOINTS}/<int:endpoint_id>/replay", Endpoints.as_view({"post": "replay"}), name="webhook_endpoint_replay"
    ),
    api_path(
        f"{_ENDPOINTS}/<int:endpoint_id>/deliveries",
        Deliveries.as_view({"get": "list"}),
        name="webhook_endpoint_deliveries",
    ),
    api_path(
        f"{_ENDPOINTS}/<int:endpoint_id>/deliveries/<int:delivery_id>",
        Deliveries.as_view({"get": "retrieve"}),
        name="webhook_endpoint_delivery",
    ),
]
