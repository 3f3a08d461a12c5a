"""What became of a job's messages, as its page and its campaign's show it: from sent to read, and by device."""

from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs.models import Job
from jobs.receipts import figures

DEVICES_SHOWN: Final = 50

# What receipts may have said of a recipient, by the names of RECEIPT_TIMES.
RECEIPTS: Final = {
    "delivered": gettext_lazy("Delivered, read or not"),
    "read": gettext_lazy("Read"),
    "played": gettext_lazy("Played"),
    "replied": gettext_lazy("Answered"),
    "failed_after": gettext_lazy("Refused by WhatsApp after it was sent"),
}


def shown(job: Job) -> dict[str, Any]:
    """The card: the steps with their shares of those sent, first and last time, the devices."""
    counted = job.receipts()
    steps = [
        ("sent", _("Sent"), job.sent, None),
        ("delivered", _("Delivered"), job.delivered, counted["delivered_rate"]),
        ("read", _("Read"), job.read, counted["read_rate"]),
    ]
    if job.played:
        steps.append(("played", _("Played"), job.played, counted["played_rate"]))
    if job.replied:
        steps.append(("replied", _("Answered"), job.replied, figures.rate(job.replied, job.sent)))
    devices = figures.by_device(job) if job.delivered or job.failed_after else []
    return {
        "steps": [
            # Widths are written here: a template would put the language's decimal comma.
            {"name": name, "label": label, "count": count, "share": share, "width": f"{_width(count, job.sent):.3f}%"}
            for name, label, count, share in steps
        ],
        "refused": job.failed_after,
        "first_at": job.first_receipt_at,
        "last_at": job.last_receipt_at,
        "is_heard": job.first_receipt_at is not None or job.replied > 0,
        "devices": devices[:DEVICES_SHOWN],
        "devices_left_out": max(0, len(devices) - DEVICES_SHOWN),
    }


def _width(number: int, sent: int) -> float:
    return min(100.0, 100 * number / sent) if sent else 0.0


def choices(job: Job) -> list[dict[str, Any]]:
    """By what receipts say a list of recipients can be narrowed."""
    return [{"value": kind, "label": label, "count": getattr(job, kind)} for kind, label in RECEIPTS.items()]
