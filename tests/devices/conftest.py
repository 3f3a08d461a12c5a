"""Fixtures for the tests of devices."""

import pytest


@pytest.fixture
def loopback_is_open(settings):
    """The gateways of these tests live on this machine."""
    settings.EGRESS_ALLOWED_CIDRS = ["127.0.0.0/8"]
