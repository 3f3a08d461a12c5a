"""The JSON of seed 003: a campaign, with what became of it; and the segments that campaigns share."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import Account
from accounts.time_zones import known_zone
from accounts.written.reading import is_storable, with_plain_line_ends
from campaigns.audience import fitting
from campaigns.audience.refused import BadAudience
from campaigns.launch import media_addresses, recurrence
from campaigns.launch.media import MAX_BYTES
from campaigns.models import Campaign, Segment
from campaigns.wording import campaign_notes, field_problems
from devices.models import Device
from jobs import windows
from jobs.api.serializers import Moment, ReceiptsSerializer
from jobs.intake.accepting import PAST_GRACE
from jobs.message import lengths
from jobs.states import MessageKind

MAX_MESSAGE_CHARACTERS: Final = lengths.MOST
MIN_VARIANTS, MAX_VARIANTS = 2, 10
MAX_WEIGHT: Final = 1_000
MAX_DEVICES: Final = 1_000
MAX_URL_CHARACTERS: Final = 2_000
# Near the calendar's ends a clock of another zone has no date to show.
FIRST_YEAR, LAST_YEAR = 2000, 2999


def refuse(code: str, **details: Any) -> serializers.ValidationError:
    """Build a complaint about the field that is being read."""
    return serializers.ValidationError(field_problems.on_the_wire(code, **details), code)


@extend_schema_field(OpenApiTypes.DATETIME)
class InstantField(serializers.Field[Any, Any, Any, Any]):
    """A time with an offset. What comes out of validation keeps the offset it was written with."""

    def to_internal_value(self, data: Any) -> datetime:
        try:
            moment = datetime.fromisoformat(data)
            if moment.utcoffset() is None:
                raise refuse("offset_missing")
            if not FIRST_YEAR <= moment.astimezone(UTC).year <= LAST_YEAR:
                raise refuse("moment_out_of_range", first=FIRST_YEAR, last=LAST_YEAR)
        except (TypeError, ValueError, OverflowError):
            raise refuse("moment_invalid") from None
        return moment

    def to_representation(self, value: datetime) -> Any:
        return Moment().to_representation(value)


class JSONOrEmptyField(serializers.JSONField):
    """JSON for which null means none."""

    def run_validation(self, data: Any = serializers.empty) -> Any:
        return super().run_validation({} if data is None else data)


class AudienceField(JSONOrEmptyField):
    """An audience as seed 003 writes it, kept as it was written."""

    def to_internal_value(self, data: Any) -> Any:
        account: Account = self.context["account"]
        try:
            audience = fitting.read(data, account)
        except BadAudience as bad:
            places: dict[str, list[Any]] = {}
            for problem in bad.problems:
                place = problem["path"].removeprefix("audience").removeprefix(".") or "non_field_errors"
                places.setdefault(place, []).append(serializers.ErrorDetail(problem["message"], problem["code"]))
            raise serializers.ValidationError(places) from None
        if audience.unknown_contact_ids(account):
            raise refuse("contacts_unknown")
        return audience.own_words(account).written_in(data)


class MultimediaField(JSONOrEmptyField):
    """{"type", "url", "filename"} as in seed 003; {} or null for none."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if data in ({}, getattr(self.parent.instance, "multimedia", {})):  # unchanged: that of an uploaded file, too
            return data  # type: ignore[no-any-return]
        if not isinstance(data, dict):
            raise refuse("not_an_object")
        if set(data) - {"type", "url", "filename"}:
            raise refuse("multimedia_key")
        if data.get("type") not in list(MAX_BYTES):  # a list takes what has no hash, too
            raise refuse("multimedia_type")
        if set(data) == {"type"} and data["type"] == "audio":
            return data  # to be uploaded: an audio campaign has no text, so that its file cannot come afterwards
        if not _is_http_url(data.get("url")):
            raise refuse("multimedia_url")
        if not media_addresses.is_reachable(data["url"]):
            raise refuse("multimedia_private")
        name = data.get("filename", "")
        if not isinstance(name, str) or len(name) > 255 or re.search(r"[/\\\x00-\x1f]", name) or not is_storable(name):
            raise refuse("multimedia_filename")
        return data


def _is_http_url(url: Any) -> bool:
    if not isinstance(url, str) or len(url) > MAX_URL_CHARACTERS or re.search(r"[^\x21-\x7e]", url):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and "@" not in parts.netloc


class VariantsField(JSONOrEmptyField):
    """[{"text", "weight"}]: two to ten texts, a missing weight is 1. Empty: `message` is sent."""

    def to_internal_value(self, data: Any) -> list[dict[str, Any]]:
        if not data:
            return []
        if not isinstance(data, list) or not MIN_VARIANTS <= len(data) <= MAX_VARIANTS:
            raise refuse("variants_invalid", low=MIN_VARIANTS, high=MAX_VARIANTS)
        return [self._variant(given) for given in data]

    def _variant(self, given: Any) -> dict[str, Any]:
        if not isinstance(given, dict) or set(given) - {"text", "weight"}:
            raise refuse("variants_invalid", low=MIN_VARIANTS, high=MAX_VARIANTS)
        text, weight = given.get("text"), given.get("weight", 1)
        if not isinstance(text, str) or not text.strip():
            raise refuse("variants_invalid", low=MIN_VARIANTS, high=MAX_VARIANTS)
        if type(weight) is not int or not 1 <= weight <= MAX_WEIGHT:
            raise refuse("weight_invalid", limit=MAX_WEIGHT)
        return {"text": _sendable(text), "weight": weight}


def _sendable(text: str) -> str:
    text = with_plain_line_ends(text)
    if len(text) > MAX_MESSAGE_CHARACTERS:
        raise refuse("too_long", limit=MAX_MESSAGE_CHARACTERS)
    if not is_storable(text):
        raise refuse("text_invalid")
    return text


class CampaignSerializer(serializers.ModelSerializer[Campaign]):
    """A campaign. The context has the `account`; what is shown was given its run and stats by `figures.attach`."""

    kind = serializers.ChoiceField(
        MessageKind.choices,
        required=False,
        help_text="commercial: offers and news. service: only about what its recipients ordered, booked or asked",
    )
    message = serializers.CharField(required=False, allow_blank=True, trim_whitespace=False)
    variants = VariantsField(required=False)
    audience = AudienceField(required=False)
    segment_id = serializers.IntegerField(required=False, allow_null=True)
    scheduled_at = InstantField(required=False, allow_null=True)
    recurrence = serializers.CharField(required=False, allow_blank=True, max_length=100)
    time_zone = serializers.CharField(required=False, max_length=64)
    sending_window = JSONOrEmptyField(required=False)
    multimedia = MultimediaField(required=False)
    devices = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1),
        required=False,
        max_length=MAX_DEVICES,
        source="requested_device_ids",
    )
    devices_limit = serializers.IntegerField(required=False, min_value=1, max_value=MAX_DEVICES)
    allow_missing = serializers.BooleanField(
        required=False, help_text="Send also where the message has variables that do not exist, as they stand"
    )
    way_out = serializers.BooleanField(
        required=False, help_text="Whether a line below the text says how to get no more, in the recipient's language"
    )
    canary = serializers.BooleanField(
        required=False, help_text="Whether a large one sends to a few first, and to the others when those are well"
    )
    status = serializers.CharField(source="current_status", read_only=True)
    delivery_stats = serializers.SerializerMethodField()
    receipts = serializers.SerializerMethodField()
    sender_id = serializers.IntegerField(read_only=True, allow_null=True)
    description = serializers.SerializerMethodField()
    job_id = serializers.SerializerMethodField()
    created_at = Moment(read_only=True)
    updated_at = Moment(read_only=True)

    class Meta:
        model = Campaign
        fields = (
            "id",
            "title",
            "kind",
            "message",
            "variants",
            "audience",
            "segment_id",
            "scheduled_at",
            "time_zone",
            "recurrence",
            "sending_window",
            "status",
            "multimedia",
            "delivery_stats",
            "receipts",
            "sender_id",
            "description",
            "devices",
            "devices_limit",
            "allow_missing",
            "way_out",
            "canary",
            "job_id",
            "created_at",
            "updated_at",
        )

    def get_delivery_stats(self, campaign: Campaign) -> dict[str, int]:
        return campaign.stats  # type: ignore[attr-defined,no-any-return]

    @extend_schema_field(ReceiptsSerializer(allow_null=True))
    def get_receipts(self, campaign: Campaign) -> dict[str, Any] | None:
        """What became of the latest run's messages; null before the first."""
        run = campaign.run  # type: ignore[attr-defined]
        return None if run is None else dict(ReceiptsSerializer(run.job.receipts()).data)

    def get_description(self, campaign: Campaign) -> str:
        """Why it failed or waits, in Spanish."""
        run = campaign.run  # type: ignore[attr-defined]
        return campaign_notes.spanish(campaign.note_code, campaign.note_details) or (
            campaign_notes.job_description(run.job.state_reason) if run is not None else ""
        )

    def get_job_id(self, campaign: Campaign) -> str | None:
        run = campaign.run  # type: ignore[attr-defined]
        return None if run is None else str(run.job.uuid)

    # --- One field ---------------------------------------------------------------------------------

    def validate_message(self, value: str) -> str:
        return _sendable(value)

    def validate_segment_id(self, value: int | None) -> int | None:
        account: Account = self.context["account"]
        known = value is None or (value < 2**63 and Segment.objects.for_account(account).filter(pk=value).exists())
        if not known:
            raise serializers.ValidationError("", "does_not_exist")
        return value

    def validate_time_zone(self, value: str) -> str:
        if known_zone(value) is None or "%" in value:
            raise refuse("time_zone_unknown")
        return value

    def validate_sending_window(self, value: Any) -> dict[str, Any]:
        if not value:
            return {}
        if not isinstance(value, dict):
            raise refuse("not_an_object")
        try:
            windows.parse(value)
        except (windows.BadWindow, TypeError):
            raise refuse("window_invalid") from None
        return value

    def validate_devices(self, value: list[int]) -> list[int]:
        ids = list(dict.fromkeys(value))
        if Device.objects.for_account(self.context["account"]).filter(pk__in=ids).count() < len(ids):
            raise refuse("devices_unknown")
        return ids

    # --- Fields together ---------------------------------------------------------------------------

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if self.instance is None:
            attrs.setdefault("time_zone", self.context["account"].time_zone)
        whole: Mapping[str, Any] = attrs if self.instance is None else _Whole(attrs, self.instance)
        has_text = bool(whole.get("message", "").strip() or whole.get("variants"))
        is_audio = (whole.get("multimedia") or {}).get("type") == "audio"
        if is_audio and has_text:
            raise serializers.ValidationError({"message": refuse("audio_without_text").detail})
        if not is_audio and not has_text:
            raise serializers.ValidationError({"message": refuse("message_missing").detail})
        if whole.get("segment_id") is not None and whole.get("audience"):
            raise serializers.ValidationError({"segment_id": refuse("segment_and_audience").detail})
        if attrs.keys() & {"scheduled_at", "recurrence", "time_zone"}:
            self._check_time(attrs, whole)
        return attrs

    def _check_time(self, attrs: dict[str, Any], whole: Mapping[str, Any]) -> None:
        zone, scheduled_at = ZoneInfo(whole["time_zone"]), whole.get("scheduled_at")
        if written := attrs.get("scheduled_at"):
            if _is_skipped(written, zone):
                raise serializers.ValidationError({"scheduled_at": refuse("time_skipped").detail})
            attrs["scheduled_at"] = written.astimezone(UTC)
            if written < timezone.now() - PAST_GRACE:
                raise serializers.ValidationError({"scheduled_at": refuse("moment_passed").detail})
        text = whole.get("recurrence", "")
        if not text:
            return
        if text in recurrence.WORDS and scheduled_at is None:
            raise serializers.ValidationError({"recurrence": refuse("recurrence_without_start").detail})
        try:
            recurs = recurrence.parse(text, zone, scheduled_at)
        except recurrence.BadRecurrence:
            raise serializers.ValidationError({"recurrence": refuse("recurrence_invalid").detail}) from None
        if recurs.next_after(timezone.now()) is None:
            raise serializers.ValidationError({"recurrence": refuse("recurrence_never").detail})


class _Whole(Mapping[str, Any]):
    """A campaign as it will be: what is given, else what it has."""

    def __init__(self, given: Mapping[str, Any], campaign: Campaign) -> None:
        self._given, self._campaign = given, campaign

    def __getitem__(self, name: str) -> Any:
        return self._given[name] if name in self._given else getattr(self._campaign, name)

    def __iter__(self) -> Any:
        return iter(self._given)

    def __len__(self) -> int:
        return len(self._given)


def _is_skipped(written: datetime, zone: ZoneInfo) -> bool:
    """Whether somebody meant a time of this zone's clock that the clock skips.

    Only where the offset is one that the zone has around it; any other offset names an instant, which always exists.
    """
    wall = written.replace(tzinfo=None)
    offsets = {wall.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1)}
    return written.utcoffset() in offsets and recurrence.is_skipped(wall, zone)


class SegmentSerializer(serializers.ModelSerializer[Segment]):
    """An audience with a name."""

    audience = AudienceField()
    created_at = Moment(read_only=True)

    class Meta:
        model = Segment
        fields = ("id", "name", "audience", "created_at")


def segment_name_taken() -> serializers.ValidationError:
    return serializers.ValidationError({"name": refuse("name_taken").detail})


# --- Answers --------------------------------------------------------------------------------------------


class SampleSerializer(serializers.Serializer[Any]):
    contact_id = serializers.IntegerField()
    phone = serializers.CharField()
    text = serializers.CharField()


class ExcludedSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField()
    count = serializers.IntegerField()


class ExcludedListSerializer(serializers.Serializer[Any]):
    list_id = serializers.IntegerField()
    name = serializers.CharField()
    count = serializers.IntegerField(source="people", help_text="Who is on two lists is counted by both")


class EstimateSerializer(serializers.Serializer[Any]):
    finishes_at = Moment(allow_null=True)
    seconds = serializers.IntegerField(allow_null=True)
    devices = serializers.IntegerField()
    text = serializers.CharField(help_text="11,6 días; 53 devices más para terminar en un día")


class LackingSerializer(serializers.Serializer[Any]):
    variable = serializers.CharField(help_text="custom_attributes.region")
    count = serializers.IntegerField(help_text="How many of those who would get the message lack it")


class PreviewSerializer(serializers.Serializer[Any]):
    """The answer of `preview`."""

    count = serializers.IntegerField()
    sample = SampleSerializer(many=True)
    excluded = ExcludedSerializer(many=True)
    excluded_lists = ExcludedListSerializer(many=True, help_text="The exclusion lists that name somebody of it")
    estimate = EstimateSerializer()
    problems = serializers.ListField(child=serializers.CharField())
    lacking = LackingSerializer(many=True, help_text="The variables without a default that most of them lack")


class TestAnswerSerializer(serializers.Serializer[Any]):
    """The answer of `test`: the job can be followed like any other."""

    job_id = serializers.UUIDField()
    phones = serializers.ListField(child=serializers.CharField())
    landlines = serializers.ListField(
        child=serializers.CharField(), help_text="Those that get it only with WhatsApp Business"
    )
