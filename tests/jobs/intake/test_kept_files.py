"""Uploads that were accepted: kept durably, or not at all."""

import errno
import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.uploadedfile import TemporaryUploadedFile

from jobs.intake import kept_files


@pytest.fixture
def upload(settings):
    settings.FILE_UPLOAD_TEMP_DIR.mkdir(exist_ok=True)
    with TemporaryUploadedFile("a.csv", "text/csv", 3, None) as file:
        file.write(b"abc")
        file.flush()
        yield file


def test_an_upload_is_moved_once_it_and_its_name_are_on_disk(upload, tmp_path, monkeypatch):
    synced = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda one: (synced.append(os.fstat(one).st_ino), real(one)))
    source = Path(upload.temporary_file_path())
    expected = [source.stat().st_ino, tmp_path.stat().st_ino]
    with kept_files.kept(upload, tmp_path / "kept"):
        assert (tmp_path / "kept").read_bytes() == b"abc"
        assert synced == expected
    assert not source.exists()


def test_it_is_copied_where_it_cannot_be_moved(upload, tmp_path, monkeypatch):
    def another_file_system(*_):
        raise OSError(errno.EXDEV, "cross-device")

    monkeypatch.setattr(os, "replace", another_file_system)
    with kept_files.kept(upload, tmp_path / "kept"):
        pass
    assert (tmp_path / "kept").read_bytes() == b"abc"


def test_nothing_stays_where_the_acceptance_fails(upload, tmp_path):
    with pytest.raises(ZeroDivisionError), kept_files.kept(upload, tmp_path / "kept"):
        raise ZeroDivisionError
    assert not (tmp_path / "kept").exists()


def test_old_files_are_files_that_nobody_has_written_to(tmp_path):
    for name in ("old", "new"):
        (tmp_path / name).touch()
    (tmp_path / "directory").mkdir()
    for name in ("old", "directory"):
        os.utime(tmp_path / name, (0, 0))
    assert kept_files.old_files(tmp_path, timedelta(days=1)) == [tmp_path / "old"]
