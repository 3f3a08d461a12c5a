"""Addresses with and without their trailing slash."""

import pytest
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import resolve, reverse

from accounts.api.routes import api_path


def show(request, **kwargs):
    return HttpResponse(repr(kwargs))


urlpatterns = [api_path("things", show, name="things"), api_path("things/<uuid:thing_id>", show, name="thing")]
THING = "things/7b3f0e2c-6f2b-4c8e-9a55-0d3f4f1f2a10"

pytestmark = pytest.mark.urls(__name__)


@pytest.mark.parametrize("path", ["/things", "/things/", f"/{THING}", f"/{THING}/"])
def test_a_path_answers_with_and_without_its_slash(path):
    assert Client().post(path).status_code == 200


@pytest.mark.parametrize("path", ["/things//", "/thingsx", "/things/nonsense", f"/{THING}//", f"/{THING}/more"])
def test_nothing_else_matches(path):
    with override_settings(DEBUG=False):
        assert Client().get(path).status_code == 404


def test_the_parameters_are_converted():
    assert "UUID(" in Client().get(f"/{THING}/").content.decode()


def test_links_are_made_without_the_slash():
    match = resolve(f"/{THING}/")
    assert reverse(match.url_name, kwargs=match.kwargs) == f"/{THING}"
