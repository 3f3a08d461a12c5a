"""What a serializer found wrong, beside the fields of the forms of campaigns and segments."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from campaigns.wording import field_problems

_FORM_FIELDS: Final = {"segment_id": "audience", "scheduled_at": "schedule", "non_field_errors": "form"}
_OF_PLACES: Final = {"audience"}


def by_field(errors: Any) -> dict[str, list[str]]:
    """What is wrong, by field of the form, of the errors of a serializer. Each sentence names its place."""
    return {
        _FORM_FIELDS.get(field, field): list(
            dict.fromkeys(field_problems.problem_at(place, code) for place, code in _flat(detail, field in _OF_PLACES))
        )
        for field, detail in errors.items()
    }


def _flat(detail: Any, has_places: bool, place: str = "") -> Iterator[tuple[str, str]]:
    """Every error in what a serializer found, as (place, code)."""
    if isinstance(detail, Mapping):
        for key, inner in detail.items():
            yield from _flat(inner, has_places, str(key) if has_places and key != "non_field_errors" else "")
    elif isinstance(detail, Iterable) and not isinstance(detail, str):
        for inner in detail:
            yield from _flat(inner, has_places, place)
    else:
        yield place, getattr(detail, "code", "invalid")
