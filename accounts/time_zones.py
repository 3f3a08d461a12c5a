"""Times as the reader's clock shows them: the browser says its zone in a cookie, set by static/pregonero/frame.js."""

from collections.abc import Callable
from functools import cache
from urllib.parse import unquote
from zoneinfo import ZoneInfo, available_timezones

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
    name = unquote(name)
    return ZoneInfo(name) if name in _names() else None


@cache
def _names() -> frozenset[str]:
    # Not those that mean this machine's own zone, or none.
    return frozenset(available_timezones() - {"localtime", "Factory"})
