"""The API of suppressed numbers."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.viewsets import ModelViewSet

from accounts.audit import Actor
from accounts.errors import ApiError
from accounts.lists.keyset_pages import LenientKeysetPages
from accounts.requests import account_of
from devices import phone_numbers
from jobs import actions
from jobs.models import Suppression
from jobs.wording import phone_problems, suppression_reasons

_PHONE_TAKEN = "Este teléfono ya está en la lista de números suprimidos."


class SuppressionSerializer(serializers.ModelSerializer[Suppression]):
    """A number that gets no messages. It may come in any spelling, and goes out in E.164."""

    phone = serializers.CharField(max_length=phone_numbers.MAX_WRITTEN)

    class Meta:
        model = Suppression
        fields = ("id", "phone", "reason", "since", "created_at")
        read_only_fields = ("id", "since", "created_at")

    def to_representation(self, instance: Suppression) -> dict[str, Any]:
        return {
            **super().to_representation(instance),
            "reason": suppression_reasons.on_the_wire(instance.reason_code, instance.reason),
        }

    def validate_phone(self, value: str) -> str:
        account = account_of(self.context["request"])
        try:
            return phone_numbers.read_kept_from(value, account.default_country if account else "")
        except phone_numbers.Unreadable as problem:
            raise serializers.ValidationError(phone_problems.on_the_wire(problem.code), problem.code) from None


@extend_schema_view(
    list=extend_schema(
        parameters=[
            OpenApiParameter("phone", str, description="In any spelling"),
            OpenApiParameter("search", str, description="+51987: begins with; 987: contains"),
        ]
    )
)
@extend_schema(tags=["suppressions"])
class Suppressions(ModelViewSet[Suppression]):
    """Numbers that an account never writes to, whatever file or campaign names them. Newest first.

    Agents add them; only an administrator takes one off again.
    """

    serializer_class = SuppressionSerializer
    pagination_class = LenientKeysetPages
    lookup_url_kwarg = "suppression_id"
    queryset = Suppression.unscoped.none()  # for the OpenAPI description; get_queryset says which

    def get_queryset(self) -> QuerySet[Suppression]:
        account = account_of(self.request)
        if account is None:
            return self.queryset.all()
        rows: QuerySet[Suppression] = Suppression.objects.for_account(account)
        if self.action != "list":
            return rows
        if raw := self.request.query_params.get("phone"):
            rows = rows.filter(phone_key=phone_numbers.key_of_spelling(raw, account.default_country) or "")
        if part := phone_numbers.without_separators(self.request.query_params.get("search", "")):
            rows = rows.filter(**{"phone__startswith" if part.startswith("+") else "phone__contains": part})
        return rows

    def perform_create(self, serializer: Any) -> None:
        number = Suppression(**serializer.validated_data)
        try:
            serializer.instance = actions.suppress(Actor.of(self.request), number)
        except actions.AlreadySuppressed:
            raise ApiError("phone_suppressed", _PHONE_TAKEN, status=409) from None

    def perform_update(self, serializer: Any) -> None:
        # The number stays what it was: another one would lift the ban on this one, which is an administrator's to do.
        number = serializer.instance
        actions.give_reason(
            Actor.of(self.request),
            number,
            serializer.validated_data.get("reason", suppression_reasons.on_the_wire(number.reason_code, number.reason)),
        )

    def perform_destroy(self, instance: Suppression) -> None:
        actions.lift(Actor.of(self.request), [instance])
