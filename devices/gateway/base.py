"""What any gateway is to the engine: messages in, acceptances or errors out. The wire stays below this line."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Protocol

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
    """An HTTP answer. Header names are lower case.

    The body is what was read of it: at most 1 MiB, and less where the connection broke under it.
    """

    status: int
    body: bytes
    headers: Mapping[str, str] = NO_HEADERS


class WireFailure(NamedTuple):
    """No HTTP answer. `nothing_written` is True only where not one byte of the request left this machine."""

    code: str
    nothing_written: bool


class Acceptance(NamedTuple):
    """The gateway took the message. Not delivered yet: receipts carrying this id say what became of it."""

    gateway_message_id: str  # 1 to 80 printable characters: see `accept`


class Scope(Enum):
    """Whom an error concerns: how much else would meet it, were it tried now."""

    RECIPIENT = "recipient"  # this recipient, or this one try
    MESSAGE = "message"  # whoever is sent the same text, medium or template
    DEVICE = "device"  # whatever goes through this device
    ACCOUNT = "account"  # every device of one account at the provider, such as Cloud API's business account


class SendError(Exception):
    """A message was not accepted.

    The subclasses answer the one question, may we try again? `scope` says who else need not try. `code` is short and
    stable, at most 40 characters; `retry_after` is the pause that the gateway asked for.
    """

    scope = Scope.RECIPIENT

    def __init__(self, code: str, retry_after: timedelta | None = None, *, scope: Scope | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.retry_after = retry_after
        if scope is not None:
            self.scope = scope


class NotSent(SendError):
    """Proven not to have been sent: yes, after a pause."""


class Rejected(SendError):
    """The number or the content is wrong: no, never. Its scope is the recipient or the message."""


class DeviceUnavailable(SendError):
    """Not sent, and the device is the trouble, or the account behind it: yes, on another device."""

    scope = Scope.DEVICE


class OutcomeUnknown(SendError):
    """It may have been sent: not before we looked."""


# The code of a success that names no message: it went out, and nothing but a proof sends it again.
NO_MESSAGE_ID: Final = "no_message_id"


def accept(message_id: object) -> Acceptance:
    """What a gateway's success means. Raises OutcomeUnknown where it names no message by which to know it again."""
    # Kept in a column of that length, which cannot hold a NUL.
    if isinstance(message_id, str) and 0 < len(message_id) <= 80 and message_id.isprintable():
        return Acceptance(message_id)
    raise OutcomeUnknown(NO_MESSAGE_ID)


def no_answer(failure: WireFailure) -> SendError:
    """What it means, at any gateway, that no answer came."""
    kind = NotSent if failure.nothing_written else OutcomeUnknown
    return kind(failure.code, scope=Scope.DEVICE)


class LookUp(Enum):
    """What the gateway says of a message whose sending left us in doubt."""

    SENT = "sent"
    NOT_THERE = "not_there"  # it is connected and keeps messages, and this one is not among them
    CANNOT_TELL = "cannot_tell"  # it answers, and cannot know: it keeps no messages
    NOT_NOW = "not_now"  # it could not be asked, or is not connected: ask again


class Tick(Enum):
    """What a receipt says of a message that the gateway took."""

    ACCEPTED = "accepted"  # WhatsApp's own server has it
    DELIVERED = "delivered"
    READ = "read"
    PLAYED = "played"
    REFUSED = "refused"  # after all; a DELIVERED may still follow, and counts


class Receipt(NamedTuple):
    """What became of one message, as a webhook tells it.

    `at`: when, by a clock that can be relied on; None where the provider has none, and the arrival counts.
    """

    message_id: str
    tick: Tick
    at: datetime | None = None


class Incoming(NamedTuple):
    """What somebody wrote to a device, as a webhook tells it.

    `at`: when, by WhatsApp's clock; None where that is not told, and the arrival counts.
    """

    message_id: str
    phone: str  # "+" and digits; "" where only `lid` is told, WhatsApp's other name for the same person
    lid: str = ""
    kind: str = "text"
    text: str = ""  # of media the caption
    name: str = ""  # as they call themselves
    quoted_id: str = ""  # of the message that it answers
    is_edit: bool = False  # of the message of that id
    at: datetime | None = None


class LinkNews(NamedTuple):
    """A device's link to WhatsApp changed, as a webhook tells it.

    `at`: when, by a clock that serves to compare it with others of the same gateway, and for nothing else.
    """

    is_open: bool  # False: it is closed or closing, connecting, or one cannot tell
    instance: str = ""  # whose link, by the provider's name for it; "" where it does not say
    at: datetime | None = None


class WebhookReader(Protocol):
    """What a provider tells of its own accord. None of it raises, whatever the parsed JSON holds."""

    def kept(self, event: object) -> dict[str, Any] | None:
        """What is to be kept of this event, for the methods below to read; None where nothing is made of it."""
        ...

    def is_urgent(self, event: object) -> bool:
        """Whether it is to be worked at once: others would be written to meanwhile who are not to be."""
        ...

    def link_news(self, event: object) -> LinkNews | None:
        """What it says of the device's link to WhatsApp; None where that is not what it is about."""
        ...

    def receipts(self, event: object) -> Sequence[Receipt]:
        """What it says of messages that we sent; nothing of messages that others did."""
        ...

    def incoming(self, event: object) -> Sequence[Incoming]:
        """What it says that people have written to the device; nothing of groups."""
        ...


class Link(Enum):
    """Whether a device is connected to WhatsApp, as its gateway says."""

    OPEN = "open"
    OPENING = "opening"
    CLOSED = "closed"


class Probe(NamedTuple):
    """How a device is. `reason` is a code of `devices.reasons`; "" only where the link is open."""

    link: Link
    reason: str = ""


class Roll(Hashable, Protocol):
    """One call that says of many devices how they are. Two devices have equal ones where one call answers for both."""

    def call(self, timeout_seconds: float) -> Mapping[str, Probe] | None:
        """Ask, for at most so long; return what is said of each instance, by its name. Who is not named is not there,
        or is not shown to this key.

        It may be older than what a probe says, and less exact: it can confirm, it does not decide. Never raises: None
        where it is not to be had, now or ever.
        """
        ...


class LinkCode(NamedTuple):
    """What a phone is linked by, while it shows: `qr` is the text of a QR code, `typed` what can be typed instead."""

    qr: str
    typed: str = ""  # eight letters and digits, where a number was given
    codes_shown: int = 1  # how many have shown by now: a phone that cannot link lets one after the other pass


class Linking(NamedTuple):
    """How far a device is linked. `code` while one shows; `reason` is a code of `devices.reasons`, as of a Probe."""

    link: Link
    reason: str = ""
    code: LinkCode | None = None


class Linker(Protocol):
    """How a device is linked to somebody's phone, and parted from it. None of it raises, or takes longer than it may.

    What only does something returns "" where it is done, or a code of `devices.reasons`.
    """

    code_lives: timedelta  # how long one code shows, before the next does

    def start(self, number: str, timeout_seconds: float) -> Linking:
        """Have a code shown. With `number`, the device's own ("+" and digits), also one to be typed there."""
        ...

    def look(self, timeout_seconds: float) -> Linking:
        """How far it is by now. Begins nothing."""
        ...

    def log_out(self, timeout_seconds: float) -> str:
        """Part it from its phone; "not_linked" where it has none."""
        ...

    def restart(self, timeout_seconds: float) -> str:
        """Have it connect anew, to the same phone."""
        ...

    def delete(self, timeout_seconds: float) -> str:
        """Have its gateway forget it. It is done where the gateway knows none."""
        ...


class Made(NamedTuple):
    """What became of a new instance: its own token, or a `reason`, a code of `devices.reasons`."""

    token: str = ""
    reason: str = ""


class Hook(NamedTuple):
    """Where a gateway is to tell what happens, and by what header we know that it is told by it."""

    url: str
    header: str
    secret: str


class HookSetting(Protocol):
    """What a device's gateway is told of its Hook. Returns "" or a code of `devices.reasons`; never raises."""

    def set(self, hook: Hook, timeout_seconds: float) -> str:
        """Have it tell us what we need to know, and nothing else."""
        ...

    def check(self, hook: Hook, timeout_seconds: float) -> str:
        """Whether it is set so, as the gateway says; "hook_elsewhere" where it tells somebody else."""
        ...

    def has_heard(self, since: datetime) -> bool | None:
        """Whether the gateway itself was told by WhatsApp of any message that we sent since; None where it cannot say.

        Yes, and nothing arrived here: its link is alive, and what it tells is lost on the way. Never raises.
        """
        ...


class Stored(NamedTuple):
    """The newest part of what a gateway's own store holds of a time."""

    # As its webhook would have told them, one message each, by rising time: for the provider's WebhookReader.
    events: Sequence[dict[str, Any]] = ()
    older_until: datetime | None = None  # what is older than that is still to be asked for; None: that is all
    reason: str = ""  # a code of `devices.reasons`: nothing is known by this; "no_store" where it keeps none


class MessageStore(Protocol):
    """What a gateway keeps of messages, whether it could tell us of them or not."""

    def read(self, since: datetime, until: datetime, timeout_seconds: float) -> Stored:
        """What it holds of messages, ours and people's, that were written between the two times. Never raises."""
        ...


class AccountLimits(Protocol):
    """What WhatsApp says, through a provider that asks it, of what a device may do."""

    def only_known_until(self, timeout_seconds: float) -> datetime | None:
        """Until when it may write only to people who wrote to it; None where it may, or cannot be asked. Never
        raises."""
        ...


class Gateway(Protocol):
    """One device's gateway, as the engine uses it."""

    def send_request(self, message: OutgoingMessage) -> WireRequest:
        """Shape the request that sends `message`. The token goes into a header, never into the URL, which is logged."""
        ...

    def read_answer(self, answer: WireResponse | WireFailure) -> Acceptance:
        """Understand what came back, whatever it is. Raises one of the SendError classes and nothing else."""
        ...

    def look_up(self, message: OutgoingMessage, since: datetime, until: datetime) -> tuple[LookUp, str]:
        """Ask whether `message` went out between the two times.

        With SENT comes its gateway message id, or "" where that is none by which it could be known again; with all
        else, "". Never raises: where nothing can be found out at this time it is NOT_NOW.
        """
        ...

    def probe(self, timeout_seconds: float) -> Probe:
        """Ask how the device is, for at most so long. Never raises: who does not answer is CLOSED."""
        ...

    @property
    def roll(self) -> Roll | None:
        """By what one call this device can be asked about together with others; None where there is none."""
        ...

    @property
    def linker(self) -> Linker | None:
        """How it is linked to a phone; None where a provider's numbers are not."""
        ...

    @property
    def limits(self) -> AccountLimits | None:
        """By what it is asked how far WhatsApp limits it; None where a provider cannot tell."""
        ...

    @property
    def hook(self) -> HookSetting | None:
        """How it is told where to tell us; None where that is not set for each device."""
        ...

    @property
    def store(self) -> MessageStore | None:
        """Where it can be read what it told in vain; None where a provider keeps nothing."""
        ...
