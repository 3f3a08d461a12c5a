"""What a file is: by its first bytes, by its name's ending, by what a server says of it; and a document's name.

A gateway types a document by the ending of the name it is sent with, and sends it as nothing where there is none.
"""

import mimetypes
import re
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import unquote, urlsplit

SNIFFED_BYTES: Final = 1024
HTML: Final = "text/html"
SVG: Final = "image/svg+xml"
NO_NAME: Final = "documento"
_MOST_CHARACTERS: Final = 255
# Where the server names no type: the file's ending tells.
_UNTYPED: Final = {"", "application/octet-stream", "binary/octet-stream", "application/download"}
_OTHER_WORDS: Final = {"application/xhtml+xml": HTML, "image/svg": SVG, "application/x-pdf": "application/pdf"}
_OFFICE: Final = "application/vnd.openxmlformats-officedocument."
# The types of documents and their endings, whatever this machine's own list knows.
_ENDINGS: Final = {
    "application/pdf": ".pdf",
    "application/msword": ".doc",
    f"{_OFFICE}wordprocessingml.document": ".docx",
    "application/vnd.ms-excel": ".xls",
    f"{_OFFICE}spreadsheetml.sheet": ".xlsx",
    "application/vnd.ms-powerpoint": ".ppt",
    f"{_OFFICE}presentationml.presentation": ".pptx",
    "application/vnd.oasis.opendocument.text": ".odt",
    "application/vnd.oasis.opendocument.spreadsheet": ".ods",
    "application/rtf": ".rtf",
    "application/zip": ".zip",
    "application/epub+zip": ".epub",
    "application/json": ".json",
    "text/plain": ".txt",
    "text/csv": ".csv",
    "text/calendar": ".ics",
    "text/vcard": ".vcf",
    HTML: ".html",
    SVG: ".svg",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/webp": ".webp",
    "audio/mpeg": ".mp3",
    "audio/ogg": ".ogg",
    "audio/mp4": ".m4a",
    "video/mp4": ".mp4",
}
_TYPES: Final = {ending: said for said, ending in _ENDINGS.items()} | {".htm": HTML, ".jpeg": "image/jpeg"}
_BEFORE_TAGS: Final = rb"\A(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*"
_IS_SVG: Final = re.compile(_BEFORE_TAGS + rb"(?:<!doctype svg[^>]*>\s*)?(?:<!--.*?-->\s*)*<svg\b", re.I | re.S)
_IS_HTML: Final = re.compile(
    _BEFORE_TAGS + rb"<(?:!doctype html|html|head|body|title|script|meta|div|h1)\b", re.I | re.S
)
_BEGINNINGS: Final = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF8", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
)


def sniffed(start: bytes) -> str:
    """The type that a file's first bytes show; "" for none that we know."""
    if _IS_SVG.match(start):
        return SVG
    if _IS_HTML.match(start):
        return HTML
    return next((said for beginning, said in _BEGINNINGS if start.startswith(beginning)), "")


def by_name(name: str) -> str:
    """The type that a name's ending says; "" for no ending, or one that nobody knows."""
    return _TYPES.get(PurePosixPath(name).suffix.lower(), "") or mimetypes.guess_type(name)[0] or ""


def said_by(content_type: str) -> str:
    """The type in a Content-Type; "" where it says nothing."""
    said = content_type.partition(";")[0].strip().lower()
    return "" if said in _UNTYPED else _OTHER_WORDS.get(said, said)


def name_in(url: str) -> str:
    """The last part of a URL's path."""
    return PurePosixPath(unquote(urlsplit(url).path)).name


def document_name(given: str, in_url: str, content_type: str, start: bytes) -> str:
    """A name with an ending: the one given, else the URL's, else by what the file is said or seen to be."""
    for name in (given, "" if given else in_url):
        if by_name(name):
            return name
    said = said_by(content_type) or sniffed(start)
    ending = PurePosixPath(in_url).suffix if by_name(in_url) else _ENDINGS.get(said, "")
    ending = ending or mimetypes.guess_extension(said) or ".bin"
    return (given or NO_NAME)[: _MOST_CHARACTERS - len(ending)] + ending
