"""What an endpoint may be. Where its address leads is judged at each call besides."""

from typing import Any

import pytest

from devices.endpoints import fields
from devices.endpoints.event_types import EVENT_TYPES
from devices.validation import Refused


def refused(check: Any, value: Any) -> str:
    with pytest.raises(Refused) as caught:
        check(value)
    return caught.value.code


@pytest.mark.parametrize("url", ["https://example.com/hooks?a=b", "https://example.com:8443", "http://127.0.0.1/x"])
def test_addresses_that_may_be_called(url: str, settings: Any) -> None:
    settings.EGRESS_ALLOWED_CIDRS = ["127.0.0.0/8"]
    assert fields.url(f" {url} ") == url


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://8.8.8.8/hooks", "endpoint_https"),
        ("https://127.0.0.1/", "egress_refused"),
        ("https://169.254.169.254/latest", "egress_refused"),
        ("https://[::ffff:10.0.0.1]/", "egress_refused"),
        ("https://user:pw@example.com/", "address_credentials"),
        ("https://example.com/#a", "address_extra"),
        ("ftp://example.com/", "address_scheme"),
        ("https://0x7f.1/", "address_host"),
        ("example.com", "address_scheme"),
        ("", "address_scheme"),
        ("https://exa\nmple.com/", "address_characters"),
    ],
)
def test_addresses_that_may_not(url: str, code: str, settings: Any) -> None:
    settings.EGRESS_ALLOWED_CIDRS = []
    assert refused(fields.url, url) == code


def test_types_are_those_there_are_each_once() -> None:
    assert fields.types(["job.paused", "job.started", "job.paused"]) == ["job.started", "job.paused"]
    assert fields.types([]) == []
    assert refused(fields.types, ["job.exploded"]) == "endpoint_types"
    assert len(set(EVENT_TYPES)) == len(EVENT_TYPES)


def test_headers_are_ones_own_and_of_one_line() -> None:
    assert fields.headers({"Authorization": "Bearer a b", "X-Key": "1"}) == {
        "Authorization": "Bearer a b",
        "X-Key": "1",
    }
    for bad in (
        {"Content-Type": "text/plain"},
        {"HOST": "example.com"},
        {"Webhook-Signature": "v1,x"},
        {"X A": "1"},
        {"X": "a\r\nY: b"},
        {"X": ""},
        {"X": " a"},
        {"X": "ñ"},
        {"": "a"},
        {"X": 5},
        {f"X-{number}": "1" for number in range(21)},
    ):
        assert refused(fields.headers, bad) == "endpoint_headers"
