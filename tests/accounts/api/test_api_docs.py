"""The API's description, for programs and for people."""

import re

import pytest
import yaml
from django.test import Client
from django.urls import URLPattern, get_resolver


def described():
    answer = Client().get("/api/schema/")
    assert answer.status_code == 200
    return yaml.safe_load(answer.content)


def routes(patterns=None, prefix=""):
    for pattern in patterns if patterns is not None else get_resolver().url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield route
        else:
            yield from routes(pattern.url_patterns, route)


def test_every_address_below_api_is_described():
    paths = described()["paths"]
    written = {re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", f"/{route}") for route in routes() if route.startswith("api/v1/")}
    assert written
    assert written <= set(paths)


def test_the_three_ways_to_send_a_token_are_described():
    schemes = described()["components"]["securitySchemes"]
    assert {"bearer", "api_access_token", "session"} <= set(schemes)


def test_a_token_goes_in_and_never_comes_out():
    device = described()["components"]["schemas"]["Device"]["properties"]
    assert device["token"]["writeOnly"]


@pytest.mark.parametrize("path", ["/api/docs", "/api/docs/"])
def test_the_page_for_people_needs_no_script_and_no_other_host(path):
    page = Client().get(path).content.decode()
    assert "/api/v1/accounts/{account_id}/devices" in page
    assert "messages_per_minute" in page
    assert "<script" not in page
    assert "//" not in page.replace("http://testserver", "")
