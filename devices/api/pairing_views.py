"""The API of linking devices to phones."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts.audit import Actor
from accounts.models import Role
from accounts.requests import account_of
from devices import actions
from devices.api.serializers import (
    DeviceSerializer,
    PairingSerializer,
    PairingStartSerializer,
    WebhookSerializer,
    WebhookStartSerializer,
)
from devices.api.views import gateway_refused
from devices.health import probes
from devices.linking import pairing
from devices.models import Device
from devices.webhooks import subscribing


@extend_schema(tags=["devices"])
class Pairings(GenericViewSet[Device]):
    """How a device is linked to a phone, and parted from it. For administrators: whoever sees a code can link.

    What the gateway does not do is 409 `gateway_refused`; `errors` says why.
    """

    required_role = {"see": Role.ADMINISTRATOR, "see_webhook": Role.ADMINISTRATOR, "POST": Role.ADMINISTRATOR}
    serializer_class: Any = PairingSerializer
    lookup_url_kwarg = "device_id"
    queryset = Device.unscoped.none()  # for the OpenAPI description; get_queryset says which

    def get_queryset(self) -> QuerySet[Device]:
        account = account_of(self.request)
        return self.queryset.all() if account is None else Device.objects.for_account(account)

    @extend_schema(request=PairingStartSerializer, responses={202: PairingSerializer})
    def start(self, request: Request, **kwargs: Any) -> Response:
        """Have its gateway show a code. Ask for it again (GET) each second: a new one comes every 45 s."""
        asked = PairingStartSerializer(data=request.data, context=self.get_serializer_context())
        asked.is_valid(raise_exception=True)
        device = self.get_object()
        try:
            shown = actions.start_pairing(Actor.of(request), device, asked.validated_data["number"], now=timezone.now())
        except pairing.GatewayRefused as refused:
            raise gateway_refused(refused) from None
        return Response(PairingSerializer(shown).data, status=202)

    def see(self, request: Request, **kwargs: Any) -> Response:
        """The code that shows, and how far it is. Begins nothing."""
        return Response(PairingSerializer(pairing.look(self.get_object(), now=timezone.now())).data)

    @extend_schema(request=None, responses=DeviceSerializer)
    def log_out(self, request: Request, **kwargs: Any) -> Response:
        """Part the device from its phone. It sends no more until it is linked again."""
        return self._done(request, actions.log_out)

    @extend_schema(request=None, responses=DeviceSerializer)
    def restart(self, request: Request, **kwargs: Any) -> Response:
        """Have its gateway connect it anew, to the same phone."""
        return self._done(request, actions.restart)

    @extend_schema(responses=WebhookSerializer)
    def see_webhook(self, request: Request, **kwargs: Any) -> Response:
        """Whether its gateway tells us what happens, and whether that arrives."""
        return Response(WebhookSerializer(subscribing.standing(self.get_object(), now=timezone.now())).data)

    @extend_schema(request=WebhookStartSerializer, responses=WebhookSerializer)
    def set_webhook(self, request: Request, **kwargs: Any) -> Response:
        """Have its gateway tell us what happens. Making or editing a device does it too, but replaces nobody's."""
        asked = WebhookStartSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        device = self.get_object()
        try:
            actions.set_webhook(Actor.of(request), device, timezone.now(), replace=asked.validated_data["replace"])
        except pairing.GatewayRefused as refused:
            raise gateway_refused(refused) from None
        return self.see_webhook(request)

    @extend_schema(request=None, responses=WebhookSerializer)
    def renew_webhook_secret(self, request: Request, **kwargs: Any) -> Response:
        """Have its gateway send another secret along. The one before counts for a day yet; 409 leaves it in force."""
        try:
            actions.renew_webhook_secret(Actor.of(request), self.get_object(), timezone.now())
        except pairing.GatewayRefused as refused:
            raise gateway_refused(refused) from None
        return self.see_webhook(request)

    def _done(self, request: Request, act: Any) -> Response:
        device = self.get_object()
        try:
            act(Actor.of(request), device, timezone.now())
        except pairing.GatewayRefused as refused:
            raise gateway_refused(refused) from None
        probes.check(device, now=timezone.now())
        return Response(DeviceSerializer(device).data)
