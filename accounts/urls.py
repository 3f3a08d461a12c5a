"""Addresses of this app."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView

from accounts.api.openapi import documentation
from accounts.api.routes import api_path
from accounts.api.rule_views import SendingRules
from accounts.api.views import WebSocketTickets
from accounts.pages.account_switch import switch_account
from accounts.pages.own_password import change_own_password

urlpatterns: list[URLPattern | URLResolver] = [
    api_path("api/v1/ws-tickets", WebSocketTickets.as_view(), name="ws_tickets"),
    api_path("api/v1/accounts/<int:account_id>/sending_rules", SendingRules.as_view(), name="sending_rules"),
    api_path("api/schema", SpectacularAPIView.as_view(), name="schema"),
    api_path("api/docs", documentation, name="docs"),
    path(
        "admin/password_change/", admin.site.admin_view(change_own_password, cacheable=True), name="own_password_change"
    ),
    path("admin/account/", admin.site.admin_view(switch_account), name="switch_account"),
    path("i18n/", include("django.conf.urls.i18n")),
]
