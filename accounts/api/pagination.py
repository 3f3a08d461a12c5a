"""Pages of the API's lists: {"next", "previous", "results"}, by cursor, so that no row is skipped or shown twice."""

from typing import Any

from django.core.exceptions import ValidationError
from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.errors import ApiError


class CursorPages(CursorPagination):
    """Newest first unless the view orders otherwise; `?limit=` rows a page, 50 by default, 500 at most."""

    ordering = "-id"
    page_size = 50
    page_size_query_param = "limit"
    max_page_size = 500

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> list[Any] | None:
        try:
            return super().paginate_queryset(queryset, request, view)
        # A cursor made by hand may hold anything where a number or a time should stand.
        except (NotFound, ValueError, ValidationError):
            if self.cursor_query_param not in request.query_params:
                raise
            raise ApiError("invalid_cursor") from None
