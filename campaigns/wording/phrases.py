"""What the pages of campaigns say, in their reader's language, by the codes of `wire`, `audience` and `freezing`.

The wire speaks Spanish, to programs; these speak to the person in front of the page.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from campaigns.audience.conditions import OPERATORS, BadAudience
from campaigns.audience.freezing import NO_PHONE, OPTED_OUT, REASONS, SUPPRESSED
from campaigns.launch.estimates import Estimate
from campaigns.launch.media import MAX_BYTES
from campaigns.states import CampaignStatus

Phrase = str | Promise

# A campaign is of another gender than a job.
STATUSES: Final[dict[str, Phrase]] = {
    CampaignStatus.PENDING: pgettext_lazy("campaign", "pending"),
    CampaignStatus.RUNNING: pgettext_lazy("campaign", "running"),
    CampaignStatus.PAUSED: pgettext_lazy("campaign", "paused"),
    CampaignStatus.COMPLETED: pgettext_lazy("campaign", "completed"),
    CampaignStatus.FAILED: pgettext_lazy("campaign", "failed"),
    CampaignStatus.CANCELLED: pgettext_lazy("campaign", "cancelled"),
}

# Why a campaign cannot be launched, changed or tried out as it is.
REFUSALS: Final[dict[str, Phrase]] = {
    "campaign_already_ran": _("The campaign was launched already. Make another one to send again."),
    "campaign_under_way": _("The campaign is being sent now. Wait for its end, or cancel it."),
    "campaign_cancelled": _("The campaign is cancelled and cannot be launched. Make another one."),
    "campaign_changed": _("The campaign changed meanwhile. Review it and try again."),
    "campaign_launched": _("A campaign that was launched can no longer be changed."),
    "campaign_running": _("The campaign is being sent. Cancel it before you delete it."),
    "audience_empty": _("The audience is empty: choose labels, attributes or contacts."),
    "audience_invalid": _("The audience is not valid. Mend it first."),
    "media_missing": _("The attachment's file is missing. Upload it again, or give its address."),
    "media_unreachable": _("The attachment's server does not answer. The address must be a public one that works."),
    "media_not_found": _("There is no file at the attachment's address. Open it in a browser to check."),
    "media_refused": _("The attachment's address leads to a private network. It must be a public one."),
    "media_wrong_type": _("The attachment is not of the type that was chosen. Mend the type or the file."),
    "media_too_large": _("The attachment is too large for WhatsApp."),
    "media_empty": _("The attachment's file is empty."),
}

# What is wrong with a field of the form, by the codes of `wire.FIELDS` and of Django REST framework.
FIELDS: Final[dict[str, Phrase]] = {
    "blank": _("This cannot be left empty."),
    "required": _("This cannot be left empty."),
    "max_length": _("This is too long. Shorten it."),
    "too_long": _("This is too long. Shorten it."),
    "text_invalid": _("It has characters that cannot be sent. Remove them."),
    "message_missing": _("Write the message."),
    "variants_invalid": _("Write from 2 to 10 variants, none of them empty."),
    "weight_invalid": _("A weight is a whole number from 1 to 1000."),
    "not_an_object": _("This is not valid JSON."),
    "json_invalid": _("This is not valid JSON."),
    "offset_missing": _("This is not a valid date and time."),
    "moment_invalid": _("This is not a valid date and time."),
    "moment_passed": _("That moment has passed. Write a later one, or leave it empty and send by hand."),
    "moment_out_of_range": _("The year must be between 2000 and 2999."),
    "time_skipped": _("That time does not exist in this time zone: the clock is put forward and skips it."),
    "time_zone_unknown": _("This is no time zone. One is America/Lima."),
    "recurrence_invalid": _("Write a cron expression of five fields, such as 30 9 * * 1-5."),
    "recurrence_without_start": _("Say when it begins: the day and time that are repeated."),
    "recurrence_never": _("That expression never comes to pass."),
    "window_invalid": _("Write two times, the first before the second, and choose at least one day."),
    "devices_unknown": _("One of the chosen devices no longer exists. Reload the page."),
    "segment_and_audience": _("Choose a segment or an audience, not both."),
    "does_not_exist": _("That segment no longer exists. Choose another."),
    "contacts_unknown": _("One of those contacts does not exist in this account."),
    "multimedia_type": _("Choose the type of the attachment."),
    "multimedia_url": _("Write an address that begins with http:// or https://, or choose a file."),
    "multimedia_filename": _("A file name has 255 characters at most, and no “/”."),
    "name_taken": _("Another segment has that name already."),
    "min_value": _("Write a whole number from 1 to 1000."),
    "max_value": _("Write a whole number from 1 to 1000."),
    "invalid": _("This is not valid."),
    # Of an audience
    "unknown_key": _("This condition does not exist."),
    "wrong_type": _("The value is not of the type that this condition takes."),
    "too_many": _("These are too many."),
    "unknown_operator": _("Choose how to compare."),
    "missing": _("The value is missing."),
}
OTHER_PROBLEM: Final = _("This is not valid.")

# Why somebody of the audience is not written to, to follow a number.
LEFT_OUT: Final[dict[str, Phrase]] = {
    OPTED_OUT: _("asked not to be written to"),
    SUPPRESSED: _("on the list of suppressed numbers"),
    NO_PHONE: _("without a phone"),
}

COMPARISONS: Final[dict[str, Phrase]] = {
    "eq": _("is"),
    "ne": _("is not"),
    "gt": _("is greater than"),
    "gte": _("is at least"),
    "lt": _("is less than"),
    "lte": _("is at most"),
    "contains": _("contains"),
    "in": _("is one of"),
    "exists": _("exists"),
}
assert tuple(COMPARISONS) == OPERATORS

VALUE_TYPES: Final[dict[str, Phrase]] = {
    "string": _("text"),
    "number": _("number"),
    "boolean": _("yes or no"),
    "null": _("empty (null)"),
}

MEDIA: Final[dict[str, Phrase]] = {
    "image": _("image"),
    "video": _("video"),
    "audio": _("audio"),
    "document": _("document"),
}
assert MEDIA.keys() == MAX_BYTES.keys()

RECURRENCES: Final[dict[str, Phrase]] = {
    "": _("Once"),
    "daily": _("Every day"),
    "weekly": _("Every week, on that weekday"),
    "monthly": _("Every month, on that day"),
    "cron": _("By a cron expression"),
}

WEEKDAYS: Final[tuple[Phrase, ...]] = (
    _("Mon"),
    _("Tue"),
    _("Wed"),
    _("Thu"),
    _("Fri"),
    _("Sat"),
    _("Sun"),
)


def refusal(code: str) -> Phrase:
    return REFUSALS.get(code, OTHER_PROBLEM)


def launch_refused(error: Exception) -> Phrase:
    """Say why `launching.launch` refused."""
    if isinstance(error, BadAudience):
        return refusal("audience_invalid")
    return refusal(getattr(error, "code", ""))


def audience_problem(bad: BadAudience) -> str:
    """The first thing that is wrong with an audience, with its place."""
    first = bad.problems[0]
    return problem_at(first["path"], first["code"])


def problem_at(path: str, code: str) -> str:
    """What is wrong at a place of an audience."""
    return _sentence(path.removeprefix("audience").removeprefix("."), code)


def problems(errors: Any) -> dict[str, list[str]]:
    """What is wrong, by field of the form, of the errors of a serializer. Each sentence names its place."""
    return {
        _FORM_FIELDS.get(field, field): list(
            dict.fromkeys(_sentence(place, code) for place, code in _flat(detail, field in _OF_PLACES))
        )
        for field, detail in errors.items()
    }


_FORM_FIELDS: Final = {"segment_id": "audience", "scheduled_at": "schedule", "non_field_errors": "form"}
_OF_PLACES: Final = {"audience"}


def _flat(detail: Any, has_places: bool, place: str = "") -> Iterator[tuple[str, str]]:
    """Every error in what a serializer found, as (place, code)."""
    if isinstance(detail, Mapping):
        for key, inner in detail.items():
            yield from _flat(inner, has_places, str(key) if has_places and key != "non_field_errors" else "")
    elif isinstance(detail, Iterable) and not isinstance(detail, str):
        for inner in detail:
            yield from _flat(inner, has_places, place)
    else:
        yield place, getattr(detail, "code", "invalid")


def _sentence(place: str, code: str) -> str:
    said = str(FIELDS.get(code, OTHER_PROBLEM))
    # The key of an attribute says more than the way to it.
    shown = ".".join(part for part in place.split(".") if part not in {"custom_attributes", "value", "op"})
    return f"{shown}: {said}" if shown else said


def people(count: int) -> str:
    return ngettext("%(count)s person", "%(count)s people", count) % {"count": intcomma(count)}


def left_out(excluded: Mapping[str, int]) -> list[dict[str, Any]]:
    """How many of the audience are not written to, by reason, the most first."""
    known = [(reason, excluded.get(reason, 0)) for reason in REASONS]
    return [
        {"reason": reason, "label": LEFT_OUT[reason], "count": count}
        for reason, count in sorted(known, key=lambda one: -one[1])
        if count
    ]


def left_out_sentence(excluded: Mapping[str, int]) -> str:
    """“56 left out: 50 asked not to be written to, 6 without a phone”; "" where nobody is."""
    rows = left_out(excluded)
    if not rows:
        return ""
    reasons = ", ".join(f"{intcomma(row['count'])} {row['label']}" for row in rows)
    total = intcomma(sum(row["count"] for row in rows))
    return gettext("%(count)s left out: %(reasons)s") % {"count": total, "reasons": reasons}


def duration(seconds: float) -> str:
    """A length of time as people say it: "40 seconds", "2.5 hours", "11.6 days"."""
    days, hours, minutes = round(seconds / 86_400, 1), round(seconds / 3600, 1), round(seconds / 60, 1)
    if days >= 1:
        return ngettext("%(count)s day", "%(count)s days", 1 if days == 1 else 2) % {"count": _number(days)}
    if hours >= 1:
        return ngettext("%(count)s hour", "%(count)s hours", 1 if hours == 1 else 2) % {"count": _number(hours)}
    if minutes >= 1:
        return ngettext("%(count)s minute", "%(count)s minutes", 1 if minutes == 1 else 2) % {"count": _number(minutes)}
    whole = max(1, round(seconds))
    return ngettext("%(count)s second", "%(count)s seconds", whole) % {"count": whole}


def _number(value: float) -> str:
    return number_format(value, 0 if value == int(value) else 1)


def estimate(estimate: Estimate) -> str:
    """How long it will take, as a sentence."""
    if not estimate.devices:
        return gettext("No device can send. Connect one.")
    if estimate.seconds is None:
        return gettext("It would not end within ten years with these devices, limits and hours.")
    if not estimate.seconds:
        return gettext("There is nobody to send to.")
    text = duration(estimate.seconds)
    if more := estimate.more_devices_for_one_day:
        text += "; " + ngettext(
            "%(count)s more device to finish in one day", "%(count)s more devices to finish in one day", more
        ) % {"count": intcomma(more)}
    return text


def translated(phrases: Mapping[str, Phrase]) -> dict[str, str]:
    """Translate them all now, for a script of the page."""
    return {code: str(phrase) for code, phrase in phrases.items()}
