"""A device on the wire. Its token goes in and never comes out."""

from collections.abc import Callable
from typing import Any

from rest_framework import serializers

from accounts.requests import account_of
from devices import phone_numbers, reasons, validation
from devices.health.history import Day, Watch
from devices.health.timelock import TimeLock
from devices.linking.shown import Shown, Step
from devices.models import Device
from devices.states import DeviceStatus
from devices.webhooks.catching_up import CaughtUp
from devices.webhooks.subscribing import Arrival, Standing


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
    # The instance is made, with `token` as the server's own key; that is not kept. Says nothing when editing.
    create_instance = serializers.BooleanField(write_only=True, required=False, default=False)
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
            "create_instance",
            "messages_per_minute",
            "max_in_flight",
            "daily_limit",
            "new_people_a_day",
            "only_known_until",
            "enabled",
            "status",
            "status_reason",
        )
        read_only_fields = ("id", "only_known_until", "status")

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


class PairingStartSerializer(serializers.Serializer[Any]):
    """`number`: the device's own; with it comes a code to be typed on its phone, besides the QR code."""

    number = serializers.CharField(required=False, allow_blank=True, default="", max_length=phone_numbers.MAX_WRITTEN)

    def validate_number(self, value: str) -> str:
        if not value.strip():
            return ""
        account = account_of(self.context["request"])
        try:
            return phone_numbers.read_one(value, account.default_country if account else "").e164
        except phone_numbers.Unreadable:
            raise serializers.ValidationError(reasons.spanish("number_invalid"), "number_invalid") from None


class PairingSerializer(serializers.Serializer[Shown]):
    """How far a device is linked to a phone. Only an administrator sees it: whoever has a code can link."""

    status = serializers.ChoiceField(Step.choices, source="step")
    message = serializers.SerializerMethodField(help_text="In Spanish; empty where all goes well")
    qr = serializers.CharField(source="image", help_text="A PNG as a data URI; empty where no code shows")
    qr_text = serializers.CharField(source="qr", help_text="What the QR code says, to be drawn by oneself")
    pairing_code = serializers.CharField(source="typed", help_text="Eight letters and digits, where `number` was given")
    expires_at = serializers.DateTimeField(allow_null=True)
    codes_shown = serializers.IntegerField()

    def get_message(self, shown: Shown) -> str:
        return reasons.spanish(shown.reason)


class WebhookStartSerializer(serializers.Serializer[Any]):
    """`replace`: also where the instance tells another system, which is told no more then."""

    replace = serializers.BooleanField(required=False, default=False)


class WebhookSerializer(serializers.Serializer[Standing]):
    """Whether what a device's gateway tells arrives here."""

    status = serializers.ChoiceField(Arrival.choices, source="arrival")
    code = serializers.CharField(source="reason", help_text="Why not, or what may be wrong; empty where nothing is")
    message = serializers.SerializerMethodField(help_text="The same in Spanish")
    heard_at = serializers.DateTimeField(allow_null=True, help_text="When it last told us something")
    leads_here = serializers.BooleanField(
        help_text="Whether PUBLIC_URL leads to this server, secret and all, as it found by calling itself"
    )

    def get_message(self, standing: Standing) -> str:
        return reasons.spanish(standing.reason)


class StoreSerializer(serializers.Serializer[CaughtUp]):
    """How far it is known, by the gateway's own store, what it told in vain: while we were away, or its webhook was
    broken."""

    read_at = serializers.DateTimeField(allow_null=True, help_text="Until then nothing was missed; null: never read")
    missed_since = serializers.DateTimeField(allow_null=True, help_text="What was told since then is still to be read")
    code = serializers.CharField(source="reason", help_text="Why it cannot be read; empty where it can")
    message = serializers.SerializerMethodField(help_text="The same in Spanish")

    def get_message(self, caught_up: CaughtUp) -> str:
        return reasons.spanish(caught_up.reason)


class WatchSerializer(serializers.Serializer[Watch]):
    """The watch over devices whose gateway accepts messages of which nothing is ever heard."""

    unanswered = serializers.IntegerField(help_text="Messages accepted since the last acknowledgement")
    silent_since = serializers.DateTimeField(allow_null=True)
    out_until = serializers.DateTimeField(allow_null=True, help_text="Out for its silence, and tried again then")
    on_trial = serializers.BooleanField(source="is_on_trial", help_text="Sends a few messages, and waits to be heard")


class TimeLockSerializer(serializers.Serializer[TimeLock]):
    """While WhatsApp refuses what a device writes to people who never wrote to it: it writes only to those who did."""

    began_at = serializers.DateTimeField()
    until = serializers.DateTimeField()


class DaySerializer(serializers.Serializer[Day]):
    """One day of the account's clock. What is delivered and read counts for the day on which it was sent."""

    day = serializers.DateField()
    accepted = serializers.IntegerField(help_text="Messages that the gateway took")
    delivered = serializers.IntegerField()
    read = serializers.IntegerField()
    refused = serializers.IntegerField(help_text="By WhatsApp, after the gateway had taken it")
    failed = serializers.IntegerField(help_text="Tries that the gateway did not take")
    delivered_percentage = serializers.FloatField(source="delivered_share", allow_null=True)
    read_percentage = serializers.FloatField(source="read_share", allow_null=True)
    minutes_out = serializers.IntegerField(help_text="Switched on, and not to be sent through")
    incidents = serializers.IntegerField()


class HealthSerializer(serializers.Serializer[Any]):
    """How a device is, and how it was."""

    id = serializers.IntegerField(source="device.pk")
    name = serializers.CharField(source="device.name")
    enabled = serializers.BooleanField(source="device.enabled")
    status = serializers.ChoiceField(DeviceStatus.choices, source="now.status")
    code = serializers.CharField(source="now.reason", help_text="Why it cannot send; empty where it can")
    status_reason = serializers.SerializerMethodField(help_text="The same in Spanish")
    since = serializers.DateTimeField(source="now.since", allow_null=True, help_text="In service, or out, since then")
    link = serializers.ChoiceField(["open", "opening", "closed", "unknown"], help_text="To WhatsApp, as last told")
    checked_at = serializers.DateTimeField(source="device.status_checked_at", allow_null=True)
    next_check_at = serializers.DateTimeField(source="device.next_check_at", allow_null=True)
    last_sent_at = serializers.DateTimeField(source="now.last_sent_at", allow_null=True)
    last_acknowledged_at = serializers.DateTimeField(source="now.watch.last_acknowledged_at", allow_null=True)
    last_failed_at = serializers.DateTimeField(source="now.last_failed_at", allow_null=True)
    failed_in_a_row = serializers.IntegerField(source="now.failed_in_a_row")
    webhook = WebhookSerializer()
    store = StoreSerializer()
    acknowledgements = WatchSerializer(source="now.watch")
    time_lock = TimeLockSerializer(allow_null=True)
    time_zone = serializers.CharField(source="device.account.time_zone", help_text="Of the days")
    history = DaySerializer(many=True, help_text="The newest day first; `days` says how many")

    def get_status_reason(self, told: dict[str, Any]) -> str:
        return reasons.spanish(told["now"].reason)


def is_taken(field: str, code: str) -> serializers.ValidationError:
    return serializers.ValidationError({field: [serializers.ErrorDetail(reasons.spanish(code), code)]})
