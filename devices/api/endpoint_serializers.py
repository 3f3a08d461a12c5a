"""What the API says of webhook endpoints, and takes."""

import json
from typing import Any

from rest_framework import serializers

from devices import reasons
from devices.endpoints import fields, outbox
from devices.endpoints.event_types import EVENT_TYPES
from devices.models import Delivery, DeliveryAttempt, WebhookEndpoint
from devices.states import DeliveryState
from devices.validation import Refused


def _refused(refused: Refused) -> serializers.ValidationError:
    return serializers.ValidationError(reasons.spanish(refused.code), refused.code)


class EndpointSerializer(serializers.ModelSerializer[WebhookEndpoint]):
    """A place that is told what happens. Its secret is shown once: when it is made, and when it is rotated."""

    types = serializers.ListField(
        child=serializers.CharField(max_length=40),
        required=False,
        help_text=f"Which events; empty for all of them: {', '.join(EVENT_TYPES)}",
    )
    headers = serializers.DictField(
        child=serializers.CharField(max_length=1000),
        required=False,
        write_only=True,
        help_text="Of your own, sent with every call; never shown",
    )
    header_names = serializers.SerializerMethodField()
    disabled_reason = serializers.SerializerMethodField(help_text="Why it was switched off by itself, in Spanish")

    class Meta:
        model = WebhookEndpoint
        fields: tuple[str, ...] = (
            "id",
            "url",
            "description",
            "types",
            "headers",
            "header_names",
            "enabled",
            "disabled_reason",
            "failures",
            "failing_since",
            "paused_until",
            "created_at",
        )
        read_only_fields = ("id", "failures", "failing_since", "paused_until", "created_at")

    def get_header_names(self, endpoint: WebhookEndpoint) -> list[str]:
        return list(json.loads(endpoint.headers or "{}"))

    def get_disabled_reason(self, endpoint: WebhookEndpoint) -> str:
        return reasons.spanish(endpoint.disabled_reason)

    def validate_url(self, value: str) -> str:
        try:
            return fields.url(value)
        except Refused as refused:
            raise _refused(refused) from None

    def validate_types(self, value: list[str]) -> list[str]:
        try:
            return fields.types(value)
        except Refused as refused:
            raise _refused(refused) from None

    def validate_headers(self, value: dict[str, Any]) -> str:
        try:
            return json.dumps(fields.headers(value))
        except Refused as refused:
            raise _refused(refused) from None


class SecretSerializer(serializers.Serializer[WebhookEndpoint]):
    """The secret, shown this once."""

    secret = serializers.CharField(help_text="whsec_…: what the libraries of Standard Webhooks take")


class MadeEndpointSerializer(EndpointSerializer):
    """A new endpoint, with its secret, which is shown this once."""

    secret = serializers.CharField(read_only=True)

    class Meta(EndpointSerializer.Meta):
        fields = (*EndpointSerializer.Meta.fields, "secret")


class AttemptSerializer(serializers.ModelSerializer[DeliveryAttempt]):
    """One call."""

    class Meta:
        model = DeliveryAttempt
        fields = ("at", "status", "error", "milliseconds", "answer")


class DeliverySerializer(serializers.ModelSerializer[Delivery]):
    """One event for one endpoint."""

    type = serializers.CharField(source="event.type")
    message_id = serializers.SerializerMethodField(help_text="The header webhook-id: the same at every try")
    happened_at = serializers.DateTimeField(source="event.happened_at")
    state = serializers.ChoiceField(DeliveryState.choices)
    next_try_at = serializers.DateTimeField(source="due_at", allow_null=True)

    class Meta:
        model = Delivery
        fields: tuple[str, ...] = (
            "id",
            "type",
            "message_id",
            "happened_at",
            "state",
            "tries",
            "next_try_at",
            "last_status",
            "last_error",
            "ended_at",
        )

    def get_message_id(self, delivery: Delivery) -> str:
        return outbox.message_id(delivery.event.uuid)


class WholeDeliverySerializer(DeliverySerializer):
    """The same with what was sent, and each call."""

    body = serializers.SerializerMethodField(help_text="What is sent, byte for byte")
    attempts = AttemptSerializer(many=True)

    class Meta(DeliverySerializer.Meta):
        fields = (*DeliverySerializer.Meta.fields, "body", "attempts")

    def get_body(self, delivery: Delivery) -> str:
        event = delivery.event
        return outbox.body_of(event.pk, event.account_id, event.type, event.happened_at, event.data).decode()


class ReplaySerializer(serializers.Serializer[Any]):
    """One delivery, or all that were given up of what happened since."""

    delivery = serializers.IntegerField(required=False, min_value=1)
    since = serializers.DateTimeField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) != 1:
            raise serializers.ValidationError(reasons.spanish("endpoint_replay"), "endpoint_replay")
        return attrs


class ReplayedSerializer(serializers.Serializer[Any]):
    replayed = serializers.IntegerField()
