"""A job's outcome as a file: one line per recipient, in file order, safe to open in a spreadsheet.

The format is that of the recipient file, so that a part of it can be sent again.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from django.db.models import Func, IntegerField, Max

from accounts.written.spreadsheets import BOM, defuser
from devices.models import Device
from jobs.models import Job, Recipient, RecipientQuerySet
from jobs.wording import recipient_errors

PAGE_ROWS = 2_000

# What receipts said, and since when: columns of the file by the fields of these names.
TIMES = ("sent_at", "delivered_at", "read_at", "played_at", "failed_after_at", "replied_at")

_defuse = defuser(",;\t")  # where a spreadsheet may split instead of at "|"


def pages(job: Job, recipients: RecipientQuerySet) -> Iterator[str]:
    """Yield the file of these recipients of the job in parts: the header, then 2,000 recipients each.

    Page by page along the key rather than through one cursor: a slow reader then holds no transaction open,
    under which PostgreSQL could not clean up after the sending that goes on.
    """
    # Deleted devices too: what they sent was sent.
    names = dict(Device.unscoped.filter(account_id=job.account_id).values_list("id", "name"))
    yield BOM + _line(["phone", "state", "error", *TIMES, "device", *_value_names(job)])
    fields = ("position", "phone", "state", "error_code", "device_id", "values", *TIMES)
    position = -1
    while True:
        page = list(recipients.filter(position__gt=position).in_order().values_list(*fields)[:PAGE_ROWS])
        if not page:
            return
        position = page[-1][0]
        yield "".join(
            [
                _phone(phone)
                + "|"
                + _line(
                    [
                        state,
                        recipient_errors.on_the_wire(error_code),
                        *map(_time, times),
                        names.get(device_id, ""),
                        *values,
                    ]
                )
                for _, phone, state, error_code, device_id, values, *times in page
            ]
        )


def _value_names(job: Job) -> list[str]:
    cardinality = Func("values", function="cardinality", output_field=IntegerField())
    widest = Recipient.objects.filter(job_id=job.pk).aggregate(widest=Max(cardinality))["widest"] or 0
    unnamed = range(len(job.columns) + 1, widest + 1)
    return [*job.columns, *(f"valor{number}" for number in unnamed)]


def _time(moment: datetime | None) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else ""


def _line(cells: list[str]) -> str:
    return "|".join([cell(text) for text in cells]) + "\r\n"


def _phone(text: str) -> str:
    """A phone as it is, "+" and digits: no formula, and fit to be sent to again. Anything else as any cell."""
    return text if text[:1] == "+" and text[1:].isdecimal() else cell(text)


def cell(text: str) -> str:
    """Make any text one cell: never a formula, and quoted where it could be taken for several cells."""
    text = _defuse(text)
    if "|" in text or '"' in text or "\n" in text or "\r" in text:
        return '"' + text.replace('"', '""') + '"'
    return text
