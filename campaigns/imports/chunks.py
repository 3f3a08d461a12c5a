"""A chunk of a file's rows, read as its mapping says: people, and what was wrong with the lines and cells of others."""

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

from django.utils import timezone

from accounts.written import days
from accounts.written.folding import same_name
from campaigns.contacts import attributes, consent_by_file
from campaigns.imports import attribute_columns
from campaigns.imports.attribute_columns import AttributeColumn
from campaigns.imports.consent_columns import ConsentReader
from campaigns.imports.exclusion_lines import ExclusionReader
from campaigns.imports.files.csv_records import Row
from campaigns.imports.lines import BadLine, LineReader, Note
from campaigns.imports.suppression_lines import SuppressionReader
from campaigns.imports.table import Place, Rows
from campaigns.imports.upload import MADE, format_of
from campaigns.models import AttributeKind, ContactImport
from campaigns.states import ImportKind, ImportStatus
from campaigns.wording import contact_line_problems
from jobs.erasing import erased

CHUNK_ROWS: Final = 20_000  # one transaction: about a second, and what a crash costs
MAX_ERRORS: Final = 1_000  # that are told, and as many warnings; all are counted

Status = ContactImport.Status
Became = tuple[ImportStatus | None, dict[str, Any]]  # another state or none, and what changes in the import's row


def rows_of(row: ContactImport, path: Path, place: Place | None = None) -> Rows:
    """The rows of an import's file, from the first one or from a place on."""
    form = format_of(row.mapping)
    if row.upload_name.endswith(MADE):
        return Rows(path, form._replace(encoding="utf-8", delimiter=","), is_ours=True, place=place)
    return Rows(path, form, place=place)


def _under_own_names(row: ContactImport) -> dict[str, Any]:
    """The mapping, its attributes named as the account names them; new ones are made once it is imported.

    Of two columns that are one attribute the second gets a number.
    """
    written = attribute_columns.resolved(row.mapping)
    name_of = attributes.ensure if row.status == Status.RUNNING else attributes.known
    own = name_of(row.account_id, written)
    taken: dict[str, AttributeColumn] = {}
    for name, column in sorted(written.items(), key=lambda item: item[1].place):
        number, free = 2, own[name]
        while same_name(free) in map(same_name, taken):
            number, free = number + 1, f"{own[name]} {number}"
        taken[free] = column
    if row.status == Status.RUNNING:
        attributes.ensure(row.account_id, taken)
        kinds = {name: column.type for name, column in taken.items() if column.type in AttributeKind.values}
        attributes.note_kinds(row.account_id, kinds)
    said = {name: column.as_json() for name, column in taken.items()}
    return {**row.mapping, "columns": {**row.mapping["columns"], "custom_attributes": said}}


def _unless_erased(read: Callable[[Row], Any], account_id: int) -> Callable[[Row], Any]:
    """Read a line as `read` does, but for those of people who were erased: they are not kept again."""
    is_erased = erased.reader(account_id)
    if is_erased is None:
        return read

    def of_others(row: Row) -> Any:
        person = read(row)
        if is_erased(person.phone_key):
            raise BadLine("phone_erased")
        return person

    return of_others


class ChunkReader:
    """The file's rows as this mapping reads them, and how many have been passed."""

    def __init__(self, row: ContactImport, path: Path) -> None:
        self.row = row
        # Another version's worker moves on without saying where: then the file is read from its beginning.
        known = row.place if row.place and row.place["rows"] == row.processed else None
        self._table = rows_of(row, path, Place(*known["at"]) if known else None)
        self._rows = iter(self._table)
        self._passed = row.processed if known else 0
        mapping = _under_own_names(row)
        day_order = days.order_of(mapping["default_country"] or row.account.default_country) or "dmy"
        self.lines: LineReader | SuppressionReader | ExclusionReader
        self.has_consents = False
        if row.kind == ImportKind.EXCLUSIONS:
            self.lines = ExclusionReader(mapping)
        elif row.kind == ImportKind.SUPPRESSIONS:
            self.lines = SuppressionReader(mapping, row.account.time_zone, timezone.now(), day_order)
        else:
            consents = ConsentReader(mapping, row.account.time_zone, timezone.now(), day_order)
            self.has_consents = bool(consents.places)
            self.lines = LineReader(mapping, consents if self.has_consents else None)
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

    @property
    def place(self) -> dict[str, Any] | None:
        """Where the next chunk begins, and how many rows stand before it, for whoever reads it."""
        at = self._table.place()
        return None if at is None else {"rows": self._passed, "at": at}

    def chunk(self, position: int) -> "Chunk":
        """Read the next rows from `position` on."""
        # Forwards only: a position that fell is another reading.
        _ = next(islice(self._rows, position - self._passed, position - self._passed), None)
        people: list[Any] = []
        errors: list[dict[str, Any]] = []
        warnings: list[dict[str, Any]] = []
        number = warning_count = 0
        read: Callable[[Row], Any] = self.lines.read
        if self.row.kind != ImportKind.EXCLUSIONS:  # of which nothing is kept that says a number
            read = _unless_erased(read, self.row.account_id)
        # No list of them: twice the objects, and Python's collector looks at each several times.
        for row in islice(self._rows, CHUNK_ROWS):
            number += 1
            try:
                person = read(row)
            except BadLine as bad:
                if len(errors) < MAX_ERRORS:
                    errors.append(contact_line_problems.stored(row.line, bad.code, **bad.details))
            else:
                people.append(person)
                if person.notes:
                    warning_count += len(person.notes)
                    if len(warnings) < MAX_ERRORS:
                        warnings += [self._warning(row.line, note) for note in person.notes]
        self._passed = position + number
        chunk = Chunk(people, errors, number - len(people), warnings, warning_count)
        return self._settled(chunk) if self.has_consents else chunk

    def _settled(self, chunk: "Chunk") -> "Chunk":
        """The chunk without each yes that does not count, because its person has said no; that is told."""
        agreed = [person.phone_key for person in chunk.people if person.consent and not person.consent.is_out]
        if not agreed:
            return chunk
        known = consent_by_file.standing(self.row.account_id, agreed)
        people: list[Any] = []
        warnings = []
        for person in chunk.people:
            said, standing = person.consent, known.get(person.phone_key)
            if said and not said.is_out and standing:
                if standing.refuses(said):
                    warnings.append(contact_line_problems.stored(said.line, "opt_in_refused"))
                    person = person._replace(consent=None)
                elif standing.is_contact and not self.row.update_existing:
                    person = person._replace(consent=None)
            people.append(person)
        told = sorted([*chunk.warnings, *warnings], key=lambda one: int(one["line"]))
        return chunk._replace(
            people=people, warnings=told[:MAX_ERRORS], warning_count=chunk.warning_count + len(warnings)
        )

    def _warning(self, line: int, note: Note) -> dict[str, Any]:
        column = "" if note.place is None else self.row.mapping["names"][note.place] or f"#{note.place + 1}"
        return contact_line_problems.stored(line, note.code, column, **note.details)


class Chunk(NamedTuple):
    """What a chunk's lines said."""

    people: list[Any]  # Person; or Entry of a file of suppressed numbers, or of an exclusion list
    errors: list[dict[str, Any]]  # lines that were not read; the first 1,000
    error_count: int
    warnings: list[dict[str, Any]]  # what was left out of those that were; the first 1,000
    warning_count: int

    @property
    def rows(self) -> int:
        return len(self.people) + self.error_count
