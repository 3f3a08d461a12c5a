"""What the columns of attributes hold, by all of their cells: texts, numbers, yes or no, or days.

Looked at while a file's rows are counted, in constant memory: a kind that one cell does not fit is given up, a column
without any other kind is not looked at again, and a cell like one of the first thousand not twice. How numbers and
days are written is decided over the whole column; what its cells leave open, the file's other columns say, then the
country, then Excel's delimiter. Where nobody says it, the column stays text, and the doubt is told.

Codes that are only written in digits stay texts: by their header (document, code, phone), a zero in front, or their
length. So does what the account has as a text.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from accounts.written import days, numerals
from accounts.written.cells import text_of
from accounts.written.folding import word_set, words
from accounts.written.reading import is_yes_or_no
from campaigns.contacts import kinds
from campaigns.contacts.type_marks import BOOLEAN, CODES, DATE, NUMBER, TEXT, TYPES, type_in
from campaigns.imports import attribute_columns
from campaigns.imports.attribute_columns import AttributeColumn
from campaigns.imports.columns import phone_score
from campaigns.imports.files.csv_records import Row

CELLS_KNOWN: Final = 1_000  # of a column
CODE_DIGITS: Final = 9  # so long a whole number is a phone or a document
LEVEL_CODE_DIGITS: Final = 8  # and one of these, if all have as many

DECIMAL_DOUBT: Final = "decimal_unclear"  # "1.234" may be a thousand, or one and a bit
ORDER_DOUBT: Final = "order_unclear"  # "01/02/2026" may be January, or February


_AMOUNTS: Final = word_set(
    """monto montos importe precio preco price total saldo deuda divida debt amount valor value ingreso ingresos
    renta sueldo salario salary income pago pagos payment venta ventas sales costo custo cost limite limit
    credito credit poblacion populacao population cantidad quantidade quantity qty"""
)


_SIGN_BESIDE: Final = {",": ".", ";": ","}  # the decimal sign of who has this delimiter


class _Kind:
    """A kind that the cells of a column may be of."""

    name: str

    def fits(self, text: str) -> bool:
        """Look at a cell; whether it can be of this kind, beside those before it."""
        raise NotImplementedError


class _YesOrNo(_Kind):
    name = BOOLEAN

    def fits(self, text: str) -> bool:
        return is_yes_or_no(text)


class _InTwoWays(_Kind):
    """What is written in one of two ways: cells that only one of them explains say which it is."""

    ways: tuple[str, str]

    def __init__(self) -> None:
        self.votes = dict.fromkeys(self.ways, 0)
        self.is_unclear = False

    @property
    def way(self) -> str:
        """What the column's cells say; "" where they do not."""
        first, second = self.ways
        if self.votes[first] == self.votes[second]:
            return ""
        return max(self.ways, key=self.votes.__getitem__)

    def vote(self, ways: Iterable[str], *, is_unclear: bool) -> bool:
        """Note in which ways a cell can be read. False where none, or where one before it said otherwise."""
        possible = list(ways)
        if len(possible) == 1:
            self.votes[possible[0]] += 1
            return not all(self.votes.values())
        self.is_unclear |= is_unclear and bool(possible)
        return bool(possible)


class _Numbers(_InTwoWays):
    name = NUMBER
    ways = numerals.SIGNS

    def __init__(self) -> None:
        super().__init__()
        self.is_more = False  # than digits
        self.least, self.most = 99, 0  # digits

    def fits(self, text: str) -> bool:
        size = len(text)
        if text.isdigit() and text.isascii():
            if (text[0] == "0" and size > 1) or size > numerals.MAX_DIGITS:
                return False
            self.least, self.most = min(self.least, size), max(self.most, size)
            return True
        self.is_more = True
        return self.vote(numerals.signs(text), is_unclear="." in text or "," in text)

    def are_codes(self) -> bool:
        """Whether they look like phones or documents."""
        is_level = self.least == self.most == LEVEL_CODE_DIGITS
        return not self.is_more and (self.most >= CODE_DIGITS or is_level)


class _Days(_InTwoWays):
    name = DATE
    ways = days.ORDERS

    def fits(self, text: str) -> bool:
        orders, is_unclear = days.orders(text)
        return self.vote(orders, is_unclear=is_unclear)


class _Column:
    """A column of an attribute while the file is read."""

    def __init__(self, name: str, column: AttributeColumn, header: str, known: str) -> None:
        header, marked = type_in(header)
        self.name = name
        self.place = column.place
        self.type = column.type or marked
        self.reading = column.reading
        self.is_marked = bool(marked) and not column.type
        self.is_empty = True
        self.cells: set[str] = set()  # known already
        only = self.type or (known if known in TYPES else "")
        spoken = frozenset(words(header))
        is_code = not only and bool(CODES & spoken or phone_score(header))
        self._may_be_codes = not only and not _AMOUNTS & spoken
        self.kinds: list[_Kind] = [
            kind()
            for kind in (_YesOrNo, _Numbers, _Days)
            if (not only or kind.name == only) and not (is_code and kind is _Numbers)
        ]

    def look(self, cell: str) -> bool:
        """Look at another cell; whether there is any more to be known."""
        if len(self.cells) < CELLS_KNOWN:
            self.cells.add(cell)
        if text := text_of(cell):
            self.is_empty = False
            fitting = [kind for kind in self.kinds if kind.fits(text)]
            if not self.type:  # else what does not fit is left out, one by one
                self.kinds = fitting
        return bool(self.kinds)

    def found(self) -> _Kind | None:
        """The kind that all cells fit, or that was said; None: they are texts."""
        for kind in self.kinds:
            if self.type or (not self.is_empty and not self._are_codes(kind)):
                return kind
        return None

    def _are_codes(self, kind: _Kind) -> bool:
        return self._may_be_codes and isinstance(kind, _Numbers) and kind.are_codes()


class Recognition:
    """Looks at rows, and says what the columns of a mapping hold."""

    def __init__(self, mapping: Mapping[str, Any], known: Mapping[str, str], country: str) -> None:
        """`known`: the kinds of the account's attributes; `country`: whose habits, where the mapping names none."""
        self._country: str = mapping["default_country"] or country
        self._delimiter: str = mapping["delimiter"]
        self._is_workbook = bool(mapping.get("sheets"))
        columns = mapping["columns"]
        self._phones = [place for place in (columns.get("phone"), *columns.get("more_phones", ())) if place is not None]
        self._columns = []
        for name, said in columns["custom_attributes"].items():
            column = attribute_columns.of(said)
            header = mapping["names"][column.place]
            self._columns.append(_Column(name, column, header, known.get(name, kinds.UNKNOWN)))
        self._open = [column for column in self._columns if column.kinds]

    def look(self, row: Row) -> None:
        """Look at another row of the file. Lines that are nobody's, such as totals, say nothing."""
        cells = row.cells
        width = len(cells)
        for column in self._open:
            cell = cells[column.place] if column.place < width else ""
            if cell in column.cells:
                continue
            if row.problem or not any(cells[place].strip() for place in self._phones if place < width):
                return
            if not column.look(cell):
                self._open = [other for other in self._open if other is not column]

    def types(self) -> dict[str, dict[str, Any]]:
        """What was found, by the attributes' names: {"type", "reading", "doubt"}, only what there is. The
        type is "" where every cell is empty."""
        ways = {kind: self._habit(kind) for kind in (NUMBER, DATE)}
        return {column.name: self._type(column, ways) for column in self._columns}

    def _habit(self, kind: str) -> str:
        """How the file, its country or its program writes numbers or days; "" where nobody knows."""
        found = [column.found() for column in self._columns]
        said = {one.way for one in found if isinstance(one, _InTwoWays) and one.name == kind and one.way}
        if len(said) == 1 and not (kind == NUMBER and self._is_workbook):
            return said.pop()
        if kind == DATE:
            return days.order_of(self._country)
        if self._is_workbook:
            return "."  # as `number_formats` writes them
        return numerals.sign_of(self._country) or ("," if self._delimiter == ";" else "")

    def _type(self, column: _Column, ways: Mapping[str, str]) -> dict[str, Any]:
        kind = column.found()
        if kind is None:
            return {"type": column.type or ("" if column.kinds and column.is_empty else TEXT)}
        if not isinstance(kind, _InTwoWays):
            return {"type": kind.name}
        way = column.reading or kind.way
        if not way and (kind.is_unclear or column.type):
            # Our own export writes a point; a spreadsheet that writes commas separates columns by semicolons.
            is_ours = column.is_marked and kind.name == NUMBER
            way = _SIGN_BESIDE.get(self._delimiter, "") if is_ours else ""
            way = way or ways[kind.name]
            if not way and not column.type:
                return {"type": TEXT, "doubt": DECIMAL_DOUBT if kind.name == NUMBER else ORDER_DOUBT}
            way = way or kind.ways[0]  # somebody has seen the samples
        return {"type": kind.name, **({"reading": way} if way else {})}


# --- To be seen -----------------------------------------------------------------------------------------------


class ShownType(NamedTuple):
    """What a column holds, for a person to see and to change."""

    attribute: str
    column: int
    type: str  # "" where every cell is empty, or nothing is known yet
    reading: str
    doubt: str
    is_recognised: bool  # or said by somebody
    examples: list[tuple[str, Any]]  # cells that are read as something else than their text; None: they do not fit


def shown_types(mapping: Mapping[str, Any]) -> list[ShownType]:
    """Of all attributes, in the order of their columns."""
    found: Mapping[str, Any] = mapping.get("types", {})
    written = mapping["columns"]["custom_attributes"]
    return [
        ShownType(
            name,
            column.place,
            column.type,
            column.reading,
            found.get(name, {}).get("doubt", ""),
            not attribute_columns.of(written[name]).type,
            _examples(column, mapping["sample"]),
        )
        for name, column in sorted(attribute_columns.resolved(mapping).items(), key=lambda item: item[1].place)
    ]


def _examples(column: AttributeColumn, sample: list[list[str]]) -> list[tuple[str, Any]]:
    read = attribute_columns.reader(column)
    found: list[tuple[str, Any]] = []
    for cells in sample if read is not None else ():
        if column.place < len(cells) and (cell := text_of(cells[column.place])):
            try:
                found.append((cell, read(cell)))  # type: ignore[misc]
            except ValueError:
                found.append((cell, None))
    return found
