"""Addresses of this app."""

from typing import Any

from django.urls import URLPattern

from accounts.routes import api_path
from campaigns import contact_views

ACCOUNT = "api/v1/accounts/<int:account_id>"
_LIST: dict[str, Any] = {"get": "list", "post": "create"}
_ROW: dict[str, Any] = {"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"}

CONTACTS: list[URLPattern] = [
    api_path(f"{ACCOUNT}/contacts", contact_views.Contacts.as_view(_LIST), name="contacts"),
    api_path(f"{ACCOUNT}/contacts/bulk_label", contact_views.BulkLabels.as_view(), name="contacts_bulk_label"),
    api_path(
        f"{ACCOUNT}/contacts/bulk_unlabel",
        contact_views.BulkLabels.as_view(takes_off=True),
        name="contacts_bulk_unlabel",
    ),
    api_path(f"{ACCOUNT}/contacts/export.csv", contact_views.ContactExport.as_view(), name="contacts_export"),
    api_path(f"{ACCOUNT}/contacts/<int:contact_id>", contact_views.Contacts.as_view(_ROW), name="contact"),
    api_path(f"{ACCOUNT}/labels", contact_views.Labels.as_view(_LIST), name="labels"),
    api_path(f"{ACCOUNT}/labels/<int:label_id>", contact_views.Labels.as_view(_ROW), name="label"),
]

urlpatterns: list[URLPattern] = [*CONTACTS]
