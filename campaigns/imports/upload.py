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
from typing import Any, Final, NamedTuple

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models.functions import Now

from accounts.models import Account, User
from accounts.written.reading import is_storable
from campaigns.contacts import labels
from campaigns.contacts.consent_by_file import SOURCE_CHARACTERS
from campaigns.contacts.people import ATTRIBUTE_NAME_CHARACTERS
from campaigns.imports import (
    attribute_columns,
    beginnings,
    consent_columns,
    exclusion_lines,
    suppression_lines,
    table,
)
from campaigns.imports import columns as column_guess
from campaigns.imports.files import encodings, vcards, workbook_calls
from campaigns.imports.files.csv_records import Format, Head
from campaigns.imports.files.unusable import MAX_COLUMNS, Unusable
from campaigns.imports.files.workbooks import ERROR_MARK
from campaigns.imports.suppression_lines import REASON_CHARACTERS
from campaigns.models import ContactImport
from campaigns.states import ImportKind, import_sources
from campaigns.wording.refusals import refusal
from devices import phone_numbers
from jobs.intake.kept_files import display_name, kept, old_files
from jobs.intake.upload_check import Unacceptable, checked

EXTENSIONS: Final = (".csv", ".txt", ".xlsx", ".vcf")
MADE: Final = (".xlsx", ".vcf")  # of which a CSV is made before it is read
FIELDS: Final = ("phone", "name", "email", "labels", "country", *consent_columns.FIELDS)
FIELDS_OF_NUMBERS: Final[dict[str, tuple[str, ...]]] = {
    ImportKind.SUPPRESSIONS: suppression_lines.FIELDS,
    ImportKind.EXCLUSIONS: exclusion_lines.FIELDS,
}
SEVERAL: Final = ("more_phones", "name", consent_columns.OPTED_OUT)  # what may stand in several columns
# Of a mapping.
KEYS: Final = frozenset(
    {
        *Format._fields,
        "sheet",
        "columns",
        "add_labels",
        "default_country",
        consent_columns.SOURCE,
        "reason",
        "confirmed",
    }
)
GOES_ON: Final = "goes_on"  # of a mapping of which nobody is asked again
SHOWN_ROWS: Final = 5
LAST_START: Final = 1_000  # a table that begins further down has no beginning

Status = ContactImport.Status
Cursor = Any


# --- The upload ----------------------------------------------------------------------------------------------


def accept(
    account: Account,
    user: User | None,
    upload: "UploadedFile[Any] | None",
    update_existing: bool = True,
    kind: ImportKind = ImportKind.CONTACTS,
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
    suffix = next((suffix for suffix in MADE if (upload.name or "").lower().endswith(suffix)), ".csv")
    try:
        found = _look(path, None, None, suffix)
    except Unusable as error:
        raise refusal(error.code, limit=MAX_COLUMNS) from None
    if not found.head.sample:
        raise refusal("import_file_empty")
    country = account.default_country
    mapping = {**found.mapping(country, kind), "add_labels": [], "default_country": country}
    mapping[consent_columns.SOURCE] = ""
    name = uuid.uuid4().hex + suffix
    with kept(upload, directory() / name):
        row: ContactImport = ContactImport.unscoped.create(
            account=account,
            created_by=user,
            kind=kind,
            file_name=display_name(upload.name or ""),
            upload_name=name,
            mapping=mapping,
            update_existing=update_existing and kind == ImportKind.CONTACTS,
        )
    return row


class _Found(NamedTuple):
    """The beginning of the table of a file."""

    form: Format
    head: Head
    sheets: list[str]  # of a workbook, all of them
    sheet: int
    words: list[str]  # that show whether the encoding is right

    def mapping(self, country: str, kind: str) -> dict[str, Any]:
        """What an import keeps of it: how the file is read, and what a person sees while choosing columns.

        That, `names` and `sample`, is forgotten with the file.
        """
        guess = _guess(self.head, country, kind)
        return {
            **self.form._asdict(),
            "sheets": [name.replace("\0", "") for name in self.sheets],
            "sheet": self.sheet,
            "encoding_words": self.words,
            "names": [_shown(name[:200]) for name in self.head.names],
            "sample": [[_shown(cell) for cell in cells] for cells in self.head.sample[:SHOWN_ROWS]],
            "columns": guess.columns,
            "unsure": guess.unsure,
        }


def _guess(found: Head, country: str, kind: str) -> column_guess.Guess:
    guesses = {ImportKind.SUPPRESSIONS: suppression_lines.guess, ImportKind.EXCLUSIONS: exclusion_lines.guess}
    return guesses.get(ImportKind(kind), column_guess.guess)(found, country)


def _look(path: Path, form: Format | None, sheet: int | None, suffix: str) -> _Found:
    """The beginning of the table, read as `form` says or, without one, as it can be found out. Raises Unusable."""
    if suffix == ".vcf":
        cards = vcards.first_rows(path, table.FIRST_ROWS)
        return _Found(Format(), table.head_of(iter(cards), Format()), [], 0, [])
    if suffix not in MADE:
        form = form or table.detect(path)
        return _Found(form, table.head(path, form), [], 0, encodings.words(path, form.encoding))
    seen = workbook_calls.look(path, sheet, (form.start if form else 0) + table.FIRST_ROWS)
    if form is None:
        start, header = beginnings.find(seen.rows[: table.FIRST_ROWS])
        form = Format(header=header, start=start)
    return _Found(form, table.head_of(iter(seen.rows), form), seen.sheets, seen.sheet, [])


def _shown(cell: str) -> str:
    return "" if cell.startswith(ERROR_MARK) else cell.replace("\0", "")


def directory() -> Path:
    """Where the files wait: apart from the recipient files, which another tidies up."""
    directory: Path = settings.UPLOAD_DIR / "contacts"
    directory.mkdir(exist_ok=True)
    return directory


def made_csv(row: ContactImport) -> Path:
    """Where the CSV lies that is made of the chosen sheet of a workbook."""
    stem = row.upload_name.partition(".")[0]
    return directory() / f"{stem}.{row.mapping.get('sheet', 0)}.csv"


def remove_files(upload_name: str) -> None:
    """Remove everything that may lie there for one import."""
    if stem := upload_name.partition(".")[0]:
        for path in directory().glob(f"{stem}.*"):
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
    if given.keys() - KEYS:
        raise BadMapping("tiene una clave desconocida")
    with transaction.atomic():
        # Waits for a chunk that is being checked.
        row = ContactImport.unscoped.select_for_update(no_key=True).get(pk=row.pk)
        if row.status not in import_sources(Status.CHECKING):
            raise refusal("import_not_ready", status=row.status)
        # Types are recognised again, and who corrects it looks at it again.
        mapping = {name: said for name, said in row.mapping.items() if name not in ("types", GOES_ON)}
        form, sheet = _format(mapping, given), _sheet(mapping, given)
        if sheet != mapping.get("sheet", 0) and not {"start", "header"} & given.keys():
            mapping.update(_read_again(row, None, sheet))  # its table begins where it begins
        elif (form, sheet) != (format_of(mapping), mapping.get("sheet", 0)):
            mapping.update(_read_again(row, form, sheet))
        if "columns" in given or given.get("confirmed") is True:
            mapping["unsure"] = []
        columns = given.get("columns", mapping["columns"])
        mapping["columns"] = clean_columns(columns, len(mapping["names"]), row.kind)
        mapping["add_labels"] = _labels(given.get("add_labels", mapping["add_labels"]))
        mapping["default_country"] = _country(given.get("default_country", mapping["default_country"]))
        mapping[consent_columns.SOURCE] = _source(
            given.get(consent_columns.SOURCE, mapping.get(consent_columns.SOURCE, ""))
        )
        mapping["reason"] = _reason(given.get("reason", mapping.get("reason", "")))
        if "columns" not in given and "phone" not in mapping["columns"]:
            # Another country's numbers may look like phones.
            guess = _guess(Head(mapping["names"], mapping["sample"]), mapping["default_country"], row.kind)
            mapping.update(columns=guess.columns, unsure=guess.unsure)
        changes: dict[str, Any] = {"mapping": mapping, **COUNTED_NOTHING}
        if update_existing is not None and row.kind == ImportKind.CONTACTS:
            changes["update_existing"] = update_existing
        ContactImport.unscoped.filter(pk=row.pk).move(Status.CHECKING, rows=0, **FOUND_NOTHING, **changes)


COUNTED_NOTHING: Final[dict[str, Any]] = {
    "place": None,
    **dict.fromkeys(
        ("processed", "created_count", "updated_count", "skipped_count", "error_count", "warning_count"), 0
    ),
}
# What only a check finds.
FOUND_NOTHING: Final[dict[str, Any]] = {"errors": [], "warnings": [], "opted_out_count": 0, "opted_in_count": 0}


def format_of(mapping: dict[str, Any]) -> Format:
    """How the file is read; imports of before tables could begin below have no `start`."""
    return Format(mapping["encoding"], mapping["delimiter"], mapping["header"], mapping.get("start", 1))


def _format(mapping: dict[str, Any], given: dict[str, Any]) -> Format:
    known = format_of(mapping)._asdict()
    said: dict[str, Any] = {name: given.get(name, value) for name, value in known.items()}
    form = Format(**said)
    if form.encoding not in encodings.ENCODINGS:
        raise BadMapping(f"encoding debe ser uno de: {', '.join(encodings.ENCODINGS)}")
    if form.delimiter not in table.DELIMITERS:
        raise BadMapping("delimiter debe ser «,», «;», «|» o un tabulador")
    if not isinstance(form.header, bool):
        raise BadMapping("header debe ser true o false")
    if type(form.start) is not int or not 1 <= form.start <= LAST_START:
        raise BadMapping(f"start debe ser un número de línea de 1 a {LAST_START}")
    return form


def without_people(mapping: dict[str, Any]) -> dict[str, Any]:
    """A mapping without what its file said of people: for when the file is gone."""
    return {**mapping, "sample": [], "encoding_words": []}


def forgotten(row: ContactImport) -> dict[str, Any]:
    """What changes in an import's row when it has ended: its file is gone."""
    return {"finished_at": Now(), "upload_name": "", "mapping": without_people(row.mapping)}


def _sheet(mapping: dict[str, Any], given: dict[str, Any]) -> int:
    sheet = given.get("sheet", mapping.get("sheet", 0))
    sheets = mapping.get("sheets", [])
    if type(sheet) is not int or not 0 <= sheet < max(1, len(sheets)):
        raise BadMapping("sheet debe ser el número de una hoja, desde 0")
    return sheet


def _read_again(row: ContactImport, form: Format | None, sheet: int) -> dict[str, Any]:
    path = directory() / row.upload_name
    try:
        found = _look(path, form, sheet, path.suffix)
    except (Unusable, OSError):
        raise BadMapping("así no se puede leer el archivo") from None
    return found.mapping(row.mapping["default_country"], row.kind)


def clean_columns(given: Any, width: int, kind: str = ImportKind.CONTACTS) -> dict[str, Any]:
    """Check {"phone": 0, "reason": 1, "since": 2} of suppressed numbers; {"phone": 0} of an exclusion list; of contacts
    {"phone": 0, "more_phones": [6], "name": 1 or [1, 2], …, "country": 7, "custom_attributes": {"region": 4,
    "age": {"column": 5, "type": "number"}}}."""
    if (fields := FIELDS_OF_NUMBERS.get(kind)) is not None:
        if not isinstance(given, dict) or given.keys() - {*fields, "custom_attributes"}:
            raise BadMapping(f"columns debe ser un objeto con {', '.join(fields)}")
        said = {name: _place(given[name], width) for name in fields if given.get(name) is not None}
        return {**said, "custom_attributes": {}}
    if not isinstance(given, dict) or given.keys() - {*FIELDS, "more_phones", "custom_attributes"}:
        raise BadMapping(f"columns debe ser un objeto con {', '.join(FIELDS)}, more_phones y custom_attributes")
    attributes = given.get("custom_attributes") or {}
    if not isinstance(attributes, dict):
        raise BadMapping("columns.custom_attributes debe ser un objeto")
    cleaned: dict[str, Any] = {
        name: [_place(one, width) for one in place] if type(place) is list and name in SEVERAL else _place(place, width)
        for name, place in given.items()
        if name != "custom_attributes" and place is not None
    }
    if type(cleaned.get("more_phones", [])) is not list:
        raise BadMapping("columns.more_phones debe ser una lista de columnas")
    typed: dict[str, Any] = {}
    for name, said in attributes.items():
        if not 0 < len(name.strip()) <= ATTRIBUTE_NAME_CHARACTERS or not is_storable(name):
            raise BadMapping(f"el nombre de un atributo tiene de 1 a {ATTRIBUTE_NAME_CHARACTERS} caracteres")
        if not isinstance(said, dict):
            typed[name] = _place(said, width)
        elif (problem := attribute_columns.problem_of(said)) is not None:
            raise BadMapping(problem)
        else:
            typed[name] = {**said, "column": _place(said.get("column"), width)}
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


def _source(given: Any) -> str:
    if not isinstance(given, str) or len(given.strip()) > SOURCE_CHARACTERS or not is_storable(given):
        raise BadMapping(f"opted_in_source debe ser un texto de {SOURCE_CHARACTERS} caracteres como máximo")
    return given.strip()


def _reason(given: Any) -> str:
    if not isinstance(given, str) or len(given.strip()) > REASON_CHARACTERS or not is_storable(given):
        raise BadMapping(f"reason debe ser un texto de {REASON_CHARACTERS} caracteres como máximo")
    return given.strip()


def _country(given: Any) -> str:
    if not isinstance(given, str) or not re.fullmatch(r"([A-Za-z]{2})?", given):
        raise BadMapping("default_country debe ser un código de país de dos letras")
    if given and not phone_numbers.is_country(given.upper()):
        raise BadMapping("default_country debe ser un código de país de dos letras")
    return given.upper()


def check_columns(row: ContactImport) -> None:
    """See that an import may be started as its columns are. Raises ApiError (400, 409)."""
    if "phone" not in row.mapping["columns"]:
        raise refusal("phone_column_missing")
    if row.mapping.get("unsure"):
        raise refusal("columns_unconfirmed")
    if consent_columns.needs_source(row.mapping):
        raise refusal("opt_in_source_missing")


def go_on_once_checked(row: ContactImport) -> None:
    """Have a file that is being checked imported after that, without another word. Raises ApiError (400, 409)."""
    check_columns(row)
    row.mapping = {**row.mapping, GOES_ON: True}
    ContactImport.unscoped.filter(pk=row.pk).update(mapping=row.mapping)


def start(row: ContactImport) -> None:
    """Say yes to a checked import; the caller then has it run. Raises ApiError (400, 409)."""
    check_columns(row)
    if row.status == Status.READY and not row.rows:
        raise refusal("import_file_empty")
    if row.status == Status.READY and row.kind == ImportKind.EXCLUSIONS and not row.created_count:
        raise refusal("exclusion_list_empty")
    moved = ContactImport.unscoped.filter(pk=row.pk).move(Status.RUNNING, **COUNTED_NOTHING)
    if not moved:
        row.refresh_from_db(fields=["status"])
        raise refusal("import_not_ready", status=row.status)


def phone_column(row: ContactImport) -> dict[str, Any] | None:
    """{"column": 2, "name": "Celular", "samples": [five]}, or None where no column is the phone."""
    place = row.mapping["columns"].get("phone")
    if place is None:
        return None
    samples = [cells[place] for cells in row.mapping["sample"] if place < len(cells)]
    return {"column": place, "name": row.mapping["names"][place], "samples": samples}


def country_column(row: ContactImport) -> str | None:
    """The name of the column that says whose country's each number is; None where there is none."""
    place = row.mapping["columns"].get("country")
    name: str | None = None if place is None else row.mapping["names"][place]
    return name


def percentage(row: ContactImport) -> float:
    """How much of what is being done now is done, 0.0-100.0."""
    if row.status in (Status.READY, Status.COMPLETED):
        return 100.0
    return min(99.9, round(100 * row.processed / row.rows, 1)) if row.rows else 0.0
