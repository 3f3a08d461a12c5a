"""Uploads that were accepted: kept through a power failure, named for people, and swept away once nobody wants them."""

import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

from django.core.files.uploadedfile import TemporaryUploadedFile

MAX_NAME_CHARACTERS: Final = 120


@contextmanager
def kept(upload: TemporaryUploadedFile, path: Path) -> Iterator[None]:
    """Move an upload to `path`, durably: the file, then the name in its directory. Gone again if the body raises."""
    os.fsync(upload.fileno())
    try:
        os.replace(upload.temporary_file_path(), path)
    except OSError:  # another file system
        with open(upload.temporary_file_path(), "rb") as source, open(path, "wb") as copy:
            shutil.copyfileobj(source, copy)
            copy.flush()
            os.fsync(copy.fileno())
    try:
        _sync_directory(path.parent)
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _sync_directory(path: Path) -> None:
    directory = os.open(path, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def old_files(directory: Path, older_than: timedelta) -> list[Path]:
    """The files there that nobody has written to for so long: what a crash may have left."""
    limit = time.time() - older_than.total_seconds()
    return [Path(entry) for entry in os.scandir(directory) if entry.is_file() and entry.stat().st_mtime < limit]


def display_name(name: str) -> str:
    """Make a file's name fit to be shown: its last part, printable, at most 120 characters, extension kept."""
    name = re.split(r"[/\\]", name)[-1]
    name = "".join(character for character in name if character.isprintable())
    return name if len(name) <= MAX_NAME_CHARACTERS else name[: MAX_NAME_CHARACTERS - 5] + "…" + name[-4:]
