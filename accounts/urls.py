"""Addresses of this app."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from accounts.pages import switch_account
from accounts.routes import api_path
from accounts.views import WebSocketTickets

urlpatterns: list[URLPattern | URLResolver] = [
    api_path("api/v1/ws-tickets", WebSocketTickets.as_view(), name="ws_tickets"),
    path("admin/account/", admin.site.admin_view(switch_account), name="switch_account"),
    path("i18n/", include("django.conf.urls.i18n")),
]
