"""The file that goes with a campaign's messages: checked once before its launch, served to the gateways when uploaded.

A gateway fetches the file again for every recipient, and what is wrong with it fails every one of them.
"""

import mimetypes
import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urljoin, urlsplit

from django.conf import settings
from django.core import signing
from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile
from django.urls import reverse

from campaigns.audience.refused import Refused
from campaigns.models import Campaign
from devices.gateway import http
from jobs.intake import kept_files

MEGABYTE: Final = 1024 * 1024
# What WhatsApp takes, in bytes.
MAX_BYTES: Final = {
    "image": 5 * MEGABYTE,
    "video": 16 * MEGABYTE,
    "audio": 16 * MEGABYTE,
    "document": 100 * MEGABYTE,
}
CHECK_SECONDS: Final = 10.0
MOST_REDIRECTS: Final = 3
# How long a gateway can fetch an uploaded file: 5 devices at 12 a minute need 12 days for a million.
ADDRESS_SECONDS: Final = 60 * 24 * 3600
_SALT: Final = "campaigns.launch.media"
# Where the server names no type: the file's ending tells.
_UNTYPED: Final = {"", "application/octet-stream", "binary/octet-stream", "application/download"}
_ENDING: Final = re.compile(r"\.[a-z0-9]{1,10}\Z")
_ALSO: Final = {"audio": {"application/ogg", "video/mp4", "video/ogg"}, "video": {"application/mp4"}}


class MediaRefused(Refused):
    """The file cannot go out."""


def checked(campaign: Campaign) -> dict[str, Any]:
    """Look at the campaign's file; return what its job sends: {"type", "url", "filename"}, or {} for a text.

    Raises MediaRefused. Asks the network: never inside a transaction.
    """
    kind = campaign.multimedia.get("type", "")
    if not kind:
        return {}
    if not campaign.multimedia.get("url"):
        if not campaign.multimedia_file:
            raise MediaRefused("media_missing")
        try:
            size = campaign.multimedia_file.size
        except OSError:
            raise MediaRefused("media_missing") from None
        check(kind, "", campaign.multimedia_file.name or "", size)
        return {**campaign.multimedia, "url": address(campaign)}
    _check_remote(kind, campaign.multimedia["url"])
    return dict(campaign.multimedia)


def check(kind: str, content_type: str, name: str, size: int | None) -> None:
    """Judge a file by what is said of it; None: its size is not known. Raises MediaRefused."""
    if size is not None and size > MAX_BYTES[kind]:
        raise MediaRefused("media_too_large")
    if size == 0:
        raise MediaRefused("media_empty")
    said = content_type.partition(";")[0].strip().lower()
    if said in _UNTYPED:
        said = mimetypes.guess_type(name)[0] or ""
    if kind == "document" or not said:
        return
    if not said.startswith(f"{kind}/") and said not in _ALSO.get(kind, ()):
        raise MediaRefused("media_wrong_type")


def _check_remote(kind: str, url: str) -> None:
    answer = _ask("HEAD", url)
    if answer.status in {403, 405, 501}:  # some servers answer nothing but GET
        answer = _ask("GET", url, {"Range": "bytes=0-0"})
    if answer.status >= 500 or answer.status == 429:
        raise MediaRefused("media_unreachable", is_passing=True)
    if answer.status not in {200, 206}:
        raise MediaRefused("media_not_found")
    check(kind, answer.headers.get("content-type", ""), urlsplit(url).path, _size(answer.headers))


def _size(headers: Mapping[str, str]) -> int | None:
    whole = headers.get("content-range", "").rpartition("/")[2] or headers.get("content-length", "")
    return int(whole) if whole.isascii() and whole.isdecimal() and len(whole) < 16 else None


def _ask(method: str, url: str, headers: Mapping[str, str] | None = None) -> http.Response:
    """Make the call, as far as it is redirected; each address is judged by the egress guard. Raises MediaRefused."""
    for _ in range(MOST_REDIRECTS + 1):
        try:
            answer = http.request(method, url, headers, timeout=CHECK_SECONDS)
        except http.Unreachable as error:
            if error.code == "AnswerTooLarge":  # it is there, and sends all of it whatever was asked for
                return http.Response(200, b"")
            if error.code == "egress_refused":
                raise MediaRefused("media_refused") from None
            raise MediaRefused("media_unreachable", is_passing=True) from None
        if answer.status not in {301, 302, 303, 307, 308} or "location" not in answer.headers:
            return answer
        url = urljoin(url, answer.headers["location"])
    raise MediaRefused("media_not_found")


# --- Uploaded files: kept, and served to the gateways --------------------------------------------------


class KeptFile(NamedTuple):
    """An upload that lies where the campaigns' files do."""

    kind: str  # "image"
    name: str  # that it is sent with
    stored_name: str  # its own, below MEDIA_ROOT


@contextmanager
def kept(kind: str, upload: "UploadedFile[Any]", name: str) -> Iterator[KeptFile]:
    """Keep an upload, durably, for a campaign that is made or changed in the body. Gone again if that raises."""
    assert isinstance(upload, TemporaryUploadedFile)  # settings.FILE_UPLOAD_HANDLERS
    field = Campaign._meta.get_field("multimedia_file")
    # Nobody else's name, whoever uploads what at the same moment; the ending tells what it is.
    ending = _ENDING.search(name.lower())
    stored_name = f"{field.upload_to}{uuid.uuid4().hex}{ending.group() if ending else ''}"
    path = Path(field.storage.path(stored_name))
    path.parent.mkdir(parents=True, exist_ok=True)
    with kept_files.kept(upload, path):
        yield KeptFile(kind, name, stored_name)


def address(campaign: Campaign) -> str:
    """Where a gateway fetches the uploaded file from, for as long as a job may take."""
    ticket = signing.dumps([campaign.pk, campaign.multimedia_file.name], salt=_SALT)
    name = campaign.multimedia.get("filename") or (campaign.multimedia_file.name or "").rpartition("/")[2]
    path: str = reverse("campaign_media", kwargs={"ticket": ticket, "file_name": name})
    return settings.PUBLIC_URL + path


def campaign_of(ticket: str) -> Campaign | None:
    """The campaign whose file this ticket opens; None for a false or old one, or where the file is another now."""
    try:
        campaign_id, file_name = signing.loads(ticket, salt=_SALT, max_age=ADDRESS_SECONDS)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    campaign: Campaign | None = Campaign.unscoped.filter(pk=campaign_id, multimedia_file=file_name).first()
    return campaign
