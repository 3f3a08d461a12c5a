"""Events in the order of their `seq`, though several workers publish them. Pure: it is told the time."""

from jobs.live.events import Event

PATIENCE_SECONDS = 0.25


class EventOrder:
    """Holds an event that came too early until those before it are there, or are given up for lost.

    A client then sees a gap only where an event was really lost, and never a falling `seq`.
    """

    def __init__(self, seen: int) -> None:
        self._seen = seen
        self._early: dict[int, Event] = {}
        self._waiting_since: float | None = None

    def restart(self, seen: int) -> None:
        """A snapshot told everything up to `seen`."""
        self._seen = max(seen, self._seen)
        self._early = {seq: event for seq, event in self._early.items() if seq > self._seen}

    def take(self, event: Event, now: float) -> list[Event]:
        """Take one event in; return what may go out, in order. One that is too late is dropped."""
        if event["seq"] > self._seen:
            self._early[event["seq"]] = event
        ready = []
        while self._seen + 1 in self._early:
            self._seen += 1
            ready.append(self._early.pop(self._seen))
        self._waiting_since = None if not self._early else (self._waiting_since if not ready else None) or now
        return ready

    @property
    def is_waiting(self) -> bool:
        return bool(self._early)

    def give_up(self, now: float) -> list[Event]:
        """Return what was held for too long, in order, leaving the gap for the client to see."""
        if self._waiting_since is None or now - self._waiting_since < PATIENCE_SECONDS:
            return []
        ready = [self._early[seq] for seq in sorted(self._early)]
        self._seen = ready[-1]["seq"]
        self._early.clear()
        self._waiting_since = None
        return ready
