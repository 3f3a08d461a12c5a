"""What the pages say of an audience: how it compares, how many it is, and who of it is not written to."""

from collections.abc import Mapping
from typing import Any, Final

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from jobs.wording.phrase import Phrase

COMPARISONS: Final[dict[str, Phrase]] = {
    "eq": _("is"),
    "ne": _("is not"),
    "gt": _("is greater than"),
    "gte": _("is at least"),
    "lt": _("is less than"),
    "lte": _("is at most"),
    "contains": _("contains"),
    "in": _("is one of"),
    "exists": _("exists"),
}

VALUE_TYPES: Final[dict[str, Phrase]] = {
    "string": _("text"),
    "number": _("number"),
    "boolean": _("yes or no"),
    "null": _("empty (null)"),
}

# Why somebody of the audience is not written to, to follow a number.
LEFT_OUT: Final[dict[str, Phrase]] = {
    "opted_out": _("asked not to be written to"),
    "suppressed": _("on the list of suppressed numbers"),
    "excluded_by_list": _("on an exclusion list"),
    "no_phone": _("without a phone"),
    "no_consent": _("without the consent that the law of their country asks for"),
    "country_hours": _("at no hour that the law of their country allows"),
    "too_recent": _("written to as often as they may be"),
}


def described(raw: Mapping[str, Any]) -> list[str]:
    """An audience in words, a condition each; the JSON is always right, these only explain it."""
    words = _conditions(raw)
    if exclude := raw.get("exclude"):
        words += [gettext("Except: %(condition)s") % {"condition": condition} for condition in _conditions(exclude)]
    return words


def _conditions(raw: Mapping[str, Any]) -> list[str]:
    words: list[str] = []
    if "labels" in raw:
        words.append(gettext("Any of the labels: %(labels)s") % {"labels": ", ".join(raw["labels"])})
    if "contact_ids" in raw:
        words.append(gettext("Chosen by hand: %(people)s") % {"people": people(len(raw["contact_ids"]))})
    for key, value in raw.get("custom_attributes", {}).items():
        op, operand = (value["op"], value["value"]) if isinstance(value, dict) else ("eq", value)
        words.append(f"{key} {_comparison(op, operand)}")
    return words


def _comparison(op: str, value: Any) -> str:
    if op == "exists":
        return gettext("exists") if value else gettext("does not exist")
    shown = ", ".join(map(_value, value)) if isinstance(value, list) else _value(value)
    return f"{COMPARISONS[op]} {shown}"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    return gettext("empty (null)") if value is None else f"“{value}”" if isinstance(value, str) else str(value)


def people(count: int) -> str:
    return ngettext("%(count)s person", "%(count)s people", count) % {"count": intcomma(count)}


def left_out(excluded: Mapping[str, int]) -> list[dict[str, Any]]:
    """How many of the audience are not written to, by reason, the most first."""
    known = [(reason, excluded.get(reason, 0)) for reason in LEFT_OUT]
    return [
        {"reason": reason, "label": LEFT_OUT[reason], "count": count}
        for reason, count in sorted(known, key=lambda one: -one[1])
        if count
    ]


def left_out_sentence(excluded: Mapping[str, int]) -> str:
    """“56 left out: 50 asked not to be written to, 6 without a phone”; "" where nobody is."""
    rows = left_out(excluded)
    if not rows:
        return ""
    reasons = ", ".join(f"{intcomma(row['count'])} {row['label']}" for row in rows)
    total = intcomma(sum(row["count"] for row in rows))
    return gettext("%(count)s left out: %(reasons)s") % {"count": total, "reasons": reasons}
