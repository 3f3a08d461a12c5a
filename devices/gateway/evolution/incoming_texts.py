"""What somebody wrote, out of the `message` of Evolution API's events: its kind and its words.

It is WhatsApp's own shape, one key of which says what it is, and may be wrapped in others: messages that go after a
time, that are seen once, documents with a caption, edits. Recorded of a real 2.3.7 are texts, captions of images,
buttons of templates, reactions, messages that go after a time, and edits; the other kinds are named as Baileys does.
"""

from types import MappingProxyType
from typing import Any, Final, NamedTuple

# Where the words of each kind stand; "" where it has none.
_KINDS: Final = MappingProxyType(
    {
        "conversation": ("text", ""),
        "extendedTextMessage": ("text", "text"),
        "imageMessage": ("image", "caption"),
        "videoMessage": ("video", "caption"),
        "ptvMessage": ("video", ""),
        "audioMessage": ("audio", ""),
        "documentMessage": ("document", "caption"),
        "stickerMessage": ("sticker", ""),
        "locationMessage": ("location", "name"),
        "liveLocationMessage": ("location", "caption"),
        "contactMessage": ("contact", "displayName"),
        "contactsArrayMessage": ("contact", "displayName"),
        "templateButtonReplyMessage": ("button", "selectedDisplayText"),
        "buttonsResponseMessage": ("button", "selectedDisplayText"),
        "listResponseMessage": ("button", "title"),
        "reactionMessage": ("reaction", "text"),
    }
)
_WRAPPERS: Final = (
    "ephemeralMessage",
    "viewOnceMessage",
    "viewOnceMessageV2",
    "viewOnceMessageV2Extension",
    "documentWithCaptionMessage",
    "editedMessage",
)
# What phones tell each other: deletions, keys, settings.
_WHATSAPPS_OWN: Final = frozenset({"protocolMessage", "senderKeyDistributionMessage", "messageContextInfo"})
OTHER: Final = "other"
DEEPEST: Final = 5  # wrappers in wrappers
LONGEST_TEXT: Final = 65_536  # WhatsApp's own limit


class Words(NamedTuple):
    """What somebody wrote. Of media the caption; the medium itself is not fetched."""

    kind: str
    text: str


def read(message: object) -> Words | None:
    """Return what a message says, as "other" what is of no kind we know; None where nobody says anything by it."""
    inside = _unwrapped(message)
    for key, (kind, field) in _KINDS.items():
        if key not in inside:
            continue
        part = inside[key]
        text = part.get(field) if isinstance(part, dict) and field else part
        return Words(kind, storable(text) if isinstance(text, str) else "")
    return None if inside.keys() <= _WHATSAPPS_OWN else Words(OTHER, "")


def kept(words: Words) -> dict[str, Any]:
    """The shortest message that reads as these words."""
    if words.kind == OTHER:
        return {OTHER: {}}
    key, field = next((key, field) for key, (kind, field) in _KINDS.items() if kind == words.kind)
    return {key: {field: words.text} if field else words.text}


def _unwrapped(message: object) -> dict[str, Any]:
    for _ in range(DEEPEST):
        if not isinstance(message, dict):
            return {}
        wrapper = next((message[name] for name in _WRAPPERS if isinstance(message.get(name), dict)), None)
        if wrapper is None:
            return message
        message = wrapper.get("message", wrapper)
    return {}


def storable(text: str) -> str:
    """Without what PostgreSQL cannot keep: NUL, and halves of letters."""
    return text.replace("\x00", "").encode("utf-8", "ignore").decode("utf-8", "ignore")[:LONGEST_TEXT]
