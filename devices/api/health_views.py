"""The API of how a device is and was."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.errors import ApiError
from accounts.requests import account_of
from devices.api.serializers import HealthSerializer
from devices.health import breaker, history, timelock
from devices.health.history import MOST_DAYS
from devices.models import Device
from devices.webhooks import catching_up, subscribing

DAYS = 30


class DeviceHealth(APIView):
    """How a device is, since when and why, and what it did day by day. Every member sees it. Asks no gateway."""

    @extend_schema(
        tags=["devices"],
        parameters=[OpenApiParameter("days", int, description=f"1 to {MOST_DAYS}; {DAYS} where it is not said")],
        responses=HealthSerializer,
    )
    def get(self, request: Request, device_id: int, **kwargs: Any) -> Response:
        device = get_object_or_404(Device.objects.for_account(account_of(request)), pk=device_id)
        breaker.look_soon([device.pk])  # somebody looks: where this is old, the next answer is not
        moment = timezone.now()
        now = history.now(device)
        told = {
            "device": device,
            "now": now,
            "link": now.link,
            "time_lock": timelock.of(device, moment),
            "webhook": subscribing.standing(device, moment),
            "store": catching_up.standing(device),
            "history": history.days(device, _days(request), moment),
        }
        return Response(HealthSerializer(told).data)


def _days(request: Request) -> int:
    written = request.query_params.get("days", str(DAYS))
    if not written.isascii() or not written.isdecimal() or len(written) > 5 or not 1 <= int(written) <= MOST_DAYS:
        raise ApiError("invalid")
    return int(written)
