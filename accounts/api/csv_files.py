"""Files of many lines as answers: sent part by part, so that none is ever whole in memory."""

from collections.abc import AsyncIterator, Iterator

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db import connection
from django.http import StreamingHttpResponse
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView


class CsvView(APIView):
    """A call that answers a file. `answer_file` makes the answer."""

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[BaseRenderer, str]:
        """Whatever is accepted: the file is CSV, and an error is JSON."""
        return JSONRenderer(), JSONRenderer.media_type

    @staticmethod
    def answer_file(request: Request, name: str, parts: Iterator[str]) -> StreamingHttpResponse:
        """Send `parts` as the file of this name, which is plain ASCII."""
        # Django reads a plain iterator to its end before it answers the first byte over ASGI.
        is_asgi = isinstance(request._request, ASGIRequest)
        return StreamingHttpResponse(
            _one_by_one(parts) if is_asgi else parts,
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )


async def _one_by_one(parts: Iterator[str]) -> AsyncIterator[str]:
    def next_part() -> str | None:
        part = next(parts, None)
        # Back to the pool until the reader wants more.
        connection.close()
        return part

    while (part := await sync_to_async(next_part)()) is not None:
        yield part
