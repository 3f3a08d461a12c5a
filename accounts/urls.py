"""Addresses of this app."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView

from accounts.openapi import documentation
from accounts.pages import switch_account
from accounts.routes import api_path
from accounts.views import WebSocketTickets

urlpatterns: list[URLPattern | URLResolver] = [
    api_path("api/v1/ws-tickets", WebSocketTickets.as_view(), name="ws_tickets"),
    api_path("api/schema", SpectacularAPIView.as_view(), name="schema"),
    api_path("api/docs", documentation, name="docs"),
    path("admin/account/", admin.site.admin_view(switch_account), name="switch_account"),
    path("i18n/", include("django.conf.urls.i18n")),
]
