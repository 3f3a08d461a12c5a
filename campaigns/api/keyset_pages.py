"""Pages of long lists in any order: by the last row's value and id, so that equal values are no trouble.

DRF's cursor counts off rows with equal values, and gives up at a thousand: a million contacts without a name are
a million equal values.
"""

import base64
import binascii
import json
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db.models import Q
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from accounts.errors import ApiError
from accounts.reading import is_storable
from campaigns.wording import contact_wire as wire

PAGE_ROWS: Final = 50
MOST_ROWS: Final = 100


class KeysetPages(BasePagination):
    """{"next", "previous", "results"}: `?limit=` rows a page, `?ordering=` one of the view's `ordering_fields`.

    Those fields must not be null. The view's `ordering` is the default.
    """

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> list[Any]:
        self.request = request
        self.field, self.descending = _ordering(request, view)
        limit = _limit(request)
        cursor = request.query_params.get("cursor")
        backwards, place = _read(cursor) if cursor else (False, None)
        descending = self.descending != backwards
        sign = "-" if descending else ""
        by_id = [] if self.field == "id" else [f"{sign}id"]
        try:
            if place is not None:
                queryset = queryset.filter(_beyond(self.field, descending, *place))
            rows = list(queryset.order_by(f"{sign}{self.field}", *by_id)[: limit + 1])
        except (ValueError, TypeError, ValidationError):
            if cursor is None:
                raise
            raise ApiError("invalid_cursor") from None  # made by hand: a word where a time should stand
        more = len(rows) > limit
        del rows[limit:]
        if backwards:
            rows.reverse()
        self.rows = rows
        self.has_next = bool(rows) and (more or backwards)
        self.has_previous = bool(rows) and (more if backwards else place is not None)
        return rows

    def get_paginated_response(self, data: Any) -> Response:
        return Response(
            {
                "next": self._link(False, self.rows[-1]) if self.has_next else None,
                "previous": self._link(True, self.rows[0]) if self.has_previous else None,
                "results": data,
            }
        )

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": "string", "format": "uri", "nullable": True}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {"next": link, "previous": link, "results": schema},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return [
            {"name": name, "in": "query", "required": False, "schema": {"type": kind}, "description": text}
            for name, kind, text in (
                ("cursor", "string", "From `next` or `previous`"),
                ("limit", "integer", f"Rows a page, {PAGE_ROWS} by default, {MOST_ROWS} at most"),
                ("ordering", "string", ", ".join(view.ordering_fields) + "; with - in front: backwards"),
            )
        ]

    def _link(self, backwards: bool, row: Any) -> str:
        value = getattr(row, self.field)
        place = [int(backwards), value if isinstance(value, int | str) else value.isoformat(), row.pk]
        cursor = base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")
        return replace_query_param(self.request.build_absolute_uri(), "cursor", cursor)


def _ordering(request: Request, view: Any) -> tuple[str, bool]:
    wanted = request.query_params.get("ordering") or view.ordering
    name = wanted.removeprefix("-")
    if name not in view.ordering_fields:
        raise wire.refusal("ordering_invalid", choices=", ".join(view.ordering_fields))
    return name, wanted.startswith("-")


def _limit(request: Request) -> int:
    raw = request.query_params.get("limit") or str(PAGE_ROWS)
    if not (raw.isascii() and raw.isdecimal() and len(raw) < 10 and int(raw)):
        raise wire.refusal("limit_invalid")
    return min(int(raw), MOST_ROWS)


def _read(cursor: str) -> tuple[bool, tuple[Any, int]]:
    try:
        backwards, value, pk = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise ApiError("invalid_cursor") from None
    if not isinstance(pk, int) or not isinstance(value, int | str) or not is_storable(str(value)):
        raise ApiError("invalid_cursor")
    return bool(backwards), (value, pk)


def _beyond(field: str, descending: bool, value: Any, pk: int) -> Q:
    after = "lt" if descending else "gt"
    if field == "id":
        return Q(**{f"id__{after}": value})
    # The first comparison alone is what an index can use.
    return Q(**{f"{field}__{after}e": value}) & (Q(**{f"{field}__{after}": value}) | Q(**{f"id__{after}": pk}))
