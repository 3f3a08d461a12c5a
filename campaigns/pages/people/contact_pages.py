"""What the pages of contacts show: their list, one contact, an import. `contact_frame` decides who may see them."""

import csv
import io
from typing import Any, Final

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from accounts.models import Account
from accounts.written.spreadsheets import BOM, defuser
from campaigns.imports import consent_columns, exclusion_lines, recognition, upload
from campaigns.models import Contact, ContactImport, Label
from campaigns.pages.people import contact_list
from campaigns.pages.people.contact_forms import ATTRIBUTE_KINDS, COLUMN_TYPES, ContactForm, MappingForm
from campaigns.wording import attribute_words, contact_line_problems
from devices import phone_numbers
from jobs.message.book import template_of
from jobs.models import Job, Recipient

LABELS_OFFERED: Final = 500
LABELS_SHOWN: Final = 3
MESSAGES_SHOWN: Final = 10
# A contact's messages are in no index: they are looked for in the latest jobs, as far as this many rows go.
ROWS_LOOKED_THROUGH: Final = 200_000
JOBS_LOOKED_THROUGH: Final = 50
ERRORS_SHOWN: Final = 100
EXAMPLES_SHOWN: Final = 3
FORM_NAMES: Final = {"plain": "", "sha256": "SHA-256", "sha1": "SHA-1", "md5": "MD5"}

Status = ContactImport.Status
_defuse = defuser(",;|\t\r\n")


def label_names(account: Account) -> list[str]:
    rows: QuerySet[Label] = Label.objects.for_account(account)
    return list(rows.order_by("name").values_list("name", flat=True)[:LABELS_OFFERED])


def contact_page(request: HttpRequest, account: Account) -> dict[str, Any]:
    """The page of contacts that the address asks for."""
    wanted = contact_list.Wanted.from_query(request.GET)
    page = contact_list.page_of(account, wanted)
    return {
        "account": account,
        "wanted": wanted,
        "page": page,
        "rows": [
            {
                "contact": contact,
                "labels": contact.labels[:LABELS_SHOWN],
                "more_labels": contact.labels[LABELS_SHOWN:],
            }
            for contact in page.rows
        ],
        "has_contacts": bool(page.rows) or Contact.objects.for_account(account).exists(),
        "label_names": label_names(account),
    }


# --- One contact ---------------------------------------------------------------------------------------


def one_contact(account: Account, contact: Contact, form: ContactForm) -> dict[str, Any]:
    return {
        "contact": contact,
        "form": form,
        "is_landline": phone_numbers.is_surely_landline(contact.phone or ""),
        "kinds": ATTRIBUTE_KINDS.items(),
        "label_names": label_names(account),
        "messages_sent": [] if contact.pk is None else _messages(account, contact),
    }


def _messages(account: Account, contact: Contact) -> list[dict[str, Any]]:
    """The last messages to this contact, newest first, in the latest jobs."""
    job_ids: list[int] = []
    rows = 0
    latest = Job.objects.for_account(account).listed().order_by("-pk").values_list("pk", "total")[:JOBS_LOOKED_THROUGH]
    for pk, total in latest:
        rows += total
        if rows > ROWS_LOOKED_THROUGH and job_ids:
            break
        job_ids.append(pk)
    mine = Recipient.objects.filter(job_id__in=job_ids, contact_id=contact.pk)
    if contact.phone:
        mine = mine | Recipient.objects.filter(job_id__in=job_ids, phone=contact.phone)
    found = mine.select_related("job").order_by("-job_id", "-position")[:MESSAGES_SHOWN]
    return [
        {
            "recipient": recipient,
            "text": template_of(recipient.job).render(recipient.values, recipient.phone, recipient.variant),
        }
        for recipient in found
    ]


# --- Imports ---------------------------------------------------------------------------------------------


def columns_of(account: Account, row: ContactImport, form: MappingForm, problems: list[str]) -> dict[str, Any]:
    """The page on which a person says what each column is."""
    return {
        "row": row,
        "form": form,
        "problems": problems,
        "fields": form.fields_of_columns.items(),
        "types": COLUMN_TYPES.items(),
        "label_names": label_names(account),
    }


def one_import(row: ContactImport) -> dict[str, Any]:
    is_ready = row.status == Status.READY
    phone_column = upload.phone_column(row)
    form = exclusion_lines.form_of(phone_column["samples"] if phone_column else [])
    return {
        "row": row,
        "is_under_way": row.status in (Status.CHECKING, Status.RUNNING),
        "is_ready": is_ready,
        "may_remap": row.status in (Status.CHECKING, Status.READY),
        "phone_column": phone_column,
        "country_column": upload.country_column(row),
        "types": [_type(one) for one in recognition.shown_types(row.mapping)],
        "unsure": row.mapping.get("unsure", []),
        "lacks_phone": "phone" not in row.mapping["columns"],
        "lacks_source": consent_columns.needs_source(row.mapping),
        "percentage": f"{upload.percentage(row):.0f}",
        "is_of_suppressions": row.kind == ContactImport.Kind.SUPPRESSIONS,
        "is_of_exclusions": row.kind == ContactImport.Kind.EXCLUSIONS,
        "form_of_lines": form,
        "form_name": FORM_NAMES[form],
        "counts": _counts(row),
        "errors": [problem(one) for one in row.errors[:ERRORS_SHOWN]],
        "more_errors": max(0, row.error_count - ERRORS_SHOWN),
        "warnings": [problem(one) for one in row.warnings[:ERRORS_SHOWN]],
        "more_warnings": max(0, row.warning_count - ERRORS_SHOWN),
    }


def _type(one: recognition.ShownType) -> dict[str, Any]:
    """What one attribute of a file is, in words."""
    return {
        "name": one.attribute,
        "type": attribute_words.TYPES[one.type],
        "reading": attribute_words.READINGS.get(one.reading, ""),
        "doubt": attribute_words.DOUBTS.get(one.doubt, ""),
        "examples": [
            {"cell": cell, "value": shown}
            for cell, value in one.examples[:EXAMPLES_SHOWN]
            if (shown := _value(value)).casefold() != cell.casefold()
        ],
    }


def _value(value: Any) -> str:
    """As it will be kept; "" for what does not fit."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return "" if value is None else str(value)


def _counts(row: ContactImport) -> list[dict[str, Any]]:
    if row.kind == ContactImport.Kind.SUPPRESSIONS:
        counted = [
            ("new", _("New numbers"), row.created_count),
            ("skipped", _("On the list already"), row.skipped_count),
        ]
    elif row.kind == ContactImport.Kind.EXCLUSIONS:
        counted = [("new", _("Numbers"), row.created_count), ("skipped", _("Repeated"), row.skipped_count)]
    else:
        counted = [
            ("new", _("New contacts"), row.created_count),
            ("updated", _("Updated"), row.updated_count),
            ("skipped", _("Skipped"), row.skipped_count),
        ]
    counted.append(("errors", _("Lines with errors"), row.error_count))
    if row.warning_count:
        counted.append(("warnings", _("Warnings"), row.warning_count))
    return [{"kind": kind, "label": label, "count": count} for kind, label, count in counted]


def problem(error: dict[str, Any]) -> dict[str, Any]:
    return {
        "line": error["line"],
        "column": error.get("column", ""),
        "text": contact_line_problems.on_the_page(error),
    }


def errors_file(row: ContactImport) -> str:
    """The bad lines and cells as CSV, in the file's order."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([capfirst(_("line")), _("Column"), _("Code"), _("Problem"), _("Imported")])
    told = [(one, _("no")) for one in row.errors] + [(one, _("yes")) for one in row.warnings]
    for one, is_imported in sorted(told, key=lambda entry: int(entry[0]["line"])):
        # The column's name is the file's own.
        column = _defuse(one.get("column", ""))
        writer.writerow([one["line"], column, one["code"], problem(one)["text"], is_imported])
    return BOM + text.getvalue()
