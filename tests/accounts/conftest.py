"""Fixtures for the tests of accounts."""

import pytest


@pytest.fixture(autouse=True)
def _passwords_are_cheap(settings):
    """The real hash is slow on purpose."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
