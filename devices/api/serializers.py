"""A device on the wire. Its token goes in and never comes out."""

from collections.abc import Callable
from typing import Any

from rest_framework import serializers

from devices import reasons, validation
from devices.models import Device


class CredentialsSerializer(serializers.Serializer[Any]):
    """`whatsapp_api_credentials` of seed 003: another way to say three of the fields."""

    base_url = serializers.CharField()
    token = serializers.CharField()
    instance_name = serializers.CharField()


class DeviceSerializer(serializers.ModelSerializer[Device]):
    """Flat fields, or `whatsapp_api_credentials` for three of them; a flat field wins."""

    base_url = serializers.CharField(max_length=500)
    # Not needed to edit: what cannot be read cannot be sent back.
    token = serializers.CharField(max_length=500, write_only=True, required=False)
    whatsapp_api_credentials = CredentialsSerializer(write_only=True, required=False)
    status_reason = serializers.SerializerMethodField()

    class Meta:
        model = Device
        fields = (
            "id",
            "name",
            "provider",
            "base_url",
            "instance_name",
            "token",
            "whatsapp_api_credentials",
            "messages_per_minute",
            "max_in_flight",
            "daily_limit",
            "enabled",
            "status",
            "status_reason",
        )
        read_only_fields = ("id", "status")

    def get_status_reason(self, device: Device) -> str:
        """A sentence in Spanish; "" where the device is well."""
        return reasons.spanish(device.status_reason)

    def to_internal_value(self, data: Any) -> Any:
        credentials = data.get("whatsapp_api_credentials") if isinstance(data, dict) else None
        if isinstance(credentials, dict):
            given = {name: credentials[name] for name in CredentialsSerializer().fields if name in credentials}
            data = {**given, **{name: value for name, value in data.items() if value is not credentials}}
        return super().to_internal_value(data)

    def validate_base_url(self, value: str) -> str:
        return _clean(validation.base_url, value)

    def validate_instance_name(self, value: str) -> str:
        return _clean(validation.instance_name, value)

    def validate_token(self, value: str) -> str:
        return _clean(validation.token, value)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs.pop("whatsapp_api_credentials", None)
        if self.instance is None and not attrs.get("token"):
            required = self.fields["token"].error_messages["required"]
            raise serializers.ValidationError({"token": [serializers.ErrorDetail(str(required), "required")]})
        return attrs


def _clean(clean: Callable[[str], str], value: str) -> str:
    try:
        return clean(value)
    except validation.Refused as refused:
        raise serializers.ValidationError(reasons.spanish(refused.code), refused.code) from None


def is_taken(field: str, code: str) -> serializers.ValidationError:
    return serializers.ValidationError({field: [serializers.ErrorDetail(reasons.spanish(code), code)]})
