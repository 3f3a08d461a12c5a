"""What one custom attribute of a contact must be, in SQL and in plain Python: the operators of `conditions`."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from django.db.models import BooleanField, F, Func
from django.db.models.expressions import Combinable
from django.db.models.sql.compiler import SQLCompiler

from accounts.written import days
from accounts.written.reading import is_storable
from campaigns.audience import comparing
from campaigns.contacts.kinds import DATE
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
        """What the attribute may equal. A day is also the same day as ISO writes it, which is how files bring it."""
        values = list(self.value) if self.op == "in" else [self.value]
        if self.kind != DATE:
            return values
        texts = [value for value in values if isinstance(value, str) and len(value) <= 10]
        as_days = [days.compared(text, self.day_order) for text in texts]
        return [*values, *[day for day in as_days if day is not None and day not in values]]

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
    if isinstance(value, (int, float)):
        return "number"
    return "string" if isinstance(value, str) else ""


def _comparable(value: Any) -> Any:
    # As PostgreSQL stores it, digit by digit: Python would compare an integer with a float's binary value.
    return Decimal(repr(value)) if kind_of(value) == "number" else value


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
        return any(_equal(element, value) for element in attribute)
    return isinstance(attribute, str) and isinstance(value, str) and value in attribute


def _holds(key: str, value: Any) -> tuple[str, list[Any]]:
    return "{} @> %s::jsonb", [json.dumps({key: value})]  # the one that has the index


def _equals_one_sql(wanted: AttributeCondition) -> tuple[str, list[Any]]:
    # One containment each: the index answers these, it does not answer `= ANY`.
    parts = [_holds(wanted.key, value) for value in wanted.values()]
    sql = " OR ".join(sql for sql, _ in parts)
    return f"({sql})", [one for _, parameters in parts for one in parameters]


def _equals_none_sql(wanted: AttributeCondition) -> tuple[str, list[Any]]:
    sql, parameters = _equals_one_sql(wanted)
    return f"NOT {sql}", parameters


def _contains_sql(wanted: AttributeCondition) -> tuple[str, list[Any]]:
    key, value = wanted.key, wanted.value
    in_list, parameters = _holds(key, [value])
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
