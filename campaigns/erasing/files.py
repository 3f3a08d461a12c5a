"""Files of contacts that lie there and name a person who is forgotten. One that waits for somebody's word is given up,
since what it says of the person cannot be taken out of it; one that is being read is waited for: each of its lines asks
who was erased.
"""

from datetime import datetime
from pathlib import Path
from typing import Any

from django.db.models.functions import Now

from campaigns.imports.chunks import rows_of
from campaigns.imports.files.unusable import Unusable
from campaigns.imports.upload import MADE, directory, made_csv, remove_files, without_people
from campaigns.models import ContactImport
from campaigns.states import IMPORT_OPEN
from campaigns.wording import contact_line_problems
from jobs.erasing.person import Person

Status = ContactImport.Status
NAMES_THE_ERASED = "import_names_erased"


def give_up_those_with(account_id: int, person: Person, asked_at: datetime) -> bool:
    """Give up the files that wait and name the person; whether others, of before `asked_at`, are being read yet."""
    rows: Any = ContactImport.unscoped.filter(account_id=account_id).exclude(upload_name="")
    for row in rows.filter(status=Status.READY):
        if person.phone and _names(row, person):
            _give_up(row)
    return bool(rows.filter(status__in=IMPORT_OPEN, created_at__lte=asked_at).exists())


def forget_samples(account_id: int) -> None:
    """Imports that were over before their samples went with the file."""
    over: Any = ContactImport.unscoped.filter(account_id=account_id, upload_name="").exclude(mapping__sample=[])
    for row in over.filter(mapping__has_key="sample"):
        ContactImport.unscoped.filter(pk=row.pk).update(mapping=without_people(row.mapping))


def _names(row: ContactImport, person: Person) -> bool:
    path: Path = directory() / row.upload_name
    if path.suffix in MADE:
        path = made_csv(row)
    try:
        return any(person.is_written_in(cell) for one in rows_of(row, path) for cell in one.cells)
    except (OSError, Unusable):
        return True  # who cannot say that it does not


def _give_up(row: ContactImport) -> None:
    errors = [contact_line_problems.stored(0, NAMES_THE_ERASED)]
    moved = ContactImport.unscoped.filter(pk=row.pk, status=Status.READY).move(
        Status.FAILED,
        errors=errors,
        warnings=[],
        finished_at=Now(),
        upload_name="",
        mapping=without_people(row.mapping),
    )
    if moved:
        remove_files(row.upload_name)
