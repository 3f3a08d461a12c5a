"""Pages show times on their reader's clock; programs get UTC."""

import pytest
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.time_zones import BrowserTimeZone


def zone_within(path: str, cookie: str | None) -> str:
    request = HttpRequest()
    request.path = path
    if cookie is not None:
        request.COOKIES["timezone"] = cookie
    return BrowserTimeZone(lambda _: HttpResponse(timezone.get_current_timezone_name()))(request).content.decode()


def test_the_browser_names_its_zone():
    assert zone_within("/admin/", "America/Lima") == "America/Lima"
    assert zone_within("/admin/jobs/job/", "America%2FLima") == "America/Lima"
    assert timezone.get_current_timezone_name() == "UTC"


@pytest.mark.parametrize(
    "cookie",
    [
        None,
        "",
        "Atlantis",
        "../../etc/passwd",
        "America",
        "/etc/passwd",
        "x" * 5000,
        "\0",
        "localtime",
        "Factory",
        "right/UTC",
    ],
)
def test_what_is_no_zone_is_utc(cookie):
    assert zone_within("/admin/", cookie) == "UTC"


def test_the_api_knows_no_zone():
    assert zone_within("/jobs", "America/Lima") == "UTC"
