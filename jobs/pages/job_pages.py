"""What the pages of sending show: a new job, a job live, its recipients. JobAdmin decides who may see them."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.formats import get_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts.errors import ApiError
from accounts.models import Account
from devices import reasons
from devices.health import breaker
from devices.models import Device
from devices.numbers import countries, landlines
from devices.states import DeviceStatus
from jobs import control, forecast, retention, waits
from jobs.intake import accepting
from jobs.intake.recipient_file import MAX_COLUMNS, MAX_LINE_BYTES
from jobs.message import lengths
from jobs.message.book import template_of
from jobs.models import Job, OnDuplicate, Recipient
from jobs.pages import receipt_card, recipient_list
from jobs.sending import canary
from jobs.states import JOB_ENDED, RECIPIENT_SENT, JobStatus, RecipientState
from jobs.wording import recipient_errors, refusals
from jobs.wording.job_reasons import MEDIA_UNREACHABLE, job_reason
from jobs.wording.line_problems import LINE_PROBLEMS, line_problem
from jobs.wording.phrase import as_text

FEED_ROWS = 20
_SOON = timedelta(seconds=10)  # every job waits a moment before it starts

# The devices of an account among which a person may choose by hand; more than these and "any" is the way.
DEVICES_OFFERED = 200
# Of the devices of a job; the page is asked for again every half minute.
DEVICES_SHOWN = 50


# --- A new job -------------------------------------------------------------------------------------


def new_job(account: Account, form: QueryDict, error: ApiError | None = None) -> dict[str, Any]:
    """The upload page: empty, or as it was sent with what is wrong beside its field."""
    devices = Device.objects.for_account(account).defer("token").order_by("name")[:DEVICES_OFFERED]
    return {
        "form": {
            "title": form.get("title", ""),
            "message": form.get("message", ""),
            "devices_limit": form.get("devices_limit", str(accepting.DEFAULT_DEVICES_LIMIT)),
            "default_country": form.get("default_country", ""),
            "devices": form.getlist("devices"),
            "starts_at": form.get("starts_at", ""),
            "on_duplicate": form.get("on_duplicate", OnDuplicate.SKIP_ROW.value),
            "allow_missing": form.get("allow_missing", ""),
            "canary": form.get("canary", ""),
        },
        "devices": [offered(device) for device in devices],
        "has_available_device": breaker.available_soon(Device.objects.for_account(account)).exists(),
        "duplicate_choices": OnDuplicate.choices,
        "limits": {
            "devices": (accepting.LOWEST_DEVICES_LIMIT, accepting.HIGHEST_DEVICES_LIMIT),
            "title": accepting.MAX_TITLE_CHARACTERS,
            "message": accepting.MAX_MESSAGE_CHARACTERS,
            "megabytes": settings.MAX_UPLOAD_BYTES // 2**20,
            "recipients": settings.MAX_RECIPIENTS,
        },
        "canary_rule": canary.rule(),
        "errors": _errors(error),
        "time_zone": timezone.get_current_timezone_name(),
        "script_data": {
            "send": reverse("send_bulk_file"),
            # The page of a job whose id is not known yet.
            "live": reverse("admin:jobs_job_live", args=["00000000-0000-0000-0000-000000000000"]),
            "limits": {
                "bytes": settings.MAX_UPLOAD_BYTES,
                "recipients": settings.MAX_RECIPIENTS,
                "prefixes": countries.prefixes(),
                "landlines": landlines.patterns(),
                "lineBytes": MAX_LINE_BYTES,
                "columns": MAX_COLUMNS,
                "characters": lengths.EASY,
            },
            "number": number_format(),
            "language": get_language(),
            "fields": {code: said.field for code, said in refusals.ON_THE_PAGE.items() if said.field},
            "refusals": as_text({code: said.page for code, said in refusals.ON_THE_PAGE.items()}),
            "lines": as_text({code: said.page for code, said in LINE_PROBLEMS.items()}),
            "words": _new_job_words(),
        },
    }


def form_of(post: QueryDict) -> QueryDict:
    """The form as the API reads it: a start on the reader's clock becomes a moment with its offset."""
    form = post.copy()
    if form.get("starts_at") and not form.get("scheduled_at"):
        try:
            local = parse_datetime(form.get("starts_at", ""))
        except ValueError:
            local = None
        if local is not None and timezone.is_naive(local):
            local = timezone.make_aware(local)
        form["scheduled_at"] = "-" if local is None else local.isoformat()
    return form


def _errors(error: ApiError | None) -> dict[str, Any]:
    """What is wrong, by field, with the lines of the file it is about."""
    if error is None:
        return {}
    field = refusals.field_of(error.code) or "form"
    lines = [{"line": one["line"], "message": line_problem(one["code"])} for one in error.errors if "line" in one]
    names = [{"name": one["name"], "nearest": ", ".join(one["nearest"])} for one in error.errors if "name" in one]
    return {field: {"message": refusals.page_refusal(error.code), "lines": lines, "names": names}}


def offered(device: Device) -> dict[str, Any]:
    """What a form and a job's page say of a device."""
    return {
        "id": str(device.pk),
        "name": device.name,
        "status": device.status if device.enabled else "off",
        "label": device.get_status_display() if device.enabled else _("switched off"),
        "why": reasons.shown(device.status_reason),
        "is_available": device.enabled and device.status not in {DeviceStatus.DISCONNECTED, DeviceStatus.BLOCKED},
        "pace": device.messages_per_minute,
    }


def _new_job_words() -> dict[str, str]:
    return {
        "rows": _("{count} recipients"),
        "oneRow": _("1 recipient"),
        "counting": _("Counting… {count} so far"),
        "repeated": _("{count} repeated phones"),
        "oneRepeated": _("1 repeated phone"),
        "invalid": _("{count} phones are not valid and will fail"),
        "oneInvalid": _("1 phone is not valid and will fail"),
        "allValid": _("All phones look valid"),
        "national": _("{count} phones without a country code are read as numbers of {country}"),
        "oneNational": _("1 phone without a country code is read as a number of {country}"),
        "countries": _("by country: {countries}"),
        "noCountry": _("no country"),
        "landlines": _("{count} are landlines: they get it only with WhatsApp Business"),
        "oneLandline": _("1 is a landline: it gets it only with WhatsApp Business"),
        "line": _("Line {line}: {problem}"),
        "lineNumbers": _("lines {lines}"),
        "moreLines": _("and {count} more"),
        "noHeader": _("no header"),
        "columns": _("columns: {names}"),
        "previewRow": _("Row {row} of {count}"),
        "noColumn": _(
            "“{name}” is no column of the file: refused if it looks like a misspelt one, else sent as it stands."
        ),
        "fewColumns": _("No row has {name}: nothing can fill it."),
        "missing": _("{count} of the first {rows} rows lack a value: --- is sent in its place."),
        "characters": _("{count} characters"),
        "long": _("With {count} characters it may not be read whole: {limit} are enough."),
        "uploading": _("Uploading… {percent} %"),
        "checking": _("Checking the list…"),
        "created": _("Created. Opening the live page…"),
        "noConnection": _("The server cannot be reached. Check your connection and send again."),
        "failed": str(refusals.OTHER_REFUSAL),
        "send": _("Send"),
        "sendCount": _("Send to {count} recipients"),
        "schedule": _("Schedule"),
        "scheduleCount": _("Schedule for {count} recipients"),
        "finish": _("Estimated time: {duration}, with {devices}."),
        "oneDevice": _("1 device"),
        "someDevices": _("{count} devices"),
        "fast": _("The devices have no limit per minute: it will go as fast as the gateway answers."),
        "days": _("{count} days"),
        "hours": _("{hours} h {minutes} min"),
        "minutes": _("{minutes} min"),
        "lessThanMinute": _("less than a minute"),
        "past": _("That moment has passed: choose a later one."),
        "zone": _("Your time zone: {zone}"),
    }


# --- A job, live -----------------------------------------------------------------------------------


def live(job: Job) -> dict[str, Any]:
    """The live page as the database has it now, and what its script needs to go on from there."""
    has_ended = job.status in JOB_ENDED
    chunk = None if has_ended else job.chunks.filter(device__isnull=False).order_by("-start").first()
    is_importing = job.status == JobStatus.PENDING and job.imported_at is None
    now = timezone.now()
    found = waits.waits(job, now)
    outlook = forecast.Outlook(None, None) if has_ended else forecast.outlook(job, now)
    outlook = outlook.not_before(wait.until for wait in found)
    return {
        "job": job,
        "has_ended": has_ended,
        "waiting": job.total - job.sent - job.failed,
        "reason": job_reason(job.state_reason) if job.state_reason else "",
        "waits": [
            {"why": job_reason(wait.reason), "recipients": wait.recipients, "until": wait.until}
            for wait in found
            if wait.reason != job.state_reason
        ],
        "canary": canary.seen(job, now),
        "resumes_at": job.resume_at if job.state_reason == MEDIA_UNREACHABLE else None,
        "chunk": chunk,
        "is_importing": is_importing,
        "import_percentage": int(100 * job.imported / job.total) if job.total else 0,
        "is_scheduled": job.status == JobStatus.PENDING and not is_importing and job.start_at > now + _SOON,
        "time_zone": timezone.get_current_timezone_name(),
        "rate": outlook.rate_per_minute,
        "eta": outlook.eta,
        "duration": _duration(job),
        **_devices(job),
        "feed": [_fed(recipient) for recipient in recipient_list.latest(job, FEED_ROWS)],
        "receipts": receipt_card.shown(job) if job.sent or job.failed_after else None,
        "by_state": _by_state(job) if retention.is_over(job) else [],
        "by_error": _by_error(job) if retention.is_over(job) else [],
        "possible": control.possible(job),
        "variables": [f"@{column}" for column in job.columns if column],
        "script_data": {
            "id": str(job.uuid),
            "status": job.status,
            "ended": has_ended,
            "settled": retention.is_over(job),
            "seq": job.event_seq,
            "sent": job.sent,
            "failed": job.failed,
            "total": job.total,
            "eta": None if outlook.eta is None else outlook.eta.isoformat(),
            "number": number_format(),
            "language": get_language(),
            "errors": as_text({code: said.page for code, said in recipient_errors.RECIPIENT_ERRORS.items()}),
            "otherError": str(recipient_errors.OTHER.page),
            "login": reverse("admin:login"),
            "words": _live_words(),
        },
    }


def _devices(job: Job) -> dict[str, Any]:
    """The devices that serve a job, those that need a person first; before its start, the names it asks for."""
    serving: Any = job.devices
    number, available = serving.count(), serving.available().count()
    requested = Device.objects.for_account(job.account_id).filter(pk__in=[] if number else job.requested_device_ids)
    return {
        "devices": [offered(device) for device in serving.shown()[:DEVICES_SHOWN]],
        "devices_count": number,
        "devices_available": available,
        "devices_left_out": max(0, number - DEVICES_SHOWN),
        "may_go_on": available > 0,
        "requested_devices": list(requested.order_by("name").values_list("name", flat=True)[:DEVICES_SHOWN]),
        "requested_left_out": max(0, requested.count() - DEVICES_SHOWN),
    }


def _duration(job: Job) -> str:
    """How long an ended job was under way, in words; "" for one that never began."""
    if job.started_at is None or job.finished_at is None:
        return ""
    seconds = round((job.finished_at - job.started_at).total_seconds())
    hours, minutes = divmod(seconds // 60, 60)
    if hours:
        return _("%(hours)s h %(minutes)s min") % {"hours": hours, "minutes": minutes}
    if minutes:
        return _("%(minutes)s min %(seconds)s s") % {"minutes": minutes, "seconds": seconds % 60}
    return _("%(seconds)s s") % {"seconds": seconds}


def _fed(recipient: Recipient) -> dict[str, Any]:
    is_sent = recipient.state in RECIPIENT_SENT
    error = recipient_errors.on_the_page(recipient.error_code)
    return {
        "phone": recipient.phone,
        "is_sent": is_sent,
        "text": recipient_errors.MESSAGE_SENT if is_sent else error or recipient.get_state_display(),
        "at": recipient.sent_at or recipient.tried_at,
    }


def _by_state(job: Job) -> list[dict[str, Any]]:
    counts = job.results.get("by_state", {})
    return [
        {"state": state.value, "label": state.label, "count": counts[state.value]}
        for state in RecipientState
        if counts.get(state.value)
    ]


def _by_error(job: Job) -> list[dict[str, Any]]:
    counts = job.results.get("by_error", {})
    return [
        {"code": code, "label": recipient_errors.on_the_page(code), "count": count}
        for code, count in sorted(counts.items(), key=lambda entry: -entry[1])
    ]


def _live_words() -> dict[str, str]:
    return {
        "connecting": _("Connecting…"),
        "live": _("Live"),
        "reconnecting": _("Reconnecting…"),
        "offline": _("Without connection"),
        "ended": _("Finished"),
        "sessionEnded": _("Your session has ended. Log in again to go on watching."),
        "gone": _("This job no longer exists."),
        "perMinute": _("{count} a minute"),
        "measuring": _("measuring…"),
        "resting": _("none in the last minute"),
        "etaMinutes": _("in {minutes} min, at {time}"),
        "etaSoon": _("in less than a minute"),
        "etaHours": _("in {hours} h {minutes} min, at {time}"),
        "etaDays": _("on {date}"),
        "chunk": _("{start}–{end} of {total}"),
        "sent": str(recipient_errors.MESSAGE_SENT),
        "noEvents": _("Events appear here as messages go out."),
    }


# --- A job's recipients ------------------------------------------------------------------------------


def recipients(request: HttpRequest, job: Job) -> dict[str, Any]:
    """The page of a job's recipients that the address asks for."""
    wanted = recipient_list.Wanted.from_query(request.GET)
    page = recipient_list.page_of(job, wanted)
    template = template_of(job)
    counts = job.results.get("by_state", {})
    error_counts = job.results.get("by_error", {})
    # While it runs nobody has counted: any error may come.
    errors: dict[str, int | None] = error_counts or dict.fromkeys(recipient_errors.RECIPIENT_ERRORS)
    return {
        "job": job,
        "wanted": wanted,
        "page": page,
        "first_row": page.rows[0].position + 1 if page.rows else 0,
        "last_row": page.rows[-1].position + 1 if page.rows else 0,
        "rows": [
            {
                "recipient": recipient,
                "error": recipient_errors.on_the_page(recipient.error_code),
                "text": template.render(recipient.values, recipient.phone, recipient.variant),
            }
            for recipient in page.rows
        ],
        "states": [
            {"value": state.value, "label": state.label, "count": counts.get(state.value)}
            for state in RecipientState
            if not counts or counts.get(state.value) or state == wanted.state
        ],
        "receipts": receipt_card.choices(job),
        "errors": [
            {"value": code, "label": recipient_errors.on_the_page(code), "count": count}
            for code, count in errors.items()
        ],
    }


def number_format() -> dict[str, str]:
    """How numbers are written in the reader's language, so that scripts write them as templates do."""
    return {"group": get_format("THOUSAND_SEPARATOR"), "decimal": get_format("DECIMAL_SEPARATOR")}
