"""How often a device may send. Pure arithmetic on clocks it is given; the next slot is kept on the Lane row."""

from dataclasses import dataclass, field

# Sends are spaced by what the gateway would see as a little more than the limit allows: requests take
# unequal times to arrive, and no sliding minute may hold one too many.
MARGIN = 1.01
HORIZON_SECONDS = 0.25  # slots are taken this far ahead, so that a fast pace is not one transaction a message


@dataclass(slots=True)
class Pace:
    """The slots of one device. Times are seconds on any one clock (the engine uses time.monotonic)."""

    messages_per_minute: int | None
    next_slot: float = field(default=0.0)

    @property
    def interval(self) -> float:
        """Seconds between two sends; 0.0 without a limit."""
        return 60.0 / self.messages_per_minute * MARGIN if self.messages_per_minute else 0.0

    def slots(self, now: float) -> int | None:
        """How many messages may be taken now because their slot comes within the horizon; None: any number."""
        if not self.interval:
            return None if self.next_slot <= now + HORIZON_SECONDS else 0
        if self.next_slot > now + HORIZON_SECONDS:
            return 0
        return 1 + int((now + HORIZON_SECONDS - max(self.next_slot, now)) / self.interval)

    def take(self, now: float) -> float:
        """Take the next slot and return its time; never earlier than `now`, so that a stall is not caught up."""
        slot = max(self.next_slot, now)
        self.next_slot = slot + self.interval
        return slot

    def used(self, at: float) -> None:
        """Say when a taken slot was really used: later ones keep their distance from it."""
        self.next_slot = max(self.next_slot, at + self.interval)

    def wait(self, seconds: float, now: float) -> None:
        """Take no slot for so many seconds (a gateway's Retry-After)."""
        self.next_slot = max(self.next_slot, now + seconds)
