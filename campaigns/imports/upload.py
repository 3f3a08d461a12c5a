"""From a file of contacts to contacts: checked first without writing any, then imported on a person's word.

accept   the upload is kept, its columns are guessed                                              → checking
advance  `work`  : every row is read as it would be imported; counts and errors are kept  → ready
remap    a person corrects the columns; everything is checked again                               → checking
start    … and says yes                                                                           → running
advance  `work`  : chunks of rows become contacts, with `processed`                    → completed
"""

import re
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from accounts.models import Account, User
from accounts.written.reading import is_storable
from campaigns.contacts import labels
from campaigns.contacts.people import ATTRIBUTE_NAME_CHARACTERS
from campaigns.imports import table
from campaigns.imports.table import Format, Head
from campaigns.models import ContactImport
from campaigns.states import import_sources
from campaigns.wording.refusals import refusal
from devices import phone_numbers
from jobs.intake.kept_files import display_name, kept, old_files
from jobs.intake.upload_check import Unacceptable, checked

EXTENSIONS: Final = (".csv", ".txt", ".xlsx")
TYPES: Final = ("text", "number", "boolean")
SHOWN_ROWS: Final = 5

Status = ContactImport.Status
Cursor = Any


# --- The upload ----------------------------------------------------------------------------------------------


def accept(
    account: Account, user: User | None, upload: "UploadedFile[Any] | None", update_existing: bool = True
) -> ContactImport:
    """Keep an upload and guess what its columns are; the caller then has it checked.

    Raises ApiError (400, 413) for what cannot be accepted; then neither row nor file is left behind.
    """
    try:
        upload = checked(upload, EXTENSIONS)
    except Unacceptable as refused:
        raise refusal(f"import_{refused.code}", **refused.details) from None
    upload.flush()
    path = Path(upload.temporary_file_path())
    is_xlsx = (upload.name or "").lower().endswith(".xlsx")
    try:
        form, head = _look(path, None if is_xlsx else table.detect(path), is_xlsx)
    except table.Unreadable:
        raise refusal("import_file_unreadable") from None
    except table.TooManyColumns:
        raise refusal("import_too_many_columns", limit=table.MAX_COLUMNS) from None
    if not head.sample:
        raise refusal("import_file_empty")
    mapping = {
        **form._asdict(),
        "columns": table.guess_columns(head),
        "add_labels": [],
        "default_country": account.default_country,
    }
    name = uuid.uuid4().hex + (".xlsx" if is_xlsx else ".csv")
    with kept(upload, directory() / name):
        row: ContactImport = ContactImport.unscoped.create(
            account=account,
            created_by=user,
            file_name=display_name(upload.name or ""),
            upload_name=name,
            mapping={**mapping, **_shown(head)},
            update_existing=update_existing,
        )
    return row


def _look(path: Path, form: Format | None, is_xlsx: bool) -> tuple[Format, Head]:
    if form is None or is_xlsx:
        head, has_header = table.xlsx_head(path)
        return Format(header=has_header), head
    return form, table.head(path, form)


def _shown(head: Head) -> dict[str, Any]:
    """What a person sees while choosing columns: kept with the mapping, and forgotten with the file."""
    sample = [[cell.replace("\0", "") for cell in cells] for cells in head.sample[:SHOWN_ROWS]]
    return {"names": [name[:200].replace("\0", "") for name in head.names], "sample": sample}


def directory() -> Path:
    """Where the files wait: apart from the recipient files, which another tidies up."""
    directory: Path = settings.UPLOAD_DIR / "contacts"
    directory.mkdir(exist_ok=True)
    return directory


def _files(upload_name: str) -> list[Path]:
    """Everything that may lie there for one import."""
    stem = upload_name.partition(".")[0]
    return [directory() / f"{stem}{suffix}" for suffix in (".csv", ".xlsx", ".part", ".keys")]


def remove_files(upload_name: str) -> None:
    for path in _files(upload_name) if upload_name else ():
        path.unlink(missing_ok=True)


def remove_orphans(older_than: timedelta) -> int:
    """Delete what crashes left: files of no import. Returns how many."""
    old = old_files(directory(), older_than)
    stems = {name.partition(".")[0] for name in ContactImport.unscoped.values_list("upload_name", flat=True) if name}
    orphans = [entry for entry in old if entry.name.partition(".")[0] not in stems]
    for entry in orphans:
        entry.unlink(missing_ok=True)
    return len(orphans)


# --- What a person says --------------------------------------------------------------------------------------


class BadMapping(ValueError):
    """A mapping that means nothing. Says what is wrong, in Spanish, without repeating it."""


def remap(row: ContactImport, given: Any, update_existing: bool | None) -> None:
    """Correct how the file is read, and have it checked again. Raises BadMapping, and ApiError (409).

    What is not given stays. Another encoding, delimiter or header is other columns: they are guessed again unless
    they are given too.
    """
    if not isinstance(given, dict):
        raise BadMapping("debe ser un objeto")
    unknown = given.keys() - {"encoding", "delimiter", "header", "columns", "add_labels", "default_country"}
    if unknown:
        raise BadMapping("tiene una clave desconocida")
    with transaction.atomic():
        # Waits for a chunk that is being checked.
        row = ContactImport.unscoped.select_for_update(no_key=True).get(pk=row.pk)
        if row.status not in import_sources(Status.CHECKING):
            raise refusal("import_not_ready", status=row.status)
        mapping = dict(row.mapping)
        form = _format(mapping, given)
        if form != Format(mapping["encoding"], mapping["delimiter"], mapping["header"]):
            mapping.update(_read_again(row, form))
        columns = given.get("columns", mapping["columns"])
        mapping["columns"] = clean_columns(columns, len(mapping["names"]))
        mapping["add_labels"] = _labels(given.get("add_labels", mapping["add_labels"]))
        mapping["default_country"] = _country(given.get("default_country", mapping["default_country"]))
        changes: dict[str, Any] = {"mapping": mapping, **COUNTED_NOTHING}
        if update_existing is not None:
            changes["update_existing"] = update_existing
        ContactImport.unscoped.filter(pk=row.pk).move(Status.CHECKING, rows=0, errors=[], **changes)


COUNTED_NOTHING: Final = dict.fromkeys(
    ("processed", "created_count", "updated_count", "skipped_count", "error_count"), 0
)


def _format(mapping: dict[str, Any], given: dict[str, Any]) -> Format:
    form = Format(*(given.get(name, mapping[name]) for name in Format._fields))
    if form.encoding not in table.ENCODINGS:
        raise BadMapping(f"encoding debe ser uno de: {', '.join(table.ENCODINGS)}")
    if form.delimiter not in table.DELIMITERS:
        raise BadMapping("delimiter debe ser «,», «;», «|» o un tabulador")
    if not isinstance(form.header, bool):
        raise BadMapping("header debe ser true o false")
    return form


def _read_again(row: ContactImport, form: Format) -> dict[str, Any]:
    is_xlsx = row.upload_name.endswith(".xlsx")
    try:
        if is_xlsx:
            head, has_header = table.xlsx_head(directory() / row.upload_name)
            form = Format(header=form.header)
            if form.header and not has_header and head.sample:
                head = Head(head.sample[0], head.sample[1:])
            elif has_header and not form.header:
                head = Head([""] * len(head.names), [head.names, *head.sample])
        else:
            head = table.head(directory() / row.upload_name, form)
    except (table.Unreadable, table.TooManyColumns, OSError):
        raise BadMapping("así no se puede leer el archivo") from None
    return {**form._asdict(), **_shown(head), "columns": table.guess_columns(head)}


def clean_columns(given: Any, width: int) -> dict[str, Any]:
    """Check {"phone": 0, …, "custom_attributes": {"region": 4, "age": {"column": 5, "type": "number"}}}."""
    if not isinstance(given, dict) or given.keys() - {"phone", "name", "email", "labels", "custom_attributes"}:
        raise BadMapping("columns debe ser un objeto con phone, name, email, labels y custom_attributes")
    attributes = given.get("custom_attributes") or {}
    if not isinstance(attributes, dict):
        raise BadMapping("columns.custom_attributes debe ser un objeto")
    cleaned: dict[str, Any] = {
        name: _place(place, width) for name, place in given.items() if name != "custom_attributes" and place is not None
    }
    typed: dict[str, Any] = {}
    for name, said in attributes.items():
        if not 0 < len(name.strip()) <= ATTRIBUTE_NAME_CHARACTERS or not is_storable(name):
            raise BadMapping(f"el nombre de un atributo tiene de 1 a {ATTRIBUTE_NAME_CHARACTERS} caracteres")
        if not isinstance(said, dict):
            typed[name] = _place(said, width)
        elif said.keys() - {"column", "type"} or said.get("type", "text") not in TYPES:
            raise BadMapping(f"un atributo es una columna o un objeto con column y type ({', '.join(TYPES)})")
        else:
            typed[name] = {"column": _place(said.get("column"), width), "type": said.get("type", "text")}
    return {**cleaned, "custom_attributes": typed}


def _place(place: Any, width: int) -> int:
    if type(place) is not int or not 0 <= place < width:
        raise BadMapping(f"una columna es un número de 0 a {width - 1}")
    return place


def _labels(given: Any) -> list[str]:
    cleaned = [labels.clean(name) if isinstance(name, str) else None for name in given] if type(given) is list else None
    if cleaned is None or None in cleaned or len(cleaned) > labels.MAX_ON_A_CONTACT:
        raise BadMapping("add_labels debe ser una lista de etiquetas")
    return list(dict.fromkeys(name for name in cleaned if name))


def _country(given: Any) -> str:
    if not isinstance(given, str) or not re.fullmatch(r"([A-Za-z]{2})?", given):
        raise BadMapping("default_country debe ser un código de país de dos letras")
    if given and not phone_numbers.is_country(given.upper()):
        raise BadMapping("default_country debe ser un código de país de dos letras")
    return given.upper()


def start(row: ContactImport) -> None:
    """Say yes to a checked import; the caller then has it run. Raises ApiError (400, 409)."""
    if "phone" not in row.mapping["columns"]:
        raise refusal("phone_column_missing")
    if row.status == Status.READY and not row.rows:
        raise refusal("import_file_empty")
    moved = ContactImport.unscoped.filter(pk=row.pk).move(Status.RUNNING, **COUNTED_NOTHING)
    if not moved:
        row.refresh_from_db(fields=["status"])
        raise refusal("import_not_ready", status=row.status)


def percentage(row: ContactImport) -> float:
    """How much of what is being done now is done, 0.0-100.0."""
    if row.status in (Status.READY, Status.COMPLETED):
        return 100.0
    return min(99.9, round(100 * row.processed / row.rows, 1)) if row.rows else 0.0
