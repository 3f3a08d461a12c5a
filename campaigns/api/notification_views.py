"""The API of one's own notifications."""

from typing import Any, Final

from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.lists.keyset_pages import KeysetPages
from accounts.models import Role
from accounts.requests import ApiRequest
from accounts.written.reading import true_or_false
from campaigns.models import Notification
from campaigns.notices import inbox
from campaigns.wording import campaign_notes
from campaigns.wording.refusals import refusal

MOST_IDS: Final = 500


class NotificationSerializer(serializers.ModelSerializer[Notification]):
    """A notification. `read_at`: null until it was read; `campaign_id`: null where it is of none."""

    title = serializers.SerializerMethodField()
    text = serializers.SerializerMethodField()
    campaign_id = serializers.IntegerField(allow_null=True)

    class Meta:
        model = Notification
        fields = ("id", "code", "title", "text", "campaign_id", "created_at", "read_at")
        read_only_fields = fields

    def get_title(self, told: Notification) -> str:
        return campaign_notes.spanish_title(told.code, told.details)

    def get_text(self, told: Notification) -> str:
        return campaign_notes.spanish_text(told.code, told.details)


class Notifications(APIView):
    """What the caller is told in this account, newest first."""

    pagination_class = KeysetPages

    @extend_schema(
        responses=NotificationSerializer(many=True),
        parameters=[OpenApiParameter("unread", bool, description="true: only what was not read")],
        tags=["notifications"],
    )
    def get(self, request: ApiRequest, **_: Any) -> Response:
        """The caller's own notifications, newest first."""
        rows = Notification.unscoped.of(request.account, request.user)
        try:
            only_unread = true_or_false(request.query_params.get("unread") or "false")
        except ValueError:
            raise refusal("unread_invalid") from None
        if only_unread:
            rows = rows.unread()
        pages = KeysetPages()
        page = pages.paginate_queryset(rows, request, self)
        return pages.get_paginated_response(NotificationSerializer(page, many=True).data)


class NotificationsRead(APIView):
    """Marks the caller's notifications as read."""

    required_role = Role.VIEWER  # they are their own

    @extend_schema(
        request=inline_serializer(
            "NotificationsToRead",
            {
                "ids": serializers.ListField(child=serializers.IntegerField(), required=False, max_length=MOST_IDS),
                "all": serializers.BooleanField(required=False),
            },
        ),
        responses=inline_serializer("NotificationsWereRead", {"unread": serializers.IntegerField()}),
        tags=["notifications"],
    )
    def post(self, request: ApiRequest, **_: Any) -> Response:
        """Mark some, or all, as read. Ids of anybody else's change nothing. Answers how many are unread now."""
        body = request.data if isinstance(request.data, dict) else {}
        everything, ids = body.get("all"), body.get("ids")
        if everything is not True and not _are_ids(ids):
            raise refusal("notifications_invalid", limit=MOST_IDS)
        inbox.mark_read(request.account, request.user, None if everything is True else ids)
        return Response({"unread": Notification.unscoped.of(request.account, request.user).unread().count()})


def _are_ids(ids: Any) -> bool:
    return (
        isinstance(ids, list)
        and 0 < len(ids) <= MOST_IDS
        and all(isinstance(one, int) and not isinstance(one, bool) and 0 < one < 2**63 for one in ids)
    )
