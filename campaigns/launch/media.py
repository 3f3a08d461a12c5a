"""The file that goes with a campaign's messages: checked once before its launch, served to the gateways when uploaded.

A gateway fetches the file again for every recipient, and what is wrong with it fails every one of them.
"""

import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urljoin

from django.conf import settings
from django.core import signing
from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile
from django.urls import reverse

from campaigns.audience.refused import Refused
from campaigns.launch import file_types, media_addresses
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
_ENDING: Final = re.compile(r"\.[a-z0-9]{1,10}\Z")
_ALSO: Final = {"audio": {"application/ogg", "video/mp4", "video/ogg"}, "video": {"application/mp4"}}


class MediaRefused(Refused):
    """The file cannot go out."""


def check_text(campaign: Campaign) -> None:
    """WhatsApp's audio carries no text: gateways drop it without a word. Raises MediaRefused."""
    has_text = bool(campaign.message.strip() or campaign.variants)
    if campaign.multimedia.get("type") == "audio" and has_text:
        raise MediaRefused("audio_without_text")


def checked(campaign: Campaign) -> dict[str, Any]:
    """Look at the campaign's file; return what its job sends: {"type", "url", "filename"}, or {} for a text.

    A document has a name with an ending, whatever was given. Raises MediaRefused. Asks the network: never inside a
    transaction.
    """
    kind = campaign.multimedia.get("type", "")
    if not kind:
        return {}
    check_text(campaign)
    url = campaign.multimedia.get("url", "")
    name = campaign.multimedia.get("filename", "")
    if not url:
        seen = _looked_into(campaign)
        check(kind, "", campaign.multimedia_file.name or "", seen.size, seen.start)
        if not media_addresses.has_public_host(settings.PUBLIC_URL):
            raise MediaRefused("public_url_unusable")
        found = {**campaign.multimedia, "url": address(campaign)}
    else:
        seen = _fetched(url)
        in_url = file_types.name_in(url)
        check(kind, seen.content_type, in_url if file_types.by_name(in_url) else name, seen.size, seen.start)
        found = dict(campaign.multimedia)
    if kind == "document":
        in_url = file_types.name_in(found["url"])
        found["filename"] = file_types.document_name(name, in_url, seen.content_type, seen.start)
    return found


def check(kind: str, content_type: str, name: str, size: int | None, start: bytes = b"") -> None:
    """Judge a file by what is said of it and its first bytes; None: its size is not known. Raises MediaRefused."""
    if size is not None and size > MAX_BYTES[kind]:
        raise MediaRefused("media_too_large")
    if size == 0:
        raise MediaRefused("media_empty")
    seen, named = file_types.sniffed(start), file_types.by_name(name)
    said = file_types.said_by(content_type) or named or seen
    is_page, is_drawing = (known in {said, seen} for known in (file_types.HTML, file_types.SVG))
    # A page says that the file is not there, or asks for a password. Unless it is a page that was meant.
    is_stray_page = is_page and (kind != "document" or named != file_types.HTML)
    if is_stray_page or (is_drawing and kind == "image"):
        raise MediaRefused("media_wrong_type")
    if kind == "document" or not said:
        return
    if not said.startswith(f"{kind}/") and said not in _ALSO.get(kind, ()):
        raise MediaRefused("media_wrong_type")


class _Seen(NamedTuple):
    """What was found at an address, or where uploads are kept. `size` None: not known."""

    content_type: str
    size: int | None
    start: bytes


def _looked_into(campaign: Campaign) -> _Seen:
    if not campaign.multimedia_file:
        raise MediaRefused("media_missing")
    try:
        with campaign.multimedia_file.open("rb") as file:
            return _Seen("", file.size, file.read(file_types.SNIFFED_BYTES))
    except OSError:
        raise MediaRefused("media_missing") from None


def _fetched(url: str) -> _Seen:
    """Fetch its beginning, as a gateway would all of it: HEAD is another question, which many servers refuse."""
    answer = _ask(url, {"Range": f"bytes=0-{file_types.SNIFFED_BYTES - 1}"})
    if answer.status == 416 and _size(answer.headers) == 0:
        return _Seen("", 0, b"")
    if answer.status == 416:  # it takes no ranges, not even this one
        answer = _ask(url, {})
    if answer.status >= 500 or answer.status == 429:
        raise MediaRefused("media_unreachable", is_passing=True)
    if answer.status not in {200, 206}:
        raise MediaRefused("media_not_found")
    return _Seen(answer.headers.get("content-type", ""), _size(answer.headers), answer.body)


def _size(headers: Mapping[str, str]) -> int | None:
    whole = headers.get("content-range", "").rpartition("/")[2] or headers.get("content-length", "")
    return int(whole) if whole.isascii() and whole.isdecimal() and len(whole) < 16 else None


def _ask(url: str, headers: Mapping[str, str]) -> http.Response:
    """Make the call, as far as it is redirected; each address is judged by the egress guard. Raises MediaRefused."""
    for _ in range(MOST_REDIRECTS + 1):
        try:
            answer = http.request("GET", url, headers, timeout=CHECK_SECONDS, first_bytes=file_types.SNIFFED_BYTES)
        except http.Unreachable as error:
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


def beginning_of(upload: "UploadedFile[Any]") -> bytes:
    """Its first bytes, to be judged by."""
    upload.seek(0)
    start: bytes = upload.read(file_types.SNIFFED_BYTES)
    upload.seek(0)
    return start


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
