"""What one custom attribute of a contact must be, in SQL and in plain Python: the operators of `conditions`."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain
from typing import Any, Final

from django.db.models import BooleanField, F, Func
from django.db.models.expressions import Combinable
from django.db.models.sql.compiler import SQLCompiler

from accounts.written.reading import is_storable
from campaigns.audience import comparing
from campaigns.wording import audience_problems

MAX_CHOICES: Final = 100  # of `in`
MAX_TEXT_CHARACTERS: Final = 1_000
LARGEST_NUMBER: Final = 10**300


@dataclass(frozen=True, slots=True)
class AttributeCondition:
    """What one custom attribute must be. `value` is a tuple for `in`."""

    key: str
    op: str
    value: Any
    kind: str = ""  # what the attribute is in its account (`contacts.kinds`)
    day_order: str = "dmy"  # how the account writes days

    def matches(self, attributes: Mapping[str, Any]) -> bool:
        return OPERATORS[self.op].matches(attributes, self)

    def condition(self) -> "_OnAttributes":
        """The same in SQL; true or false, never null."""
        return _OnAttributes(*OPERATORS[self.op].sql(self))

    def values(self) -> list[Any]:
        """What the attribute, or of a list an element, may equal, in all its spellings."""
        said = list(self.value) if self.op == "in" else [self.value]
        others = [comparing.other_spellings(value, self.kind, self.day_order) for value in said]
        return list({_as_json(value): value for value in (*said, *chain(*others))}.values())

    def as_json(self) -> Any:
        if self.op == "eq":
            return self.value
        return {"op": self.op, "value": list(self.value) if self.op == "in" else self.value}


@dataclass(frozen=True, slots=True)
class Operator:
    takes: Callable[[Any], bool]
    expected: str
    matches: Callable[[Mapping[str, Any], AttributeCondition], bool]
    # (condition with {} for the column, parameters): never null, so that it can be negated
    sql: Callable[[AttributeCondition], tuple[str, list[Any]]]


def kind_of(value: Any) -> str:
    """JSON's type of a scalar; "" for a list or an object."""
    if value is None:
        return "null"
    if isinstance(value, bool):  # before numbers: Python's True is 1
        return "boolean"
    if isinstance(value, (int, float, Decimal)):
        return "number"
    return "string" if isinstance(value, str) else ""


def _comparable(value: Any) -> Any:
    # As PostgreSQL stores it, digit by digit: Python would compare an integer with a float's binary value.
    return Decimal(str(value)) if kind_of(value) == "number" else value


def _as_json(value: Any) -> str:
    return str(value) if isinstance(value, Decimal) else json.dumps(value)


def _equal(one: Any, other: Any) -> bool:
    kind = kind_of(one)
    return bool(kind) and kind == kind_of(other) and bool(_comparable(one) == _comparable(other))


def _is_scalar(value: Any) -> bool:
    match kind_of(value):
        case "number":
            return bool(abs(value) < LARGEST_NUMBER)  # NaN is not, nor is infinity
        case "string":
            return len(value) <= MAX_TEXT_CHARACTERS and is_storable(value)
        case kind:
            return bool(kind)


def _equals_one(attributes: Mapping[str, Any], wanted: AttributeCondition) -> bool:
    return wanted.key in attributes and any(_equal(attributes[wanted.key], value) for value in wanted.values())


def _contains(attributes: Mapping[str, Any], wanted: AttributeCondition) -> bool:
    attribute, value = attributes.get(wanted.key), wanted.value
    if isinstance(attribute, list):
        return any(_equal(element, one) for element in attribute for one in wanted.values())
    return isinstance(attribute, str) and isinstance(value, str) and value in attribute


def _equals_one_sql(wanted: AttributeCondition, form: str = "{}") -> tuple[str, list[Any]]:
    """`form`: of the attribute, "[{}]" where it is a list with such an element."""
    key = json.dumps(wanted.key)
    values = [form.replace("{}", _as_json(value)) for value in wanted.values()]
    # One containment each: the index answers these, it does not answer `= ANY`.
    sql = " OR ".join(["{} @> %s::jsonb"] * len(values))
    return f"({sql})", [f"{{{key}: {value}}}" for value in values]


def _equals_none_sql(wanted: AttributeCondition) -> tuple[str, list[Any]]:
    sql, parameters = _equals_one_sql(wanted)
    return f"NOT {sql}", parameters


def _contains_sql(wanted: AttributeCondition) -> tuple[str, list[Any]]:
    key, value = wanted.key, wanted.value
    in_list, parameters = _equals_one_sql(wanted, "[{}]")
    if not isinstance(value, str):
        return in_list, parameters
    return (
        f"({in_list} OR coalesce(jsonb_typeof({{}} -> %s::text) = 'string' AND strpos({{}} ->> %s::text, %s) > 0,"
        " false))",
        [*parameters, key, key, value],
    )


def _ordering(symbol: str, holds: Callable[[Any, Any], bool]) -> Operator:
    return Operator(
        lambda value: kind_of(value) in ("number", "string") and _is_scalar(value),
        audience_problems.ORDERED,
        lambda attributes, wanted: comparing.comparison(wanted.value, wanted.kind, wanted.day_order).holds(
            attributes.get(wanted.key), holds
        ),
        lambda wanted: comparing.comparison(wanted.value, wanted.kind, wanted.day_order).sql(wanted.key, symbol),
    )


_SCALAR: Final = audience_problems.scalar(MAX_TEXT_CHARACTERS)

OPERATORS: Final[dict[str, Operator]] = {
    "eq": Operator(_is_scalar, _SCALAR, _equals_one, _equals_one_sql),
    "ne": Operator(
        _is_scalar, _SCALAR, lambda attributes, wanted: not _equals_one(attributes, wanted), _equals_none_sql
    ),
    "gt": _ordering(">", lambda one, other: bool(one > other)),
    "gte": _ordering(">=", lambda one, other: bool(one >= other)),
    "lt": _ordering("<", lambda one, other: bool(one < other)),
    "lte": _ordering("<=", lambda one, other: bool(one <= other)),
    "contains": Operator(lambda value: _is_scalar(value) and value != "", _SCALAR, _contains, _contains_sql),
    "in": Operator(
        lambda value: isinstance(value, list) and 1 <= len(value) <= MAX_CHOICES and all(map(_is_scalar, value)),
        audience_problems.choices(MAX_CHOICES),
        _equals_one,
        _equals_one_sql,
    ),
    "exists": Operator(
        lambda value: isinstance(value, bool),
        audience_problems.YES_OR_NO,
        lambda attributes, wanted: (wanted.key in attributes) == wanted.value,
        lambda wanted: (f"{'' if wanted.value else 'NOT '}({{}} ? %s)", [wanted.key]),
    ),
}


class _OnAttributes(Func):
    """A condition on `custom_attributes`, in which {} stands for the column."""

    output_field = BooleanField()

    def __init__(self, sql: str, parameters: Iterable[Any], column: Combinable | None = None) -> None:
        super().__init__(column or F("custom_attributes"))
        self._sql = sql
        self._parameters = tuple(parameters)

    def as_sql(self, compiler: SQLCompiler, connection: Any, **_: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        column, _none = compiler.compile(self.source_expressions[0])
        return self._sql.replace("{}", column), list(self._parameters)
