"""Pages of the API's lists in any order: by the last row's value and id, so that equal values are no trouble.

DRF's cursor counts off rows with equal values, and gives up at a thousand: a million contacts without a name are
a million equal values.
"""

import base64
import binascii
import json
from typing import Any

from django.core.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from accounts import messages
from accounts.errors import ApiError
from accounts.lists import keyset
from accounts.written.reading import is_storable


class KeysetPages(BasePagination):
    """{"next", "previous", "results"}: `?limit=` rows a page, `?ordering=` one of the view's `ordering_fields`.

    Those fields must not be null. The view's `ordering` is the default, else newest first.
    """

    page_rows = 50
    most_rows = 100

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> list[Any]:
        self.request = request
        order = self.read_ordering(request, view)
        self.field = order.removeprefix("-")
        by = [order] if self.field == "id" else [order, "-id" if order.startswith("-") else "id"]
        cursor = request.query_params.get("cursor")
        place = _read(cursor) if cursor else {}
        try:
            self.part = keyset.read(queryset, by, limit=self.read_limit(request), **place)
        except (ValueError, TypeError, ValidationError):
            if not cursor:
                raise
            raise ApiError("invalid_cursor") from None  # made by hand: a word where a time should stand
        return self.part.rows

    def read_ordering(self, request: Request, view: Any) -> str:
        """The field to order by, "-" in front: backwards. Raises ApiError."""
        if not (wanted := request.query_params.get("ordering")):
            return _usual_ordering(view)
        if wanted.removeprefix("-") not in _ordering_fields(view):
            sentence = messages.ERRORS["ordering_invalid"].format(choices=", ".join(_ordering_fields(view)))
            raise ApiError("ordering_invalid", sentence)
        return wanted

    def read_limit(self, request: Request) -> int:
        """How many rows a page may have. Raises ApiError."""
        raw = request.query_params.get("limit") or str(self.page_rows)
        if not (raw.isascii() and raw.isdecimal() and len(raw) < 10 and int(raw)):
            raise ApiError("limit_invalid")
        return min(int(raw), self.most_rows)

    def get_paginated_response(self, data: Any) -> Response:
        part = self.part
        return Response(
            {
                "next": self._link(False, part.rows[-1]) if part.has_next else None,
                "previous": self._link(True, part.rows[0]) if part.has_previous else None,
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
        texts = [
            ("cursor", "string", "From `next` or `previous`"),
            ("limit", "integer", f"Rows a page, {self.page_rows} by default, {self.most_rows} at most"),
        ]
        if fields := _ordering_fields(view):
            texts.append(("ordering", "string", ", ".join(fields) + "; with - in front: backwards"))
        return [
            {"name": name, "in": "query", "required": False, "schema": {"type": kind}, "description": text}
            for name, kind, text in texts
        ]

    def _link(self, backwards: bool, row: Any) -> str:
        value = getattr(row, self.field)
        place = [int(backwards), value if isinstance(value, int | str) else value.isoformat(), row.pk]
        cursor = base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")
        return replace_query_param(self.request.build_absolute_uri(), "cursor", cursor)


class LenientKeysetPages(KeysetPages):
    """500 rows a page at most; a limit or an ordering that means nothing is left out, not refused."""

    most_rows = 500

    def read_ordering(self, request: Request, view: Any) -> str:
        wanted = request.query_params.get("ordering", "").split(",")
        known = (name for name in map(str.strip, wanted) if name.removeprefix("-") in _ordering_fields(view))
        return next(known, _usual_ordering(view))

    def read_limit(self, request: Request) -> int:
        try:
            return super().read_limit(request)
        except ApiError:
            return self.page_rows


def _usual_ordering(view: Any) -> str:
    ordering: str = getattr(view, "ordering", "-id")
    return ordering


def _ordering_fields(view: Any) -> tuple[str, ...]:
    fields: tuple[str, ...] = getattr(view, "ordering_fields", ())
    return fields


def _read(cursor: str) -> dict[str, tuple[Any, int]]:
    """{"after": key} or {"before": key}. Raises ApiError."""
    try:
        backwards, value, pk = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise ApiError("invalid_cursor") from None
    if not isinstance(pk, int) or not isinstance(value, int | str) or not is_storable(str(value)):
        raise ApiError("invalid_cursor")
    return {"before" if backwards else "after": (value, pk)}
