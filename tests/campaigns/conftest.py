from pathlib import Path

import pytest

from tests.campaigns.arrange import Caller


@pytest.fixture(autouse=True)
def own_directories(settings, tmp_path: Path) -> None:
    """The real password hash is slow on purpose; uploads stay in this test's own place."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.UPLOAD_DIR = tmp_path / "uploads"
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "incoming"
    settings.UPLOAD_DIR.mkdir()
    settings.FILE_UPLOAD_TEMP_DIR.mkdir()


@pytest.fixture
def call(db: None) -> Caller:
    return Caller()
