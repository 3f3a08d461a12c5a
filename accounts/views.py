"""The API of this app."""

from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import tickets
from accounts.models import Role
from accounts.requests import ApiRequest


class WebSocketTickets(APIView):
    """POST: a ticket that opens one WebSocket within its 30 seconds: `/ws/job/{id}?ticket=…`."""

    required_role = Role.VIEWER

    def post(self, request: ApiRequest) -> Response:
        content = {"ticket": tickets.issue(request.membership), "expires_in": tickets.LIFETIME_SECONDS}
        return Response(content, status=201, headers={"Cache-Control": "no-store"})
