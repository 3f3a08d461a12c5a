"""What a campaign notes of itself and tells its sender: stored as a code with details, said in the reader's language.

Each code stands once, with the wire's Spanish and the page's words. Refusals at the launch are those of
`campaign_refusals`. `as_written` is what was stored as a sentence that nobody recognised, and is shown as it stands.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from campaigns.wording import field_problems
from campaigns.wording.campaign_refusals import CAMPAIGN_REFUSALS
from devices import reasons
from jobs.states import JobStatus
from jobs.wording.job_reasons import JOB_REASONS, job_reason
from jobs.wording.job_reasons import sentence as job_sentence
from jobs.wording.phrase import Phrase

AS_WRITTEN: Final = "as_written"


@dataclass(frozen=True, slots=True)
class Said:
    """One code: with gaps in braces on the wire, with gaps for % on the pages."""

    spanish: str
    page: Phrase


# Gaps: clock.
NOTES: Final[dict[str, Said]] = {
    "missed": Said(
        "No se envió a su hora ({clock}) porque el programa no estaba en marcha, y ya ha pasado demasiado tiempo. "
        "Ejecútala tú, o cambia la fecha.",
        _(
            "It was not sent at its time (%(clock)s) because the program was not running, and too much time has "
            "passed. Send it yourself, or change its date."
        ),
    ),
    "occurrence_skipped": Said(
        "Se omitió el envío del {clock}: el programa no estaba en marcha a su hora. La campaña sigue con el próximo.",
        _(
            "The sending of %(clock)s was skipped: the program was not running at its time. The campaign goes on "
            "with the next one."
        ),
    ),
    "occurrence_under_way": Said(
        "Se omitió el envío del {clock}: el anterior todavía no había terminado. La campaña sigue con el próximo.",
        _(
            "The sending of %(clock)s was skipped: the one before had not ended yet. The campaign goes on with the "
            "next one."
        ),
    ),
}

# Titles of notifications. Gaps: title.
ENDED: Final[dict[str, Said]] = {
    "campaign_completed": Said("Campaña terminada: {title}", _("Campaign finished: %(title)s")),
    "campaign_failed": Said("La campaña falló: {title}", _("The campaign failed: %(title)s")),
    "campaign_cancelled": Said("Campaña cancelada: {title}", _("Campaign cancelled: %(title)s")),
}
ENDED_OF: Final[dict[str, str]] = {
    JobStatus.COMPLETED: "campaign_completed",
    JobStatus.FAILED: "campaign_failed",
    JobStatus.CANCELLED: "campaign_cancelled",
}

# Their text. Gaps: the counts, and nothing more.
COUNTS: Final = ("sent", "total", "failed", "suppressed", "unknown")
COUNTED: Final = Said(
    "{sent} de {total} mensajes enviados; {failed} fallidos, {suppressed} omitidos, {unknown} sin confirmar.",
    _("%(sent)s of %(total)s messages sent; %(failed)s failed, %(suppressed)s left out, %(unknown)s unconfirmed."),
)

# Titles of notifications of a device. Gaps: device.
DEVICE: Final[dict[str, Said]] = {
    "device_out": Said("Dispositivo fuera de servicio: {device}", _("Device out of service: %(device)s")),
    "device_back": Said("El dispositivo vuelve a funcionar: {device}", _("The device works again: %(device)s")),
    "device_locked": Said("Dispositivo limitado por WhatsApp: {device}", _("Device limited by WhatsApp: %(device)s")),
    "device_unlocked": Said(
        "El dispositivo vuelve a escribir a todos: {device}", _("The device writes to everybody again: %(device)s")
    ),
}
# Their text, where it is over; else it is the reason.
_OVER: Final[dict[str, Said]] = {
    "device_back": Said("WhatsApp vuelve a confirmar sus mensajes.", _("WhatsApp acknowledges its messages again.")),
    "device_unlocked": Said(
        "Terminó el tiempo en que solo escribía a quienes ya le habían escrito.",
        _("The time is over in which it wrote only to people who had written to it."),
    ),
}
# Of a job that is held after its first few. Gaps: title.
JOB_HELD: Final = "job_held"
HELD: Final = Said("El envío espera tu decisión: {title}", _("The job waits for your decision: %(title)s"))


# --- Of a campaign -------------------------------------------------------------------------------------


def spanish(code: str, details: Mapping[str, Any]) -> str:
    """Why it failed or waits for a person, as the wire has it; "" where there is nothing to say."""
    if code in NOTES:
        return NOTES[code].spanish.format(clock=_clock(details, "%d/%m/%Y %H:%M"))
    if code == AS_WRITTEN:
        return str(details["text"])
    if code not in CAMPAIGN_REFUSALS:
        return code
    text = CAMPAIGN_REFUSALS[code].wire
    return f"{text} {details['path']}: {details['message']}" if "path" in details else text


def shown(code: str, details: Mapping[str, Any]) -> str:
    """The same for the reader of a page."""
    if code in NOTES:
        return str(NOTES[code].page) % {"clock": _clock(details)}
    if code == AS_WRITTEN:
        return str(details["text"])
    if not code:
        return ""
    text = str(CAMPAIGN_REFUSALS[code].page if code in CAMPAIGN_REFUSALS else field_problems.OTHER_PROBLEM)
    if "path" not in details:
        return text
    return f"{text} {field_problems.audience_problem_at(details['path'], details.get('code', ''))}"


def job_description(state_reason: str) -> str:
    """Why a launched campaign failed or rests, in Spanish; "" where there is nothing to say."""
    return " ".join(job_sentence(state_reason)).strip() if state_reason else ""


def _clock(details: Mapping[str, Any], pattern: str = "") -> str:
    """The time it was for, in the campaign's zone: by `pattern`, or as the page's language writes it."""
    moment = datetime.fromisoformat(details["scheduled_at"]).astimezone(ZoneInfo(details["time_zone"]))
    text = moment.strftime(pattern) if pattern else date_format(moment, "SHORT_DATETIME_FORMAT")
    return f"{text} {details['time_zone']}"


# --- Of a notification ---------------------------------------------------------------------------------


def ended_details(title: str, state_reason: str, stats: Mapping[str, int]) -> dict[str, Any]:
    """What a notification of an end keeps: its title in one line (an e-mail's subject, too), why, and the counts."""
    return {
        "title": " ".join(title.split()),
        "state_reason": state_reason,
        **{name: stats[name] for name in COUNTS},
    }


def device_details(device_id: int, name: str, reason: str) -> dict[str, Any]:
    """What a notification of a device keeps."""
    return {"device_id": device_id, "device": " ".join(name.split()), "reason": reason}


def held_details(job_id: str, title: str, reason: str) -> dict[str, Any]:
    """What a notification of a job that is held keeps."""
    return {"job_id": job_id, "title": " ".join(title.split()), "reason": reason}


def spanish_title(code: str, details: Mapping[str, Any]) -> str:
    if code in DEVICE:
        return DEVICE[code].spanish.format(device=details["device"])
    if code == JOB_HELD:
        return HELD.spanish.format(title=details["title"])
    if code not in ENDED:
        return str(details.get("title", code))
    return ENDED[code].spanish.format(title=details["title"])


def spanish_text(code: str, details: Mapping[str, Any]) -> str:
    if code in DEVICE:
        return _OVER[code].spanish if code in _OVER else reasons.spanish(details["reason"])
    if code == JOB_HELD:
        return job_description(details["reason"])
    if code not in ENDED:
        return str(details.get("text", ""))
    counts = COUNTED.spanish.format(**{name: details[name] for name in COUNTS})
    return f"{job_description(details['state_reason'])} {counts}".strip()


def shown_title(code: str, details: Mapping[str, Any]) -> str:
    if code in DEVICE:
        return str(DEVICE[code].page) % {"device": details["device"]}
    if code == JOB_HELD:
        return str(HELD.page) % {"title": details["title"]}
    if code not in ENDED:
        return str(details.get("title", code))
    return str(ENDED[code].page) % {"title": details["title"]}


def shown_text(code: str, details: Mapping[str, Any]) -> str:
    if code in DEVICE:
        return str(_OVER[code].page if code in _OVER else reasons.shown(details["reason"]))
    if code == JOB_HELD:
        return str(job_reason(details["reason"]))
    if code not in ENDED:
        return str(details.get("text", ""))
    counts = str(COUNTED.page) % {name: intcomma(details[name]) for name in COUNTS}
    reason = details["state_reason"]
    known = str(JOB_REASONS[reason].page) if reason in JOB_REASONS else ""
    return f"{known} {counts}".strip()
