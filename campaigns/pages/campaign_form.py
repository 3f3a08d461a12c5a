"""The form of a campaign and of a segment: between what a browser posts and the JSON of the contract.

The API's serializers judge it, so that the page and the API accept the same.
"""

import json
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.http import QueryDict
from django.utils import timezone
from rest_framework.exceptions import ErrorDetail

from accounts.models import Account
from accounts.time_zones import known_zone
from campaigns.launch import launching
from campaigns.launch.recurrence import WORDS
from campaigns.models import Campaign, Segment
from jobs.intake.accepting import PAST_GRACE
from jobs.states import MessageKind

LOCAL: Final = "%Y-%m-%dT%H:%M"  # what <input type="datetime-local"> reads and writes

Form = dict[str, Any]


def empty(account: Account, segment: Segment | None = None) -> Form:
    """The form of a new campaign, on the clock of the reader where the account has none of its own."""
    zone = account.time_zone if account.time_zone != "UTC" else timezone.get_current_timezone_name()
    return {
        "title": "",
        "kind": MessageKind.COMMERCIAL.value,
        "message": "",
        "variants": "[]",
        "media_type": "",
        "media_url": "",
        "media_filename": "",
        "segment": str(segment.pk) if segment is not None else "",
        "audience": "{}",
        "starts_at": "",
        "time_zone": zone,
        "recurrence": "",
        "cron": "",
        "window_start": "",
        "window_end": "",
        "weekdays": [str(day) for day in range(7)],
        "zone_attribute": "",
        "devices": [],
        "devices_limit": "5",
        "allow_missing": "",
        "way_out": "true",  # a new one has it, unless it is ticked off
        "canary": "",
    }


def of_campaign(campaign: Campaign) -> Form:
    """The form as the campaign has it."""
    window = campaign.sending_window
    is_word = campaign.recurrence in ("", *WORDS)
    return {
        "title": campaign.title,
        "kind": campaign.kind,
        "message": campaign.message or (campaign.variants[0]["text"] if campaign.variants else ""),
        "variants": _dump(campaign.variants),
        "media_type": campaign.multimedia.get("type", ""),
        "media_url": campaign.multimedia.get("url", ""),
        "media_filename": campaign.multimedia.get("filename", ""),
        "segment": str(campaign.segment_id or ""),
        "audience": _dump(campaign.audience),
        "starts_at": _local(campaign),
        "time_zone": campaign.time_zone,
        "recurrence": campaign.recurrence if is_word else "cron",
        "cron": "" if is_word else campaign.recurrence,
        "window_start": window.get("start", ""),
        "window_end": window.get("end", ""),
        "weekdays": [str(day) for day in window.get("weekdays", range(7))],
        "zone_attribute": window.get("time_zone_attribute", ""),
        "devices": [str(pk) for pk in campaign.requested_device_ids],
        "devices_limit": str(campaign.devices_limit),
        "allow_missing": "true" if campaign.allow_missing else "",
        "way_out": "true" if campaign.way_out else "",
        "canary": "" if campaign.canary else "false",
    }


def posted(post: QueryDict) -> Form:
    """The form as it was sent, to be shown again."""
    lists = {name: post.getlist(name) for name in ("weekdays", "devices")}
    names = empty(Account(time_zone="UTC"))
    return {name: lists[name] if name in lists else post.get(name, "") for name in names}


def fields_of(
    form: Form, campaign: Campaign | None, now: datetime, *, has_file: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The form as the API reads it, and what could not even be read: {field: code}."""
    unread: dict[str, Any] = {}
    fields: dict[str, Any] = {
        "title": form["title"],
        "message": form["message"],
        "variants": _load(form, "variants", unread, []),
        "segment_id": int(form["segment"]) if form["segment"].isdecimal() else None,
        # A segment says it all: what was chosen before it is no longer meant.
        "audience": {} if form["segment"] else _load(form, "audience", unread, {}),
        "time_zone": form["time_zone"],
        "recurrence": form["cron"].strip() if form["recurrence"] == "cron" else form["recurrence"],
        "sending_window": _window(form),
        "devices": form["devices"],
        "devices_limit": form["devices_limit"],
        "allow_missing": form["allow_missing"] == "true",
        "way_out": form["way_out"] == "true",
        "canary": form["canary"] != "false",
        "multimedia": _multimedia(form, campaign, has_file),
    }
    if form["kind"]:  # a form that has none leaves it as it is
        fields["kind"] = form["kind"]
    if form["recurrence"] == "cron" and not fields["recurrence"]:
        fields["recurrence"] = "-"  # asked for, and not written: refused, not forgotten
    fields["scheduled_at"] = _moment(form, campaign, now)
    # What the serializer looks at only when every field is well by itself: here all is said at once.
    has_text = bool(fields["message"].strip() or fields["variants"])
    is_audio = form["media_type"] == "audio"
    if has_text == is_audio:
        unread["message"] = [ErrorDetail("", "audio_without_text" if is_audio else "message_missing")]
    if _is_before(fields["scheduled_at"], now - PAST_GRACE):
        unread["scheduled_at"] = [ErrorDetail("", "moment_passed")]  # it would go out at once: saving sends nothing
    if not form["media_type"] and (has_file or _names_another_file(form, campaign)):
        unread["multimedia"] = [ErrorDetail("", "multimedia_type")]
    if form["recurrence"] in WORDS and fields["scheduled_at"] is None:
        unread["recurrence"] = [ErrorDetail("", "recurrence_without_start")]
    return fields, unread


def audience_of(form: Any) -> Any:
    """The audience of a posted form. Raises ValueError where it is no JSON."""
    return json.loads(form.get("audience") or "{}")


def has_own_file(campaign: Campaign) -> bool:
    """Whether its attachment was uploaded."""
    return bool(campaign.multimedia_file) and bool(campaign.multimedia) and not campaign.multimedia.get("url")


def _multimedia(form: Form, campaign: Campaign | None, has_file: bool) -> dict[str, Any]:
    if has_file and form["media_type"] == "audio":
        return {"type": "audio"}  # without a text, which no other kind may be
    if not form["media_type"] or has_file:
        return {}  # an uploaded file is attached once there is a campaign
    if (
        not form["media_url"]
        and campaign is not None
        and campaign.multimedia_file
        and not campaign.multimedia.get("url")
    ):
        return dict(campaign.multimedia)  # the file that it has
    given = {"type": form["media_type"], "url": form["media_url"].strip(), "filename": form["media_filename"].strip()}
    return {key: value for key, value in given.items() if value or key != "filename"}


def _names_another_file(form: Form, campaign: Campaign | None) -> bool:
    """Whether there is an address beside no type that the campaign has not: else its attachment is taken away."""
    known = "" if campaign is None else campaign.multimedia.get("url", "")
    return form["media_url"].strip() not in {"", known}


def _window(form: Form) -> dict[str, Any]:
    if not form["window_start"] and not form["window_end"]:
        if form["zone_attribute"].strip():
            return {"time_zone_attribute": form["zone_attribute"]}  # of which hours? refused, not forgotten
        if len(form["weekdays"]) in {0, 7}:
            return {}
        return _completed({"start": "00:00", "end": "24:00"}, form)
    window: dict[str, Any] = {"start": form["window_start"][:5], "end": form["window_end"][:5] or "24:00"}
    window["start"] = window["start"] or "00:00"
    return _completed(window, form)


def _completed(window: dict[str, Any], form: Form) -> dict[str, Any]:
    if len(form["weekdays"]) != 7:
        window["weekdays"] = _days(form)
    if attribute := form["zone_attribute"].strip():
        window["time_zone_attribute"] = attribute
    return window


def _days(form: Form) -> list[int]:
    return sorted({int(day) for day in form["weekdays"] if day in "0123456"})


def _moment(form: Form, campaign: Campaign | None, now: datetime) -> str | None:
    """The start on the campaign's clock, with its offset; None for none."""
    if not form["starts_at"]:
        return None
    if campaign is not None and (form["starts_at"][:16], form["time_zone"]) == (_local(campaign), campaign.time_zone):
        # As it was: of an hour that comes twice, the same one; where it recurs and that has gone by, the next.
        return _next_time(campaign, now)
    zone = known_zone(form["time_zone"]) or ZoneInfo("UTC")
    try:
        return datetime.fromisoformat(form["starts_at"]).replace(tzinfo=zone).isoformat()
    except (ValueError, OverflowError):
        return "-"


def _next_time(campaign: Campaign, now: datetime) -> str | None:
    moment = campaign.scheduled_at
    recurs = launching.recurrence_of(campaign)
    if moment is not None and moment < now and recurs is not None:
        moment = recurs.next_after(now) or moment
    return None if moment is None else moment.isoformat()


def _is_before(moment: str | None, now: datetime) -> bool:
    return moment not in {None, "-"} and datetime.fromisoformat(str(moment)) < now


def _local(campaign: Campaign) -> str:
    if campaign.scheduled_at is None:
        return ""
    return campaign.scheduled_at.astimezone(ZoneInfo(campaign.time_zone)).strftime(LOCAL)


def _load(form: Form, name: str, unread: dict[str, Any], nothing: Any) -> Any:
    try:
        return json.loads(form[name] or "null") or nothing
    except (ValueError, RecursionError):
        unread[name] = [ErrorDetail("", "json_invalid")]
        return nothing


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
