"""The API of this app."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api import tickets
from accounts.models import Role
from accounts.requests import ApiRequest


class TicketSerializer(serializers.Serializer[dict[str, object]]):
    """What a ticket call answers. Only described here, for the documentation."""

    ticket = serializers.CharField()
    expires_in = serializers.IntegerField(help_text="Seconds")


class WebSocketTickets(APIView):
    """POST: a ticket that opens one WebSocket within its 30 seconds: `/ws/job/{id}?ticket=…`."""

    required_role = Role.VIEWER

    @extend_schema(request=None, responses={201: TicketSerializer}, tags=["websocket"])
    def post(self, request: ApiRequest) -> Response:
        content = {"ticket": tickets.issue(request.membership), "expires_in": tickets.LIFETIME_SECONDS}
        return Response(content, status=201, headers={"Cache-Control": "no-store"})
