"""What any gateway is to the engine: messages in, acceptances or errors out. The wire stays below this line."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple, Protocol

NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Media:
    """A file to send with a message. `kind` is image, document, video or audio; `url` is fetched by the gateway."""

    kind: str
    url: str
    file_name: str = ""


class OutgoingMessage(NamedTuple):
    """One message to one number. `number` is "+" and digits (E.164); `text` is the caption where there is media."""

    number: str
    text: str
    media: Media | None = None


class WireRequest(NamedTuple):
    """An HTTP request ready to be written. `headers` are whole lines, "Name: value"."""

    url: str
    headers: tuple[str, ...]
    body: bytes
    method: str = "POST"


class WireResponse(NamedTuple):
    """An HTTP answer. Header names are lower case; the body is at most 1 MiB."""

    status: int
    body: bytes
    headers: Mapping[str, str] = NO_HEADERS


class WireFailure(NamedTuple):
    """No HTTP answer. `nothing_written` is True only where not one byte of the request left this machine."""

    code: str
    nothing_written: bool


class Acceptance(NamedTuple):
    """The gateway took the message. Not delivered yet: receipts carrying this id say what became of it."""

    gateway_message_id: str


class SendError(Exception):
    """A message was not accepted. The subclasses answer the one question: may we try again?"""

    def __init__(self, code: str, retry_after: timedelta | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.retry_after = retry_after


class NotSent(SendError):
    """Proven not to have been sent: yes, after a pause."""


class Rejected(SendError):
    """The number or the content is wrong: no, never."""


class DeviceUnavailable(SendError):
    """Not sent, and the device is the trouble: yes, on another device."""


class OutcomeUnknown(SendError):
    """It may have been sent: not before we looked."""


class LookUp(Enum):
    """What the gateway says of a message whose sending left us in doubt."""

    SENT = "sent"
    NOT_THERE = "not_there"
    CANNOT_TELL = "cannot_tell"


class Gateway(Protocol):
    """One device's gateway, as the engine uses it."""

    def send_request(self, message: OutgoingMessage) -> WireRequest:
        """Shape the request that sends `message`."""
        ...

    def read_answer(self, answer: WireResponse | WireFailure) -> Acceptance:
        """Understand what came back. Raises one of the SendError classes."""
        ...

    def look_up(self, message: OutgoingMessage, since: datetime, until: datetime) -> tuple[LookUp, str]:
        """Ask whether `message` went out between the two times; with SENT comes its gateway message id."""
        ...
