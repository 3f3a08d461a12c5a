"""From a file of contacts to contacts: checked first without writing any, then imported on a person's word.

    accept  the upload is kept, its columns are guessed                                     → checking
    advance every row is read as it would be imported; counts and errors are kept           → ready
    remap   a person corrects the columns; everything is checked again                      → checking
    start   … and says yes                                                                  → running
    advance chunks of rows become contacts, each in one transaction with `processed`        → completed

Whoever comes later, after a crash or beside us, goes on at `processed`. A person is known by the number's key, so a
number that stands in the file twice is one contact: the later line completes the earlier one, or is skipped where
contacts that exist are to be left alone. An empty cell never erases anything.
"""

import json
import os
import re
import shutil
import time
import uuid
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

from django.conf import settings
from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile
from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import Account, User
from campaigns import contact_file, labels
from campaigns import contact_wire as wire
from campaigns.audience import is_storable
from campaigns.contact_file import Format, Head
from campaigns.contacts import ATTRIBUTE_NAME_CHARACTERS, NAME_CHARACTERS
from campaigns.models import ContactImport
from devices import phone_numbers

CHUNK_ROWS: Final = 20_000  # one transaction: about a second, and what a crash costs
MAX_ERRORS: Final = 1_000  # that are told; all are counted
MAX_ATTRIBUTE_CHARACTERS: Final = 1_000
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
    if upload is None:
        raise wire.refusal("import_file_missing")
    if not (upload.name or "").lower().endswith(EXTENSIONS):
        raise wire.refusal("import_file_extension")
    if (upload.size or 0) > settings.MAX_UPLOAD_BYTES:
        raise wire.refusal("import_file_too_large", limit=settings.MAX_UPLOAD_BYTES)
    assert isinstance(upload, TemporaryUploadedFile)  # settings.FILE_UPLOAD_HANDLERS
    upload.flush()
    path = Path(upload.temporary_file_path())
    is_xlsx = (upload.name or "").lower().endswith(".xlsx")
    try:
        form, head = _look(path, None if is_xlsx else contact_file.detect(path), is_xlsx)
    except contact_file.Unreadable:
        raise wire.refusal("import_file_unreadable") from None
    except contact_file.TooManyColumns:
        raise wire.refusal("import_too_many_columns", limit=contact_file.MAX_COLUMNS) from None
    if not head.sample:
        raise wire.refusal("import_file_empty")
    mapping = {
        **form._asdict(),
        "columns": contact_file.guess_columns(head),
        "add_labels": [],
        "default_country": account.default_country,
    }
    name = uuid.uuid4().hex + (".xlsx" if is_xlsx else ".csv")
    _keep(upload, _directory() / name)
    try:
        row: ContactImport = ContactImport.unscoped.create(
            account=account,
            created_by=user,
            file_name=_display_name(upload.name or ""),
            upload_name=name,
            mapping={**mapping, **_shown(head)},
            update_existing=update_existing,
        )
    except BaseException:
        (_directory() / name).unlink(missing_ok=True)
        raise
    return row


def _look(path: Path, form: Format | None, is_xlsx: bool) -> tuple[Format, Head]:
    if form is None or is_xlsx:
        head, has_header = contact_file.xlsx_head(path)
        return Format(header=has_header), head
    return form, contact_file.head(path, form)


def _shown(head: Head) -> dict[str, Any]:
    """What a person sees while choosing columns: kept with the mapping, and forgotten with the file."""
    sample = [[cell.replace("\0", "") for cell in cells] for cells in head.sample[:SHOWN_ROWS]]
    return {"names": [name[:200].replace("\0", "") for name in head.names], "sample": sample}


def _keep(upload: TemporaryUploadedFile, kept: Path) -> None:
    # An import that was accepted survives a power failure, so its file must too.
    os.fsync(upload.fileno())
    try:
        os.replace(upload.temporary_file_path(), kept)
    except OSError:  # another file system
        shutil.copyfile(upload.temporary_file_path(), kept)


def _display_name(name: str) -> str:
    name = "".join(character for character in re.split(r"[/\\]", name)[-1] if character.isprintable())
    return name if len(name) <= 120 else name[:115] + "…" + name[-4:]


def _directory() -> Path:
    """Where the files wait: apart from the recipient files, which another tidies up."""
    directory: Path = settings.UPLOAD_DIR / "contacts"
    directory.mkdir(exist_ok=True)
    return directory


def _files(upload_name: str) -> list[Path]:
    """Everything that may lie there for one import."""
    stem = upload_name.partition(".")[0]
    return [_directory() / f"{stem}{suffix}" for suffix in (".csv", ".xlsx", ".part", ".keys")]


def remove_files(upload_name: str) -> None:
    for path in _files(upload_name) if upload_name else ():
        path.unlink(missing_ok=True)


def remove_orphans(older_than: timedelta) -> int:
    """Delete what crashes left: files of no import. Returns how many."""
    limit = timezone.now().timestamp() - older_than.total_seconds()
    old = [entry for entry in os.scandir(_directory()) if entry.stat().st_mtime < limit]
    stems = {name.partition(".")[0] for name in ContactImport.unscoped.values_list("upload_name", flat=True) if name}
    orphans = [entry for entry in old if entry.name.partition(".")[0] not in stems]
    for entry in orphans:
        Path(entry).unlink(missing_ok=True)
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
        if row.status not in (Status.CHECKING, Status.READY):
            raise wire.refusal("import_not_ready", status=row.status)
        mapping = dict(row.mapping)
        form = _format(mapping, given)
        if form != Format(mapping["encoding"], mapping["delimiter"], mapping["header"]):
            mapping.update(_read_again(row, form))
        columns = given.get("columns", mapping["columns"])
        mapping["columns"] = clean_columns(columns, len(mapping["names"]))
        mapping["add_labels"] = _labels(given.get("add_labels", mapping["add_labels"]))
        mapping["default_country"] = _country(given.get("default_country", mapping["default_country"]))
        changes: dict[str, Any] = {"mapping": mapping, "status": Status.CHECKING, **_COUNTED_NOTHING}
        if update_existing is not None:
            changes["update_existing"] = update_existing
        ContactImport.unscoped.filter(pk=row.pk).update(rows=0, errors=[], **changes)


_COUNTED_NOTHING: Final = dict.fromkeys(
    ("processed", "created_count", "updated_count", "skipped_count", "error_count"), 0
)


def _format(mapping: dict[str, Any], given: dict[str, Any]) -> Format:
    form = Format(*(given.get(name, mapping[name]) for name in Format._fields))
    if form.encoding not in contact_file.ENCODINGS:
        raise BadMapping(f"encoding debe ser uno de: {', '.join(contact_file.ENCODINGS)}")
    if form.delimiter not in contact_file.DELIMITERS:
        raise BadMapping("delimiter debe ser «,», «;», «|» o un tabulador")
    if not isinstance(form.header, bool):
        raise BadMapping("header debe ser true o false")
    return form


def _read_again(row: ContactImport, form: Format) -> dict[str, Any]:
    is_xlsx = row.upload_name.endswith(".xlsx")
    try:
        if is_xlsx:
            head, has_header = contact_file.xlsx_head(_directory() / row.upload_name)
            form = Format(header=form.header)
            if form.header and not has_header and head.sample:
                head = Head(head.sample[0], head.sample[1:])
            elif has_header and not form.header:
                head = Head([""] * len(head.names), [head.names, *head.sample])
        else:
            head = contact_file.head(_directory() / row.upload_name, form)
    except (contact_file.Unreadable, contact_file.TooManyColumns, OSError):
        raise BadMapping("así no se puede leer el archivo") from None
    return {**form._asdict(), **_shown(head), "columns": contact_file.guess_columns(head)}


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
        raise wire.refusal("phone_column_missing")
    if row.status == Status.READY and not row.rows:
        raise wire.refusal("import_file_empty")
    moved = ContactImport.unscoped.filter(pk=row.pk, status=Status.READY).update(
        status=Status.RUNNING, **_COUNTED_NOTHING
    )
    if not moved:
        row.refresh_from_db(fields=["status"])
        raise wire.refusal("import_not_ready", status=row.status)


def discard(row: ContactImport) -> None:
    """Forget an import and its file. A worker that is at it stops with its chunk."""
    row.delete()
    remove_files(row.upload_name)


def percentage(row: ContactImport) -> float:
    """How much of what is being done now is done, 0.0-100.0."""
    if row.status in (Status.READY, Status.COMPLETED):
        return 100.0
    return min(99.9, round(100 * row.processed / row.rows, 1)) if row.rows else 0.0


# --- One line ------------------------------------------------------------------------------------------------


class Person(NamedTuple):
    """What one line says of somebody; "" and empty where it says nothing."""

    phone: str
    phone_key: str
    name: str
    email: str
    labels: list[str]
    attributes: dict[str, Any]


class BadLine(Exception):
    """A line that cannot be imported, by its code in `contact_wire`."""

    def __init__(self, code: str, **details: Any) -> None:
        super().__init__(code)
        self.code = code
        self.details = details


_EMAIL = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+\.[^@\s.,;<>\"]+")
_LABEL_SEPARATORS = re.compile("[,;|]")
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,15}")
_NUMBER = re.compile(r"-?[0-9]{1,15}[.,][0-9]{1,15}")
_YES: Final = {"true", "1", "si", "sí", "yes", "sim", "verdadero", "verdadeiro", "x"}
_NO: Final = {"false", "0", "no", "não", "nao", "falso"}


class LineReader:
    """Reads lines as a mapping says. The same for checking and importing: what is announced is what happens."""

    def __init__(self, mapping: dict[str, Any]) -> None:
        columns = mapping["columns"]
        self._phone, self._name, self._email, self._labels = (
            columns.get(field) for field in ("phone", "name", "email", "labels")
        )
        self._attributes = [
            (name, said, "text") if isinstance(said, int) else (name, said["column"], said["type"])
            for name, said in columns["custom_attributes"].items()
        ]
        self._add_labels: list[str] = mapping["add_labels"]
        self._country: str = mapping["default_country"]
        places = [self._phone, self._name, self._email, self._labels, *(place for _, place, _ in self._attributes)]
        self._width = max([place for place in places if place is not None], default=0) + 1

    def read(self, row: contact_file.Row) -> Person:
        """Raises BadLine."""
        cells = row.cells
        if row.too_long:
            raise BadLine("line_too_long")
        if len(cells) < self._width:
            cells = cells + [""] * (self._width - len(cells))
        everything = "".join(cells)
        if "\0" in everything:
            raise BadLine("nul_byte")
        if not everything.isascii() and contact_file.UNDECODABLE in everything:
            raise BadLine("undecodable")
        phone = self._read_phone(cells)
        name = "" if self._name is None else _text(cells[self._name])
        if len(name) > NAME_CHARACTERS:
            raise BadLine("name_too_long", limit=NAME_CHARACTERS)
        email = "" if self._email is None else _text(cells[self._email])
        if email and (len(email) > 254 or not _EMAIL.fullmatch(email)):
            raise BadLine("email_invalid")
        return Person(
            phone,
            phone_numbers.key_of(phone),
            name,
            email,
            self._add_labels if self._labels is None else self._read_labels(cells[self._labels]),
            self._read_attributes(cells) if self._attributes else {},
        )

    def _read_phone(self, cells: list[str]) -> str:
        raw = "" if self._phone is None else cells[self._phone]
        phone = phone_numbers.parse(raw, self._country)
        if phone is None:
            raise BadLine("phone_invalid" if raw.strip() else "phone_missing")
        return phone

    def _read_labels(self, cell: str) -> list[str]:
        found = list(self._add_labels)
        for part in _LABEL_SEPARATORS.split(_text(cell)) if cell else ():
            name = part.strip()
            if not name or name in found:
                continue
            if labels.clean(name) is None:
                raise BadLine("label_invalid", limit=labels.MAX_CHARACTERS)
            found.append(name)
        if len(found) > labels.MAX_ON_A_CONTACT:
            raise BadLine("too_many_labels", limit=labels.MAX_ON_A_CONTACT)
        return found

    def _read_attributes(self, cells: list[str]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, place, kind in self._attributes:
            text = _text(cells[place])
            if not text:
                continue
            if len(text) > MAX_ATTRIBUTE_CHARACTERS:
                raise BadLine("attribute_too_long", limit=MAX_ATTRIBUTE_CHARACTERS)
            found[name] = text if kind == "text" else _typed(text, kind)
        return found


def _text(cell: str) -> str:
    """A cell without the spaces around it, and without what an export puts before a would-be formula."""
    cell = cell.strip()
    return cell[1:] if cell[:1] == "'" and cell[1:2] in {"=", "+", "-", "@"} else cell


def _typed(text: str, kind: str) -> int | float | bool:
    if kind == "number":
        if _WHOLE_NUMBER.fullmatch(text):
            return int(text)
        if _NUMBER.fullmatch(text):
            return float(text.replace(",", "."))
        raise BadLine("attribute_not_a_number")
    word = text.casefold()
    if word in _YES or word in _NO:
        return word in _YES
    raise BadLine("attribute_not_a_boolean")


# --- In a worker ---------------------------------------------------------------------------------------------


class _FileLost(Exception):
    """The stored file cannot be read, or is no longer the one that was accepted."""


class _Changed(Exception):
    """A person has corrected the mapping meanwhile."""


def unfinished() -> list[int]:
    """The imports that a worker should be at."""
    return list(
        ContactImport.unscoped.filter(status__in=[Status.CHECKING, Status.RUNNING])
        .order_by("id")
        .values_list("id", flat=True)
    )


def advance(import_id: int, deadline: float) -> bool:
    """Check or import until done or until `deadline` (by time.monotonic()); at least one chunk.

    Returns whether there is more to do. False also when another worker is at it, or nothing is left to do.
    """
    with _alone(import_id) as is_mine:
        row = ContactImport.unscoped.filter(pk=import_id).first() if is_mine else None
        if row is None or row.status not in (Status.CHECKING, Status.RUNNING):
            return False
        try:
            path = _as_csv(row)
            if not row.rows and not _count(row, path):
                return False
            reader = _Reader(row, path)
            while (more := _step(reader)) and time.monotonic() < deadline:
                pass
        except _FileLost:
            _fail(row, "import_file_lost")
            return False
        except _Changed:
            return True
        return more


@contextmanager
def _alone(import_id: int) -> Iterator[bool]:
    """Whether nobody else is at this import; it stays so meanwhile. A dead worker's connection lets go by itself."""
    key = f"contact_import:{import_id}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", (key,))
        (is_mine,) = cursor.fetchone()
        try:
            yield is_mine
        finally:
            if is_mine and not connection.needs_rollback:
                cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", (key,))


def _fail(row: ContactImport, code: str, **details: Any) -> None:
    errors = [wire.line_error(0, code, **details)]
    ContactImport.unscoped.filter(pk=row.pk, status=row.status).update(
        status=Status.FAILED, errors=errors, finished_at=Now(), upload_name="", mapping=_without_people(row.mapping)
    )
    remove_files(row.upload_name)


def _without_people(mapping: dict[str, Any]) -> dict[str, Any]:
    return {**mapping, "sample": []}


def _as_csv(row: ContactImport) -> Path:
    """The CSV to read: of an XLSX, the one made of it, now if there is none yet."""
    path = _directory() / row.upload_name
    if not row.upload_name or not path.is_file():
        raise _FileLost
    if path.suffix != ".xlsx":
        return path
    made = path.with_suffix(".csv")
    if not made.exists():
        try:
            contact_file.xlsx_to_csv(path, made, settings.MAX_RECIPIENTS)
        except contact_file.TooManyRows:
            _fail(row, "import_too_many_rows", limit=settings.MAX_RECIPIENTS)
        except contact_file.Unreadable:
            raise _FileLost from None
    return made


def _count(row: ContactImport, path: Path) -> bool:
    """Count the file's rows; whether it can go on."""
    if not path.exists():
        return False
    number = 0
    for _ in contact_file.rows(path, _format_of(row)):
        number += 1
        if number > settings.MAX_RECIPIENTS:
            _fail(row, "import_too_many_rows", limit=settings.MAX_RECIPIENTS)
            return False
    if not number:
        # Read as it was said, nothing is left of it: a person may say otherwise.
        ContactImport.unscoped.filter(pk=row.pk, status=row.status, mapping=row.mapping).update(status=Status.READY)
        return False
    ContactImport.unscoped.filter(pk=row.pk, mapping=row.mapping).update(rows=number)
    row.rows = number
    return True


def _format_of(row: ContactImport) -> Format:
    form = Format(row.mapping["encoding"], row.mapping["delimiter"], row.mapping["header"])
    return form._replace(encoding="utf-8", delimiter=",") if row.upload_name.endswith(".xlsx") else form


class _Reader:
    """The file's rows as this mapping reads them, and how many have been passed."""

    def __init__(self, row: ContactImport, path: Path) -> None:
        self.row = row
        self._rows = contact_file.rows(path, _format_of(row))
        self._passed = 0
        self.lines = LineReader(row.mapping)
        self.keys_path = path.with_suffix(".keys")

    def is_for(self, row: ContactImport) -> bool:
        """Whether the row is still what we are reading it for."""
        was = self.row
        return (
            row.status == was.status
            and row.mapping == was.mapping
            and row.update_existing == was.update_existing
            and row.processed >= self._passed
        )

    def chunk(self, position: int) -> "_Chunk":
        """Read the next rows from `position` on."""
        # Forwards only: a position that fell is another reading.
        _ = next(islice(self._rows, position - self._passed, position - self._passed), None)
        people: list[Person] = []
        errors: list[dict[str, Any]] = []
        number = 0
        read = self.lines.read
        # No list of them: twice the objects, and Python's collector looks at each several times.
        for row in islice(self._rows, CHUNK_ROWS):
            number += 1
            try:
                people.append(read(row))
            except BadLine as bad:
                if len(errors) < MAX_ERRORS:
                    errors.append(wire.line_error(row.line, bad.code, **bad.details))
        self._passed = position + number
        return _Chunk(people, errors, number - len(people))


class _Chunk(NamedTuple):
    """What a chunk's lines said."""

    people: list[Person]
    errors: list[dict[str, Any]]  # the first 1,000
    error_count: int

    @property
    def rows(self) -> int:
        return len(self.people) + self.error_count


def _step(reader: _Reader) -> bool:
    """Check or import one chunk; whether there is another step. One transaction."""
    with transaction.atomic():
        row: ContactImport | None = (
            ContactImport.unscoped.select_for_update(no_key=True).filter(pk=reader.row.pk).first()
        )
        if row is None or row.status not in (Status.CHECKING, Status.RUNNING):
            return False
        if not reader.is_for(row):
            raise _Changed
        chunk = reader.chunk(row.processed)
        if not chunk.rows and row.processed < row.rows:
            raise _FileLost
        changes: dict[str, Any] = {"processed": row.processed + chunk.rows}
        with connection.cursor() as cursor:
            if row.status == Status.CHECKING:
                changes.update(_check(cursor, row, reader, chunk))
            else:
                changes.update(_import(cursor, row, chunk))
        ContactImport.unscoped.filter(pk=row.pk).update(**changes)
    # Only now: after a crash before the commit they are needed again.
    if changes.get("status") == Status.COMPLETED:
        remove_files(reader.row.upload_name)
    elif changes.get("status") == Status.READY:
        reader.keys_path.unlink(missing_ok=True)
    return "status" not in changes


# --- Checking ------------------------------------------------------------------------------------------------


def _check(cursor: Cursor, row: ContactImport, reader: _Reader, chunk: _Chunk) -> dict[str, Any]:
    """Note the chunk's keys beside the file; at the end, count. Returns what changes in the row."""
    changes: dict[str, Any] = {"error_count": row.error_count + chunk.error_count}
    if chunk.errors and len(row.errors) < MAX_ERRORS:
        changes["errors"] = [*row.errors, *chunk.errors][:MAX_ERRORS]
    known = row.processed - row.error_count
    keys = array("Q", [int(person.phone_key[1:]) for person in chunk.people])
    # A crash may have left more than was committed, or (of the whole machine) less or nothing.
    with reader.keys_path.open("r+b" if known and reader.keys_path.exists() else "wb") as file:
        if file.seek(0, os.SEEK_END) < known * keys.itemsize:
            return {**_COUNTED_NOTHING, "errors": []}
        file.truncate(known * keys.itemsize)
        file.seek(known * keys.itemsize)
        file.write(keys.tobytes())
    if row.processed + chunk.rows < row.rows:
        return changes
    good = known + len(chunk.people)
    new = _count_new(cursor, row, reader.keys_path)
    repeated = good - new
    return {
        **changes,
        "status": Status.READY,
        "created_count": new,
        "updated_count": repeated if row.update_existing else 0,
        "skipped_count": 0 if row.update_existing else repeated,
    }


def _count_new(cursor: Cursor, row: ContactImport, keys_path: Path) -> int:
    """How many of these numbers no contact has, each counted once."""
    cursor.execute("CREATE TEMP TABLE checked_key (key bigint) ON COMMIT DROP")
    with keys_path.open("rb") as file, cursor.copy("COPY checked_key FROM STDIN") as copy:
        while block := file.read(8 * 10_000):
            copy.write("\n".join(map(str, array("Q", block))) + "\n")
    cursor.execute("ANALYZE checked_key")
    cursor.execute(
        """
        SELECT count(*) FROM (SELECT DISTINCT '+' || key AS phone_key FROM checked_key) AS wanted
        WHERE NOT EXISTS (
            SELECT FROM campaigns_contact AS contact
            WHERE contact.account_id = %s AND contact.phone_key = wanted.phone_key
        )
        """,
        (row.account_id,),
    )
    (new,) = cursor.fetchone()
    cursor.execute("DROP TABLE checked_key")
    return int(new)


# --- Importing -----------------------------------------------------------------------------------------------


def _import(cursor: Cursor, row: ContactImport, chunk: _Chunk) -> dict[str, Any]:
    """Make or complete the chunk's contacts. Returns what changes in the row."""
    people = _once_each(chunk.people, row.update_existing)
    labels.take_turns(row.account_id)
    labels.ensure(row.account_id, {name for person in people for name in person.labels})
    created = _write(cursor, row, people) if people else 0
    others = len(chunk.people) - created
    changes: dict[str, Any] = {
        "created_count": row.created_count + created,
        "updated_count": row.updated_count + (others if row.update_existing else 0),
        "skipped_count": row.skipped_count + (0 if row.update_existing else others),
        "error_count": row.error_count + chunk.error_count,
    }
    if row.processed + chunk.rows >= row.rows:
        changes.update(status=Status.COMPLETED, finished_at=Now(), upload_name="", mapping=_without_people(row.mapping))
    return changes


def _once_each(people: list[Person], update_existing: bool) -> list[Person]:
    """One entry for each number, as if the lines had come one after the other."""
    by_key: dict[str, Person] = {}
    for person in people:
        known = by_key.get(person.phone_key)
        if known is None:
            by_key[person.phone_key] = person
        elif update_existing:
            by_key[person.phone_key] = Person(
                known.phone,
                known.phone_key,
                person.name or known.name,
                person.email or known.email,
                list(dict.fromkeys([*known.labels, *person.labels])),
                {**known.attributes, **person.attributes},
            )
    return list(by_key.values())


_UPDATE: Final = """
    DO UPDATE SET
        name = CASE WHEN excluded.name <> '' THEN excluded.name ELSE contact.name END,
        email = CASE WHEN excluded.email <> '' THEN excluded.email ELSE contact.email END,
        labels = contact.labels || ARRAY(
            SELECT name FROM unnest(excluded.labels) AS name WHERE name <> ALL (contact.labels)
        ),
        custom_attributes = contact.custom_attributes || excluded.custom_attributes,
        updated_at = now()
    -- A row that would stay as it is is not written again.
    WHERE (excluded.name <> '' AND excluded.name <> contact.name)
       OR (excluded.email <> '' AND excluded.email <> contact.email)
       OR NOT contact.labels @> excluded.labels
       OR NOT contact.custom_attributes @> excluded.custom_attributes
"""


def _write(cursor: Cursor, row: ContactImport, people: list[Person]) -> int:
    """Bring these people in by COPY and one INSERT; returns how many are new. A known phone keeps its spelling."""
    cursor.execute(
        """
        CREATE TEMP TABLE incoming_contact (
            phone text, phone_key text, name text, email text, labels varchar(100)[], custom_attributes jsonb
        ) ON COMMIT DROP
        """
    )
    with cursor.copy("COPY incoming_contact FROM STDIN") as copy:
        for start in range(0, len(people), 1_000):
            copy.write("".join([_line(person) for person in people[start : start + 1_000]]))
    cursor.execute(
        f"""
        WITH written AS (
            INSERT INTO campaigns_contact AS contact (
                account_id, phone, phone_key, name, email, labels, custom_attributes,
                opted_in_source, opted_out_source
            )
            SELECT %s, phone, phone_key, name, email, labels, custom_attributes, '', '' FROM incoming_contact
            ON CONFLICT (account_id, phone_key) {_UPDATE if row.update_existing else "DO NOTHING"}
            RETURNING xmax = 0 AS is_new
        )
        SELECT count(*) FROM written WHERE is_new
        """,  # noqa: S608 - constants
        (row.account_id,),
    )
    (created,) = cursor.fetchone()
    cursor.execute("DROP TABLE incoming_contact")
    return int(created)


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode


def _line(person: Person) -> str:
    """One contact in COPY's text format. Its labels are an array literal, escaped twice."""
    attributes = _escaped(_encode(person.attributes)) if person.attributes else "{}"
    return (
        f"{person.phone}\t{person.phone_key}\t{_escaped(person.name)}\t{_escaped(person.email)}"
        f"\t{_array(person.labels)}\t{attributes}\n"
    )


def _escaped(text: str) -> str:
    if text.isalnum():
        return text
    return text.replace("\\", r"\\").replace("\t", r"\t").replace("\n", r"\n").replace("\r", r"\r")


def _array(values: list[str]) -> str:
    if not values:
        return "{}"
    # In the literal a quote and a backslash need a backslash, and COPY wants each backslash doubled.
    return "{" + ",".join(['"' + name.replace("\\", r"\\\\").replace('"', r"\\" + '"') + '"' for name in values]) + "}"
