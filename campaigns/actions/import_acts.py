"""What a person does to files of contacts: one function an act, with its one audit entry (see `jobs.actions`)."""

from typing import Any, Final

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from accounts import audit
from accounts.audit import Actor
from campaigns.imports import upload
from campaigns.models import ContactImport
from campaigns.states import ImportKind
from campaigns.tasks import wake_import

_IMPORTED: Final = "suppressions.imported"


def accept_file(
    actor: Actor,
    file: "UploadedFile[Any] | None",
    update_existing: bool = True,
    mapping: Any = None,
    *,
    kind: ImportKind = ImportKind.CONTACTS,
    is_asked_first: bool = False,
) -> ContactImport:
    """Keep an upload, read as `mapping` says or as it can be guessed, and have it checked.

    Not at once where a person `is_asked_first` what its columns are. Raises ApiError (400, 413) and BadMapping; then
    neither row nor file is left behind.
    """
    with transaction.atomic():
        row = upload.accept(actor.account, actor.user, file, update_existing, kind)
        try:
            if mapping is not None:
                upload.remap(row, mapping, None)
                row.refresh_from_db()
            audit.record(actor, "contact_import.uploaded", row, id=row.pk)
        except BaseException:
            upload.remove_files(row.upload_name)
            raise
    if not is_asked_first:
        wake_import(row.pk)
    return row


def suppress_file(actor: Actor, file: "UploadedFile[Any] | None", mapping: Any) -> ContactImport:
    """Have the numbers of a file put on the account's list of suppressed ones, read as `mapping` says and as it can be
    guessed. One act: nobody is asked again.

    Raises ApiError (400, 409, 413) and BadMapping; then neither row nor file is left behind.
    """
    with transaction.atomic():
        row = upload.accept(actor.account, actor.user, file, kind=ImportKind.SUPPRESSIONS)
        try:
            upload.remap(row, mapping, None)
            row.refresh_from_db()
            upload.go_on_once_checked(row)
            audit.record(actor, _IMPORTED, row, id=row.pk)
        except BaseException:
            upload.remove_files(row.upload_name)
            raise
    wake_import(row.pk)
    return row


def map_columns(actor: Actor, row: ContactImport, given: Any, update_existing: bool | None) -> None:
    """Say how the file is read, and have it checked again. Raises BadMapping, and ApiError (409)."""
    with transaction.atomic():
        upload.remap(row, given, update_existing)
        audit.record(actor, "contact_import.mapped", row, id=row.pk, fields=sorted(given))
    row.refresh_from_db()
    wake_import(row.pk)


def start(actor: Actor, row: ContactImport) -> None:
    """Have a checked file imported. Raises ApiError (400, 409)."""
    with transaction.atomic():
        upload.start(row)
        is_ban = row.kind == ImportKind.SUPPRESSIONS
        audit.record(actor, _IMPORTED if is_ban else "contact_import.started", row, id=row.pk, rows=row.rows)
    row.refresh_from_db()
    wake_import(row.pk)


def delete(actor: Actor, row: ContactImport) -> None:
    """Forget an import and its file; one that runs stops with its chunk. Contacts that it made stay."""
    with transaction.atomic():
        audit.record(actor, "contact_import.deleted", row, id=row.pk)
        row.delete()
    upload.remove_files(row.upload_name)
