"""What one custom attribute of a contact must be, in SQL and in plain Python: the operators of `conditions`."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from django.db.models import BooleanField, F, Func
from django.db.models.expressions import Combinable
from django.db.models.sql.compiler import SQLCompiler

from accounts.written.reading import is_storable
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

    def matches(self, attributes: Mapping[str, Any]) -> bool:
        return OPERATORS[self.op].matches(attributes, self.key, self.value)

    def condition(self) -> "_OnAttributes":
        """The same in SQL; true or false, never null."""
        return _OnAttributes(*OPERATORS[self.op].sql(self.key, self.value))

    def as_json(self) -> Any:
        if self.op == "eq":
            return self.value
        return {"op": self.op, "value": list(self.value) if self.op == "in" else self.value}


@dataclass(frozen=True, slots=True)
class Operator:
    takes: Callable[[Any], bool]
    expected: str
    matches: Callable[[Mapping[str, Any], str, Any], bool]
    # (condition with {} for the column, parameters): never null, so that it can be negated
    sql: Callable[[str, Any], tuple[str, list[Any]]]


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


def _equals(attributes: Mapping[str, Any], key: str, value: Any) -> bool:
    return key in attributes and _equal(attributes[key], value)


def _contains(attributes: Mapping[str, Any], key: str, value: Any) -> bool:
    attribute = attributes.get(key)
    if isinstance(attribute, list):
        return any(_equal(element, value) for element in attribute)
    return isinstance(attribute, str) and isinstance(value, str) and value in attribute


def _equals_sql(key: str, value: Any) -> tuple[str, list[Any]]:
    return "{} @> %s::jsonb", [json.dumps({key: value})]  # the one that has the index


def _contains_sql(key: str, value: Any) -> tuple[str, list[Any]]:
    in_list, parameters = _equals_sql(key, [value])
    if not isinstance(value, str):
        return in_list, parameters
    return (
        f"({in_list} OR coalesce(jsonb_typeof({{}} -> %s::text) = 'string' AND strpos({{}} ->> %s::text, %s) > 0,"
        " false))",
        [*parameters, key, key, value],
    )


def _in_sql(key: str, values: Sequence[Any]) -> tuple[str, list[Any]]:
    # One containment each: the index answers these, it does not answer `= ANY`.
    parts = [_equals_sql(key, value) for value in values]
    return "(" + " OR ".join(sql for sql, _ in parts) + ")", [one for _, parameters in parts for one in parameters]


def _ordering(symbol: str, holds: Callable[[Any, Any], bool]) -> Operator:
    def matches(attributes: Mapping[str, Any], key: str, value: Any) -> bool:
        attribute = attributes.get(key)
        return kind_of(attribute) == kind_of(value) and holds(_comparable(attribute), _comparable(value))

    def sql(key: str, value: Any) -> tuple[str, list[Any]]:
        if isinstance(value, str):
            compared, parameter = f'({{}} ->> %s::text) COLLATE "C" {symbol} %s', value
        else:
            # As jsonb, which compares anything with anything: a cast to numeric would fail on texts.
            compared, parameter = f"{{}} -> %s::text {symbol} %s::jsonb", json.dumps(value)
        # The comparison first, which most rows fail: where there is no index, that is a third of the time.
        return (
            f"coalesce({compared} AND jsonb_typeof({{}} -> %s::text) = %s, false)",
            [key, parameter, key, kind_of(value)],
        )

    return Operator(
        lambda value: kind_of(value) in ("number", "string") and _is_scalar(value),
        audience_problems.ORDERED,
        matches,
        sql,
    )


_SCALAR: Final = audience_problems.scalar(MAX_TEXT_CHARACTERS)

OPERATORS: Final[dict[str, Operator]] = {
    "eq": Operator(_is_scalar, _SCALAR, _equals, _equals_sql),
    "ne": Operator(
        _is_scalar,
        _SCALAR,
        lambda attributes, key, value: not _equals(attributes, key, value),
        lambda key, value: ("NOT ({} @> %s::jsonb)", [json.dumps({key: value})]),
    ),
    "gt": _ordering(">", lambda one, other: bool(one > other)),
    "gte": _ordering(">=", lambda one, other: bool(one >= other)),
    "lt": _ordering("<", lambda one, other: bool(one < other)),
    "lte": _ordering("<=", lambda one, other: bool(one <= other)),
    "contains": Operator(lambda value: _is_scalar(value) and value != "", _SCALAR, _contains, _contains_sql),
    "in": Operator(
        lambda value: isinstance(value, list) and 1 <= len(value) <= MAX_CHOICES and all(map(_is_scalar, value)),
        audience_problems.choices(MAX_CHOICES),
        lambda attributes, key, values: any(_equals(attributes, key, value) for value in values),
        _in_sql,
    ),
    "exists": Operator(
        lambda value: isinstance(value, bool),
        audience_problems.YES_OR_NO,
        lambda attributes, key, value: (key in attributes) == value,
        lambda key, value: (f"{'' if value else 'NOT '}({{}} ? %s)", [key]),
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
