"""The API of devices."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.filters import SearchFilter
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ModelViewSet

from accounts import needed
from accounts.audit import Actor
from accounts.errors import ApiError
from accounts.lists.keyset_pages import LenientKeysetPages
from accounts.models import Role
from accounts.requests import account_of
from accounts.written.reading import true_or_false
from devices import actions, reasons
from devices.api.serializers import DeviceSerializer, is_taken
from devices.health import breaker
from devices.linking import checking
from devices.linking.pairing import GatewayRefused
from devices.models import Device
from devices.states import DeviceStatus


def gateway_refused(refused: GatewayRefused) -> ApiError:
    """409, with why as the code of its one error."""
    said = reasons.spanish(refused.reason)
    return ApiError("gateway_refused", said, status=409, errors=[{"code": refused.reason, "message": said}])


@extend_schema_view(
    list=extend_schema(
        parameters=[
            OpenApiParameter("status", enum=DeviceStatus.values),
            OpenApiParameter("enabled", bool, description="true or false"),
        ]
    )
)
@extend_schema(tags=["devices"])
class Devices(ModelViewSet[Device]):
    """Devices of an account: every member sees them, administrators change them.

    Creating or editing one checks the connection before it answers, and answers 200 or 201 even where the
    gateway cannot be reached: `status` and `status_reason` say so. Filters: `status`, `enabled`, `search`.
    """

    required_role = Role.ADMINISTRATOR
    serializer_class = DeviceSerializer
    pagination_class = LenientKeysetPages
    lookup_url_kwarg = "device_id"
    filter_backends = (SearchFilter,)
    search_fields = ("name", "instance_name", "base_url")
    ordering_fields = ("id", "name", "status", "created_at")
    ordering = "id"
    queryset = Device.unscoped.none()  # for the OpenAPI description; get_queryset says which

    def get_queryset(self) -> QuerySet[Device]:
        account = account_of(self.request)
        if account is None:
            return self.queryset.all()
        rows: QuerySet[Device] = Device.objects.for_account(account)
        status = self.request.query_params.get("status")
        if status is not None:
            if status not in DeviceStatus.values:
                raise ApiError("invalid")
            rows = rows.filter(status=status)
        enabled = self.request.query_params.get("enabled")
        if enabled is not None:
            try:
                rows = rows.filter(enabled=true_or_false(enabled))
            except ValueError:
                raise ApiError("invalid") from None
        return rows

    def perform_create(self, serializer: Any) -> None:
        fields = dict(serializer.validated_data)
        create = actions.create_with_instance if fields.pop("create_instance") else actions.create
        device = Device(**fields)
        try:
            serializer.instance = create(Actor.of(self.request), device)
        except actions.Taken as taken:
            raise is_taken(taken.field, taken.code) from None
        except GatewayRefused as refused:
            raise is_taken(actions.REFUSED_FIELD.get(refused.reason, "base_url"), refused.reason) from None
        checking.check(device, now=timezone.now())

    def perform_update(self, serializer: Any) -> None:
        device: Device = serializer.instance
        serializer.validated_data.pop("create_instance", None)
        changed = {name: value for name, value in serializer.validated_data.items() if getattr(device, name) != value}
        for name, value in changed.items():
            setattr(device, name, value)
        try:
            actions.change(Actor.of(self.request), device, changed)
        except actions.Taken as taken:
            raise is_taken(taken.field, taken.code) from None
        checking.check(device, now=timezone.now())

    @extend_schema(
        parameters=[
            OpenApiParameter("force", bool, description="Delete it although something needs it"),
            OpenApiParameter("delete_instance", bool, description="Have its gateway delete its instance, too"),
        ]
    )
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().destroy(request, *args, **kwargs)

    def perform_destroy(self, instance: Device) -> None:
        query = self.request.query_params
        force = needed.is_forced(query)
        try:
            with_instance = true_or_false(query.get("delete_instance", "false"))
        except ValueError:
            raise ApiError("delete_instance_invalid", reasons.spanish("delete_instance_invalid")) from None
        try:
            actions.delete(Actor.of(self.request), [instance], force=force, with_instance=with_instance)
        except needed.StillNeeded as error:
            raise needed.in_use(error) from None
        except GatewayRefused as refused:
            raise gateway_refused(refused) from None

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        device = self.get_object()
        breaker.look_soon([device.pk])  # somebody looks: where this is old, the next answer is not
        return Response(self.get_serializer(device).data)

    @extend_schema(request=None, responses=DeviceSerializer)
    def check(self, request: Request, **kwargs: Any) -> Response:
        """Check the connection now."""
        device = self.get_object()
        checking.check(device, now=timezone.now())
        return Response(self.get_serializer(device).data)
