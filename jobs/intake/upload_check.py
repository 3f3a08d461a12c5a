"""What is asked of every upload before anybody reads it, be it of recipients or of contacts."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile


class Unacceptable(Exception):
    """No file to read. `code` is file_missing, file_extension or file_too_large; `details` go with it."""

    def __init__(self, code: str, **details: Any) -> None:
        super().__init__(code)
        self.code = code
        self.details = details


def checked(upload: "UploadedFile[Any] | None", extensions: Sequence[str]) -> TemporaryUploadedFile:
    """Return an upload that is there, ends in one of `extensions` (".csv"), is not too large. Raises Unacceptable."""
    if upload is None:
        raise Unacceptable("file_missing")
    if not (upload.name or "").lower().endswith(tuple(extensions)):
        raise Unacceptable("file_extension")
    if (upload.size or 0) > settings.MAX_UPLOAD_BYTES:
        raise Unacceptable("file_too_large", limit=settings.MAX_UPLOAD_BYTES)
    assert isinstance(upload, TemporaryUploadedFile)  # settings.FILE_UPLOAD_HANDLERS
    return upload
