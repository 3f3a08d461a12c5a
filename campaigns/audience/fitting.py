"""Whether an audience fits what its attributes are: a comparison that none of their values can meet is refused.

Of attributes of which nothing is known, or whose values are of several kinds, nothing is refused.
"""

from collections.abc import Iterator
from typing import Any, Final

from accounts.models import Account
from accounts.written import days, numerals
from campaigns.audience.attribute_conditions import AttributeCondition
from campaigns.audience.conditions import Audience
from campaigns.audience.refused import BadAudience, Problem
from campaigns.contacts.kinds import BOOLEAN, DATE, NUMBER
from campaigns.wording import audience_problems

ORDERINGS: Final = frozenset(["gt", "gte", "lt", "lte"])
# What no value of this kind can meet.
UNFIT: Final[dict[str, frozenset[str]]] = {NUMBER: frozenset(["contains"]), BOOLEAN: ORDERINGS | {"contains"}}


def read(raw: Any, account: Account) -> Audience:
    """Read an audience of this account's contacts. Raises BadAudience with every problem, or with what does not fit."""
    audience = Audience.parse(raw)
    if problems := list(_problems(audience, account)):
        raise BadAudience(problems)
    return audience


def _problems(audience: Audience, account: Account) -> Iterator[Problem]:
    own = audience.of(account)
    for path, said, meant in (
        ("audience", audience, own),
        ("audience.exclude", audience.exclude, own.exclude),
    ):
        if said is None or meant is None:
            continue
        for written, condition in zip(said.custom_attributes, meant.custom_attributes, strict=True):
            place = f"{path}.custom_attributes.{written.key[:60]}"
            if condition.op in UNFIT.get(condition.kind, ()):
                yield problem(f"{place}.op", "operator_unfit", condition)
            elif condition.op in ORDERINGS and not _is_comparable(condition):
                yield problem(f"{place}.value", "value_unfit", condition)


def _is_comparable(condition: AttributeCondition) -> bool:
    value = condition.value
    if condition.kind == NUMBER:
        return not isinstance(value, str) or numerals.plain(value) is not None
    if condition.kind == DATE:
        return isinstance(value, str) and days.compared(value, condition.day_order) is not None
    return True


def problem(path: str, code: str, condition: AttributeCondition) -> Problem:
    message = audience_problems.on_the_wire(
        code, op=condition.op, name=condition.key, kind=audience_problems.KINDS[condition.kind]
    )
    return {"path": path, "code": code, "message": message}
