"""Addresses of this app."""

from typing import Any

from django.urls import URLPattern, path

from accounts.api.routes import api_path
from campaigns.actions import campaign_acts
from campaigns.api import (
    attribute_views,
    consent_views,
    contact_views,
    exclusion_views,
    import_views,
    message_views,
    notification_views,
    person_views,
    views,
)

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
    api_path(f"{ACCOUNT}/contacts/<int:contact_id>/erase", person_views.ContactErase.as_view(), name="contact_erase"),
    api_path(
        f"{ACCOUNT}/contacts/<int:contact_id>/access_export",
        person_views.ContactAccessExport.as_view(),
        name="contact_access_export",
    ),
    api_path(f"{ACCOUNT}/erasures", person_views.Erasures.as_view(), name="erasures"),
    api_path(f"{ACCOUNT}/erasures/<int:erasure_id>", person_views.ErasureDetail.as_view(), name="erasure"),
    api_path(f"{ACCOUNT}/access_exports", person_views.AccessExports.as_view(), name="access_exports"),
    api_path(f"{ACCOUNT}/consents", consent_views.Consents.as_view(), name="consents"),
    api_path(f"{ACCOUNT}/contact_imports", import_views.ContactImports.as_view(), name="contact_imports"),
    api_path(
        f"{ACCOUNT}/contact_imports/<int:import_id>", import_views.ContactImportDetail.as_view(), name="contact_import"
    ),
    api_path(
        f"{ACCOUNT}/contact_imports/<int:import_id>/start",
        import_views.ContactImportStart.as_view(),
        name="contact_import_start",
    ),
    api_path(f"{ACCOUNT}/attributes", attribute_views.Attributes.as_view(), name="attributes"),
    api_path(f"{ACCOUNT}/attributes/<int:attribute_id>", attribute_views.AttributeDetail.as_view(), name="attribute"),
    api_path(f"{ACCOUNT}/suppressions/import", import_views.SuppressionImport.as_view(), name="suppressions_import"),
    api_path(f"{ACCOUNT}/labels", contact_views.Labels.as_view(_LIST), name="labels"),
    api_path(f"{ACCOUNT}/labels/<int:label_id>", contact_views.Labels.as_view(_ROW), name="label"),
]

EXCLUSIONS: list[URLPattern] = [
    api_path(f"{ACCOUNT}/exclusion_lists", exclusion_views.ExclusionLists.as_view(), name="exclusion_lists"),
    api_path(
        f"{ACCOUNT}/exclusion_lists/<int:list_id>", exclusion_views.ExclusionListDetail.as_view(), name="exclusion_list"
    ),
    api_path(
        f"{ACCOUNT}/exclusion_lists/<int:list_id>/load",
        exclusion_views.ExclusionListLoad.as_view(),
        name="exclusion_list_load",
    ),
]

_CAMPAIGNS = f"{ACCOUNT}/whatsapp_api_campaigns"
_CAMPAIGN = f"{_CAMPAIGNS}/<int:campaign_id>"

CAMPAIGNS: list[URLPattern] = [
    api_path(_CAMPAIGNS, views.Campaigns.as_view(_LIST), name="campaigns"),
    api_path(
        _CAMPAIGN,
        views.Campaigns.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
        name="campaign",
    ),
    api_path(f"{_CAMPAIGN}/trigger", views.Trigger.as_view(), name="campaign_trigger"),
    api_path(f"{_CAMPAIGN}/preview", views.Preview.as_view(), name="campaign_preview"),
    api_path(f"{_CAMPAIGN}/test", views.TestSend.as_view(), name="campaign_test"),
    *[
        api_path(f"{_CAMPAIGN}/{name}", views.CampaignAction.as_view(action_name=name), name=f"campaign_{name}")
        for name in campaign_acts.CONTROLS
    ],
    api_path(f"{_CAMPAIGN}/recipients", views.CampaignRecipients.as_view(), name="campaign_recipients"),
    api_path(f"{_CAMPAIGN}/receipts", views.CampaignReceipts.as_view(), name="campaign_receipts"),
    api_path(f"{_CAMPAIGN}/export.csv", views.CampaignExport.as_view(), name="campaign_export"),
    api_path(f"{_CAMPAIGN}/multimedia", views.Multimedia.as_view(), name="campaign_multimedia"),
    # Its last part is the file's own name: gateways read the type from the ending.
    path("campaign-media/<str:ticket>/<str:file_name>", views.campaign_media, name="campaign_media"),
    api_path(f"{ACCOUNT}/segments", views.Segments.as_view(_LIST), name="segments"),
    api_path(f"{ACCOUNT}/segments/<int:segment_id>", views.Segments.as_view(_ROW), name="segment"),
]

NOTIFICATIONS: list[URLPattern] = [
    api_path(f"{ACCOUNT}/notifications", notification_views.Notifications.as_view(), name="notifications"),
    api_path(
        f"{ACCOUNT}/notifications/read", notification_views.NotificationsRead.as_view(), name="notifications_read"
    ),
]

MESSAGES: list[URLPattern] = [
    api_path(f"{ACCOUNT}/messages", message_views.Messages.as_view(), name="messages"),
    api_path(
        f"{ACCOUNT}/messages/<int:message_id>/settle", message_views.MessageSettled.as_view(), name="message_settle"
    ),
]

urlpatterns: list[URLPattern] = [*CONTACTS, *EXCLUSIONS, *CAMPAIGNS, *NOTIFICATIONS, *MESSAGES]
