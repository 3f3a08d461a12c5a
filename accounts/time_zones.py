"""Times as the reader's clock shows them: the browser says its zone in a cookie, set by static/pregonero/frame.js."""

from collections.abc import Callable
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

COOKIE = "timezone"


class BrowserTimeZone:
    """Activates the browser's zone for pages. The API's times are UTC whatever is asked for."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        zone = known_zone(request.COOKIES.get(COOKIE, "")) if request.path.startswith("/admin/") else None
        with timezone.override(zone):  # None: the one of the settings
            return self.get_response(request)


def known_zone(name: str) -> ZoneInfo | None:
    """Return the zone of this name, percent-encoded or not; None where there is none."""
    try:
        return ZoneInfo(unquote(name)) if name else None
    except (KeyError, ValueError, OSError):  # not found; a path; a directory of zones
        return None
