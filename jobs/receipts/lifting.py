"""What receipts say of a message, and what that makes of its recipient. Pure: no database, no clock.

Receipts come late, twice, in any order or not at all. So the earliest time of each kind is kept, a later kind implies
those before it (who read a message has it), and a refusal holds only while nothing was delivered. Whatever the order,
the end is the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Final, NamedTuple

from devices.gateway.base import Tick
from jobs.states import RecipientState, recipient_move

NOT_DELIVERED: Final = "not_delivered"  # WhatsApp refused it after the gateway had taken it


class News(NamedTuple):
    """What receipts say of one message, taken together: the first time of each."""

    delivered_at: datetime | None = None
    read_at: datetime | None = None
    played_at: datetime | None = None
    refused_at: datetime | None = None
    replied_at: datetime | None = None

    def __bool__(self) -> bool:
        return any(self)


def news(tick: Tick, at: datetime) -> News:
    """What one receipt says. That WhatsApp's server has it says nothing of the phone it is for."""
    return News(*(at if implied else None for implied in _IMPLIES.get(tick, ())))


def answered(at: datetime, *, is_quoted: bool) -> News:
    """What an answer says: who quotes a message has read it; who just writes next, may not have."""
    return News(delivered_at=at, read_at=at, replied_at=at) if is_quoted else News(replied_at=at)


_IMPLIES: Final[Mapping[Tick, tuple[bool, bool, bool, bool]]] = MappingProxyType(
    {
        Tick.DELIVERED: (True, False, False, False),
        Tick.READ: (True, True, False, False),
        Tick.PLAYED: (True, True, True, False),
        Tick.REFUSED: (False, False, False, True),
    }
)


def together(one: News, other: News) -> News:
    return News(*map(_earliest, one, other))


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a recipient stands, as far as receipts change it."""

    state: RecipientState
    error_code: str = ""
    delivered_at: datetime | None = None
    read_at: datetime | None = None
    played_at: datetime | None = None
    failed_after_at: datetime | None = None
    replied_at: datetime | None = None
    is_in_doubt: bool = False  # an earlier try may have gone out


# While it is being sent again nobody can say yet what an earlier message's receipt makes of it. Whoever only waits for
# that, and has an earlier message after all, is not written to again.
NOT_NOW: Final = frozenset({RecipientState.SENDING})


def lift(standing: Standing, said: News) -> Standing:
    """What becomes of a recipient, who is not in NOT_NOW, by what receipts say of a message to it.

    Whoever has it has it, whatever was decided since: also who was cancelled or left out before another try.
    """
    standing = replace(standing, replied_at=_earliest(standing.replied_at, said.replied_at))
    delivered_at = _earliest(standing.delivered_at, said.delivered_at)
    if delivered_at is None:
        return _refuse(standing, said.refused_at)
    read_at = _earliest(standing.read_at, said.read_at)
    return replace(
        standing,
        state=_moved(standing.state, RecipientState.READ if read_at else RecipientState.DELIVERED),
        error_code="",
        delivered_at=delivered_at,
        read_at=read_at,
        played_at=_earliest(standing.played_at, said.played_at),
        failed_after_at=None,
    )


def _refuse(standing: Standing, refused_at: datetime | None) -> Standing:
    if refused_at is None:
        return standing
    if standing.state == RecipientState.SENT:
        # Whoever may have it from an earlier try has not failed.
        target = RecipientState.UNKNOWN if standing.is_in_doubt else RecipientState.FAILED
        return replace(
            standing,
            state=_moved(standing.state, target),
            error_code=NOT_DELIVERED,
            failed_after_at=refused_at,
        )
    if standing.failed_after_at is not None:
        return replace(standing, failed_after_at=_earliest(standing.failed_after_at, refused_at))
    return standing


def _moved(source: RecipientState, target: RecipientState) -> RecipientState:
    """Where the table of moves has it. Raises ValueError where it has not."""
    return source if source == target else RecipientState(recipient_move(source, target).target)


def _earliest(one: datetime | None, other: datetime | None) -> datetime | None:
    if one is None or other is None:
        return one or other
    return min(one, other)
