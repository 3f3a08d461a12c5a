"""The JSON of seed 000: a job in a list, in the answer to an upload, and on its own; and its recipients."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from jobs import forecast
from jobs import waits as waiting
from jobs.message.rendering import MessageTemplate
from jobs.models import Job, Recipient
from jobs.receipts.figures import Figures
from jobs.sending import canary
from jobs.states import CanaryState
from jobs.wording import recipient_errors

COUNTRIES = 'How many of the file\'s numbers are of which country: {"PE": 980}; "ZZ" is none\'s'
LANDLINES = "How many of them are landlines, which get messages only with WhatsApp Business; null: not counted"


class Moment(serializers.DateTimeField):
    """A time as seed 000 writes it: UTC, to the second, with a Z."""

    def __init__(self, **options: Any) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M:%SZ", default_timezone=timezone.get_default_timezone(), **options)


class ProgressSerializer(serializers.Serializer[Any]):
    sent = serializers.IntegerField()
    failed = serializers.IntegerField()
    total = serializers.IntegerField()
    percentage = serializers.FloatField()


class JobInListSerializer(serializers.ModelSerializer[Job]):
    """An element of `GET /jobs`."""

    id = serializers.UUIDField(source="uuid")
    created_at = Moment()
    progress = ProgressSerializer()

    class Meta:
        model = Job
        fields: tuple[str, ...] = ("id", "status", "created_at", "progress")


class JobSerializer(JobInListSerializer):
    """The job in the answer to an upload."""

    updated_at = Moment()
    total_numbers = serializers.IntegerField(source="total")

    class Meta(JobInListSerializer.Meta):
        fields: tuple[str, ...] = (
            "id",
            "status",
            "created_at",
            "updated_at",
            "message",
            "total_numbers",
            "devices_limit",
            "progress",
            "results",
        )


class JobDeviceSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    status = serializers.CharField()


class WaitSerializer(serializers.Serializer[Any]):
    """One cause that holds up recipients: how many (null: all that wait), and when it is looked at again."""

    reason = serializers.CharField()
    recipients = serializers.IntegerField(allow_null=True)
    until = Moment(allow_null=True)


class ReceiptsSerializer(serializers.Serializer[Any]):
    """What became of a job's messages after the gateway took them. A message that was read was delivered, too."""

    delivered = serializers.IntegerField()
    read = serializers.IntegerField()
    played = serializers.IntegerField()
    replied = serializers.IntegerField(help_text="Who answered it: quoted it, or wrote next")
    failed_after = serializers.IntegerField(help_text="Refused by WhatsApp after acceptance; counted in `failed`, too")
    delivered_rate = serializers.FloatField(allow_null=True, help_text="In percent of those sent; null: nobody was")
    read_rate = serializers.FloatField(allow_null=True)
    played_rate = serializers.FloatField(allow_null=True)
    first_at = Moment(allow_null=True)
    last_at = Moment(allow_null=True)


class CanarySerializer(serializers.Serializer[Any]):
    """What became of the first few of a large job, which goes on when they are well."""

    state = serializers.ChoiceField(choices=[state for state in CanaryState.values if state])
    recipients = serializers.IntegerField(help_text="How many go first")
    sent = serializers.IntegerField()
    delivered = serializers.IntegerField()
    refused = serializers.IntegerField(help_text="By WhatsApp, after their gateway had taken them")
    failed = serializers.IntegerField(help_text="Before that")
    unheard = serializers.IntegerField(
        help_text="Sent, and nothing to wait for: receipts of their devices were never heard, or are far behind"
    )
    opted_out = serializers.IntegerField(help_text="Since its start")
    until = Moment(
        allow_null=True, help_text="Until when they may hold the job; null: not all were tried, or it is over"
    )


class _FiguresSerializer(serializers.Serializer[Any]):
    """Null until the job has ended, where it has 50,000 recipients or more: total, sent, failed and the rates."""

    total = serializers.IntegerField(allow_null=True, help_text="Without those who are suppressed")
    sent = serializers.IntegerField(allow_null=True)
    failed = serializers.IntegerField(allow_null=True, help_text="Or cancelled; the rest of `total` is unknown or open")
    delivered = serializers.IntegerField()
    read = serializers.IntegerField()
    played = serializers.IntegerField()
    failed_after = serializers.IntegerField()
    replied = serializers.IntegerField()
    delivered_rate = serializers.FloatField(allow_null=True)
    read_rate = serializers.FloatField(allow_null=True)
    first_at = Moment(allow_null=True)
    last_at = Moment(allow_null=True)


class DeviceFiguresSerializer(_FiguresSerializer):
    device_id = serializers.IntegerField(source="number")
    name = serializers.CharField()


class VariantFiguresSerializer(_FiguresSerializer):
    variant = serializers.SerializerMethodField(help_text="From 1, in the order of the campaign")
    text = serializers.CharField(source="name")

    def get_variant(self, figures: Figures) -> int:
        return figures.number + 1


class ReceiptsInFullSerializer(ReceiptsSerializer):
    """What became of a job's messages, and by which device and which variant of its text."""

    by_device = DeviceFiguresSerializer(many=True)
    by_variant = VariantFiguresSerializer(many=True)


class JobDetailSerializer(JobSerializer):
    """`GET /jobs/{id}`: the job, and what its watcher wants to know besides."""

    devices = serializers.SerializerMethodField()
    # Why it is paused or failed, or what all who wait are waiting for: a code; "" where it moves.
    state_reason = serializers.CharField()
    waits = WaitSerializer(many=True)
    countries = serializers.DictField(child=serializers.IntegerField(), help_text=COUNTRIES)
    landlines = serializers.IntegerField(allow_null=True, help_text=LANDLINES)
    receipts = serializers.SerializerMethodField()
    canary = serializers.SerializerMethodField()
    rate_per_minute = serializers.SerializerMethodField()
    eta = serializers.SerializerMethodField()

    class Meta(JobSerializer.Meta):
        fields = (
            *JobSerializer.Meta.fields,
            "title",
            "state_reason",
            "waits",
            "eta",
            "rate_per_minute",
            "receipts",
            "canary",
            "devices",
            "default_country",
            "countries",
            "landlines",
        )

    def to_representation(self, instance: Job) -> Any:
        job: Any = instance
        now = timezone.now()
        job.waits = waiting.waits(job, now)
        job.outlook = forecast.outlook(job, now).not_before(wait.until for wait in job.waits)
        return {**super().to_representation(job), "state_reason": waiting.reason(job, job.waits)}

    @extend_schema_field(ReceiptsSerializer)
    def get_receipts(self, job: Job) -> dict[str, Any]:
        return dict(ReceiptsSerializer(job.receipts()).data)

    @extend_schema_field(CanarySerializer(allow_null=True))
    def get_canary(self, job: Job) -> dict[str, Any] | None:
        seen = canary.seen(job, timezone.now())
        return None if seen is None else dict(CanarySerializer(seen).data)

    @extend_schema_field(JobDeviceSerializer(many=True))
    def get_devices(self, job: Job) -> list[dict[str, Any]]:
        # Up to a thousand: as plain values, and not as devices with their tokens decrypted.
        return list(job.devices.values("id", "name", "status"))

    def get_rate_per_minute(self, job: Any) -> float | None:
        rate: float | None = job.outlook.rate_per_minute
        return rate

    def get_eta(self, job: Any) -> str | None:
        moment = job.outlook.eta
        return None if moment is None else str(Moment().to_representation(moment))


class JobCreatedSerializer(serializers.Serializer[Any]):
    """The answer to an upload."""

    status = serializers.CharField()
    message = serializers.CharField()
    job = JobSerializer()
    countries = serializers.DictField(child=serializers.IntegerField(), help_text=COUNTRIES)
    landlines = serializers.IntegerField(allow_null=True, help_text=LANDLINES)


class RecipientSerializer(serializers.ModelSerializer[Recipient]):
    """One row of a job, and what became of it. The context has the job's `template`."""

    error = serializers.SerializerMethodField()
    sent_at = Moment()
    delivered_at = Moment()
    read_at = Moment()
    played_at = Moment()
    failed_after_at = Moment()
    replied_at = Moment()
    text = serializers.SerializerMethodField()

    class Meta:
        model = Recipient
        fields = (
            "position",
            "phone",
            "values",
            "state",
            "error_code",
            "error",
            "device_id",
            "tries",
            "sent_at",
            "delivered_at",
            "read_at",
            "played_at",
            "failed_after_at",
            "replied_at",
            "text",
        )

    def get_error(self, recipient: Recipient) -> str:
        return recipient_errors.on_the_wire(recipient.error_code)

    def get_text(self, recipient: Recipient) -> str:
        template: MessageTemplate = self.context["template"]
        return template.render(recipient.values, recipient.phone, recipient.variant)


class RecipientPageSerializer(serializers.Serializer[Any]):
    results = RecipientSerializer(many=True)
    next = serializers.CharField(allow_null=True)
