"""A file of numbers that must not be written to: which columns say why and since when, and what one line says."""

from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from accounts.written import moments
from accounts.written.blanks import is_blank
from accounts.written.cells import text_of
from accounts.written.folding import slug
from campaigns.contacts.consent_by_file import Consent
from campaigns.imports import columns as column_guess
from campaigns.imports.files.csv_records import Head, Row
from campaigns.imports.lines import BadLine, Note, checked_cells
from devices import phone_numbers

FIELDS: Final = ("phone", "reason", "since")
REASON_CHARACTERS: Final = 200

_REASONS: Final = frozenset(
    [
        "motivo",
        "razon",
        "razao",
        "reason",
        "causa",
        "motivo_de_baja",
        "motivo_baja",
        "motivo_de_la_baja",
        "motivo_exclusion",
        "motivo_da_exclusao",
        "observacion",
        "observaciones",
        "observacao",
        "observacoes",
        "comentario",
        "comentarios",
        "comment",
        "comments",
        "nota",
        "notas",
        "note",
        "notes",
        "origen",
        "origem",
        "source",
        "fuente",
        "fonte",
        "lista",
        "list",
        "registro",
        "detalle",
        "detalhe",
    ]
)
_SINCE: Final = frozenset(
    [
        "fecha",
        "date",
        "data",
        "fecha_baja",
        "fecha_de_baja",
        "fecha_de_la_baja",
        "fecha_registro",
        "fecha_de_registro",
        "fecha_inscripcion",
        "fecha_de_inscripcion",
        "fecha_exclusion",
        "fecha_de_exclusion",
        "fecha_solicitud",
        "fecha_de_solicitud",
        "desde",
        "since",
        "dia",
        "created_at",
        "created",
        "opted_out_at",
        "opt_out_date",
        "unsubscribed_at",
        "blocked_at",
        "added_at",
        "registered_at",
        "data_de_cadastro",
        "data_cadastro",
        "data_da_solicitacao",
        "data_de_exclusao",
        "data_do_bloqueio",
    ]
)


class Entry(NamedTuple):
    """What one line says of a number."""

    phone: str
    phone_key: str
    reason: str
    since: datetime | None
    notes: tuple[Note, ...] = ()
    consent: Consent | None = None  # of people alone
    line: int = 0


def guess(found: Head, country: str) -> column_guess.Guess:
    """Guess which column is the number, and which say why and since when."""
    of_people = column_guess.guess(found, country)
    columns: dict[str, Any] = {"custom_attributes": {}}
    if "phone" in of_people.columns:
        columns["phone"] = of_people.columns["phone"]
    for place, name in enumerate(found.names):
        header = slug(name)
        field = "reason" if header in _REASONS else "since" if header in _SINCE else ""
        if field and field not in columns and place != columns.get("phone"):
            columns[field] = place
    return column_guess.Guess(columns, of_people.unsure)


def number_in(cell: str, place: int | None, country: str, notes: list[Note]) -> str:
    """The number ("+" and digits) of a line that says whom not to write to. Raises BadLine."""
    if is_blank(cell):
        raise BadLine("phone_missing")
    try:
        phone = phone_numbers.read_kept_from(cell, country)
    except phone_numbers.Unreadable as problem:
        raise BadLine(problem.code) from None
    if phone_numbers.parse(phone) is None:
        notes.append(Note("phone_of_no_plan", place))
    return phone


class SuppressionReader:
    """Reads lines as a mapping says; the counterpart of `LineReader`."""

    def __init__(self, mapping: dict[str, Any], time_zone: str, now: datetime, day_order: str = "dmy") -> None:
        columns = mapping["columns"]
        self.more_attributes: frozenset[str] = frozenset()  # of people alone
        self._phone, self._reason, self._since = (columns.get(field) for field in FIELDS)
        self._reason_of_all: str = mapping.get("reason", "")
        self._country: str = mapping["default_country"]
        self._zone = ZoneInfo(time_zone)
        self._day_order = day_order
        self._latest = now + timedelta(days=1)
        self._columns = len(mapping["names"])
        self._width = (
            max([place for place in (self._phone, self._reason, self._since) if place is not None], default=0) + 1
        )

    def read(self, row: Row) -> Entry:
        """Raises BadLine."""
        notes: list[Note] = []
        cells = checked_cells(row, self._width, self._columns, notes)
        phone = number_in("" if self._phone is None else cells[self._phone], self._phone, self._country, notes)
        return Entry(
            phone,
            phone_numbers.key_of(phone),
            self._read_reason(cells, notes),
            self._read_since(cells, notes),
            tuple(notes),
            line=row.line,
        )

    def _read_reason(self, cells: list[str], notes: list[Note]) -> str:
        reason = "" if self._reason is None else text_of(cells[self._reason])
        if len(reason) > REASON_CHARACTERS:
            notes.append(Note("reason_too_long", self._reason, {"limit": REASON_CHARACTERS}))
            reason = ""
        return reason or self._reason_of_all

    def _read_since(self, cells: list[str], notes: list[Note]) -> datetime | None:
        text = "" if self._since is None else text_of(cells[self._since])
        if not text:
            return None
        try:
            moment = moments.read(text, self._zone, self._day_order)
        except ValueError:
            moment = None
        if moment is None or moment > self._latest:
            notes.append(Note("since_invalid", self._since))
            return None
        return moment
