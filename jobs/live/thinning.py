"""How many events a job may send. Pure arithmetic; the allowance is kept on the Job row.

The first hundred go out one per recipient. The allowance refills at four a second; beyond it only the newest
of each kind goes, four times a second. Counters are always current, whatever is left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from jobs.models import EVENT_BURST

REFILL_PER_SECOND = 4.0


class Kinded(Protocol):
    @property
    def kind(self) -> str: ...


E = TypeVar("E", bound=Kinded)


@dataclass(slots=True)
class Thinned(Generic[E]):
    """What goes out now, what is held back (the newest of each kind) and the allowance that is left."""

    publish: list[E]
    held: list[E]
    allowance: float


def thin(
    fresh: Sequence[E], held: Sequence[E], allowance: float, elapsed_seconds: float, *, last: bool = False
) -> Thinned[E]:
    """Choose from what was held back and what is fresh, both oldest first. `last`: hold nothing back any more."""
    available = min(float(EVENT_BURST), allowance + REFILL_PER_SECOND * max(0.0, elapsed_seconds))
    events = [*held, *fresh]
    if len(events) <= available:
        return Thinned(events, [], available - len(events))
    newest = {event.kind: event for event in events}
    tail = [event for event in events if newest[event.kind] is event]
    room = int(available)
    if room < 1:
        return Thinned(tail, [], available) if last else Thinned([], tail, available)
    head = [event for event in events[: max(0, room - len(tail))] if event not in tail]
    return Thinned([*head, *tail], [], max(0.0, available - len(head) - len(tail)))
