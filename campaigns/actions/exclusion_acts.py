"""What a person does to exclusion lists: one function an act, with its one audit entry (see `jobs.actions`)."""

from collections.abc import Callable
from datetime import date
from typing import Any, Final

from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction

from accounts import audit
from accounts.audit import Actor
from accounts.constraints import is_breach_of
from campaigns.imports import upload
from campaigns.models import ContactImport
from campaigns.states import ImportKind
from campaigns.tasks import wake_import
from campaigns.wording.refusals import refusal
from jobs.models import ExclusionList, ExclusionLoad

MOST_LISTS: Final = 50  # each is asked for everybody's turn


def create(
    actor: Actor,
    named: ExclusionList,
    file: "UploadedFile[Any] | None",
    file_date: date | None = None,
    mapping: Any = None,
    *,
    is_asked_first: bool = False,
) -> ContactImport:
    """Make a new row, with its name and kind, a list of the account, and have its first file loaded; returns that.

    Raises ApiError (400, 409, 413) and BadMapping; then there is neither list nor file.
    """
    if ExclusionList.objects.for_account(actor.account).count() >= MOST_LISTS:
        raise refusal("exclusion_lists_too_many", limit=MOST_LISTS)
    named.account = actor.account

    def note(row: ContactImport) -> None:
        audit.record(actor, "exclusion_list.created", named, id=named.pk, kind=named.kind, import_id=row.pk)

    try:
        with transaction.atomic():
            named.save(force_insert=True)
            row = _accept(actor, named, file, file_date, mapping, note, is_asked_first=is_asked_first)
    except IntegrityError as error:
        raise _taken(error) from None
    return row


def load(
    actor: Actor,
    known: ExclusionList,
    file: "UploadedFile[Any] | None",
    file_date: date | None = None,
    mapping: Any = None,
    *,
    is_asked_first: bool = False,
) -> ContactImport:
    """Have a newer file loaded, which takes the place of the one before once it is whole.

    Raises ApiError (400, 413) and BadMapping; then nothing has changed.
    """

    def note(row: ContactImport) -> None:
        audit.record(actor, "exclusion_list.loaded", known, id=known.pk, import_id=row.pk)

    with transaction.atomic():
        return _accept(actor, known, file, file_date, mapping, note, is_asked_first=is_asked_first)


def _accept(
    actor: Actor,
    of: ExclusionList,
    file: "UploadedFile[Any] | None",
    file_date: date | None,
    mapping: Any,
    note: Callable[[ContactImport], None],
    *,
    is_asked_first: bool,
) -> ContactImport:
    """In a transaction. Where nobody is asked what the columns are, it goes on by itself."""
    row = upload.accept(actor.account, actor.user, file, kind=ImportKind.EXCLUSIONS)
    try:
        row.exclusion_list = of
        row.exclusion_load = ExclusionLoad.objects.create(exclusion_list=of, file_date=file_date, loaded_by=actor.user)
        row.save(update_fields=["exclusion_list", "exclusion_load"])
        if not is_asked_first:
            upload.remap(row, {} if mapping is None else mapping, None)
            row.refresh_from_db()
            upload.go_on_once_checked(row)
        note(row)
    except BaseException:
        upload.remove_files(row.upload_name)
        raise
    if not is_asked_first:
        wake_import(row.pk)
    return row


def change(actor: Actor, known: ExclusionList, *, name: str | None = None, is_on: bool | None = None) -> None:
    """Give a list another name, or have it hold or not. Raises ApiError (409)."""
    said = {"name": name, "is_on": is_on}
    fields = {field: value for field, value in said.items() if value not in (None, getattr(known, field))}
    if not fields:
        return
    for field, value in fields.items():
        setattr(known, field, value)
    try:
        with transaction.atomic():
            known.save(update_fields=list(fields))
            details = {"is_on": is_on} if "is_on" in fields else {}
            audit.record(actor, "exclusion_list.changed", known, id=known.pk, fields=sorted(fields), **details)
    except IntegrityError as error:
        raise _taken(error) from None


def delete(actor: Actor, known: ExclusionList) -> None:
    """Delete a list: it holds no more, at once. What is being loaded into it is forgotten with its file."""
    waiting = ContactImport.objects.for_account(actor.account).filter(exclusion_list=known)
    files = list(waiting.exclude(upload_name="").values_list("upload_name", flat=True))
    with transaction.atomic():
        audit.record(actor, "exclusion_list.deleted", known, id=known.pk)
        waiting.exclude(upload_name="").delete()
        known.delete()
    for name in files:
        upload.remove_files(name)


def _taken(error: IntegrityError) -> Exception:
    return refusal("exclusion_list_taken") if is_breach_of("exclusion_list_once_per_name", error) else error
