"""The API of webhook endpoints: places of the customer's own that are told what happens here."""

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ModelViewSet, ReadOnlyModelViewSet

from accounts.audit import Actor
from accounts.errors import ApiError
from accounts.lists.keyset_pages import LenientKeysetPages
from accounts.models import Role
from accounts.requests import account_of
from devices import actions
from devices.api.endpoint_serializers import (
    DeliverySerializer,
    EndpointSerializer,
    MadeEndpointSerializer,
    ReplayedSerializer,
    ReplaySerializer,
    SecretSerializer,
    WholeDeliverySerializer,
)
from devices.endpoints import outbox
from devices.models import Delivery, WebhookEndpoint
from devices.states import DeliveryState

_FOR_ADMINISTRATORS = dict.fromkeys(("GET", "HEAD", "OPTIONS", "POST", "PATCH", "DELETE"), Role.ADMINISTRATOR)


@extend_schema(tags=["webhook_endpoints"])
class Endpoints(ModelViewSet[WebhookEndpoint]):
    """Where an account's own systems are told what happens, as Standard Webhooks 1.0.0 has it. For administrators."""

    required_role = _FOR_ADMINISTRATORS
    serializer_class: Any = EndpointSerializer
    pagination_class = LenientKeysetPages
    lookup_url_kwarg = "endpoint_id"
    ordering = "id"
    queryset = WebhookEndpoint.unscoped.none()  # for the OpenAPI description; get_queryset says which

    def get_queryset(self) -> QuerySet[WebhookEndpoint]:
        account = account_of(self.request)
        return self.queryset.all() if account is None else WebhookEndpoint.objects.for_account(account)

    @extend_schema(request=EndpointSerializer, responses={201: MadeEndpointSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The answer has the secret, which is shown this once."""
        asked = EndpointSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        made = actions.create_endpoint(Actor.of(request), WebhookEndpoint(**asked.validated_data))
        made.refresh_from_db()
        return Response(MadeEndpointSerializer(made).data, status=201, headers={"Cache-Control": "no-store"})

    def perform_update(self, serializer: Any) -> None:
        endpoint: WebhookEndpoint = serializer.instance
        changed = {name: new for name, new in serializer.validated_data.items() if getattr(endpoint, name) != new}
        for name, new in changed.items():
            setattr(endpoint, name, new)
        actions.change_endpoint(Actor.of(self.request), endpoint, changed)

    def perform_destroy(self, instance: WebhookEndpoint) -> None:
        actions.delete_endpoint(Actor.of(self.request), instance)

    @extend_schema(request=None, responses=SecretSerializer)
    def rotate_secret(self, request: Request, **kwargs: Any) -> Response:
        """A new secret, shown this once. For a day, calls are signed with the one before as well."""
        secret = actions.rotate_endpoint_secret(Actor.of(request), self.get_object(), timezone.now())
        return Response({"secret": secret}, headers={"Cache-Control": "no-store"})

    @extend_schema(request=None, responses={202: DeliverySerializer})
    def test(self, request: Request, **kwargs: Any) -> Response:
        """Have it told `webhook.test`."""
        delivery = actions.try_endpoint(Actor.of(request), self.get_object())
        return Response(DeliverySerializer(delivery).data, status=202)

    @extend_schema(request=ReplaySerializer, responses={202: ReplayedSerializer})
    def replay(self, request: Request, **kwargs: Any) -> Response:
        """Have it told one event again, or all that were given up of what happened `since`."""
        asked = ReplaySerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        endpoint = self.get_object()
        since = asked.validated_data.get("since")
        if since is not None:
            deliveries = outbox.failed_since(endpoint, since)
        else:
            deliveries = endpoint.deliveries.filter(pk=asked.validated_data["delivery"])
            if not deliveries.exists():
                raise Http404
        return Response({"replayed": actions.replay_deliveries(Actor.of(request), endpoint, deliveries)}, status=202)


@extend_schema_view(
    list=extend_schema(
        parameters=[
            OpenApiParameter("state", enum=DeliveryState.values),
            OpenApiParameter("type", str, description="Of event"),
        ]
    ),
    retrieve=extend_schema(responses=WholeDeliverySerializer),
)
@extend_schema(tags=["webhook_endpoints"])
class Deliveries(ReadOnlyModelViewSet[Delivery]):
    """What an endpoint was told in the last 30 days, and is to be told. Newest first."""

    required_role = _FOR_ADMINISTRATORS
    pagination_class = LenientKeysetPages
    lookup_url_kwarg = "delivery_id"
    queryset = Delivery.unscoped.none()  # for the OpenAPI description; get_queryset says which

    def get_serializer_class(self) -> Any:
        return WholeDeliverySerializer if self.action == "retrieve" else DeliverySerializer

    def get_queryset(self) -> QuerySet[Delivery]:
        account = account_of(self.request)
        if account is None:
            return self.queryset.all()
        if not WebhookEndpoint.objects.for_account(account).filter(pk=self.kwargs["endpoint_id"]).exists():
            raise Http404
        rows: QuerySet[Delivery] = Delivery.objects.for_account(account).filter(endpoint=self.kwargs["endpoint_id"])
        if (state := self.request.query_params.get("state")) is not None:
            if state not in DeliveryState.values:
                raise ApiError("invalid")
            rows = rows.filter(state=state)
        if kind := self.request.query_params.get("type"):
            rows = rows.filter(event__type=kind)
        return rows.select_related("event").prefetch_related("attempts")
