"""How often a device may send. Pure arithmetic on clocks it is given; the next slot is kept on the Lane row."""

import random
from dataclasses import dataclass, field
from datetime import date

# Sends are spaced by what the gateway would see as a little more than the limit allows: requests take
# unequal times to arrive, and no sliding minute may hold one too many.
MARGIN = 1.01
# As late as a slot may be used without putting off the next: of the 0.6 s that the margin makes of a minute.
GRACE_SECONDS = 0.4
HORIZON_SECONDS = 0.25  # slots are taken this far ahead, so that a fast pace is not one transaction a message
LONGEST_HORIZON_SECONDS = 1.5  # where the database is slow: slots that pass while it is asked are lost


# A number new to WhatsApp that writes to many strangers at once is soon blocked.
WARM_UP_FIRST_DAY = 20
WARM_UP_DAYS = 14


def daily_allowance(daily_limit: int | None, warm_up_since: date | None, today: date) -> int | None:
    """How many messages a device may send today; None for any number.

    While it warms up: 20 on the first day and half as many again each day, for two weeks.
    """
    days = (today - warm_up_since).days if warm_up_since is not None else WARM_UP_DAYS
    if days >= WARM_UP_DAYS:
        return daily_limit
    warm_up = int(WARM_UP_FIRST_DAY * 1.5 ** max(0, days))
    return warm_up if daily_limit is None else min(daily_limit, warm_up)


@dataclass(slots=True)
class Pace:
    """The slots of one device. Times are seconds on any one clock (the engine uses time.monotonic).

    `jitter_percent`: each wait is up to so much longer, at random, so that a device does not tick like a clock.
    `horizon`: how many seconds ahead slots are taken.
    """

    messages_per_minute: int | None
    next_slot: float = field(default=0.0)
    jitter_percent: int = 0
    horizon: float = HORIZON_SECONDS

    @property
    def interval(self) -> float:
        """Seconds between two sends, at least; 0.0 without a limit."""
        return 60.0 / self.messages_per_minute * MARGIN if self.messages_per_minute else 0.0

    def slots(self, now: float) -> int | None:
        """How many messages may be taken now because their slot comes within the horizon; None: any number."""
        if not self.interval:
            return None if self.next_slot <= now + self.horizon else 0
        if self.next_slot > now + self.horizon:
            return 0
        return 1 + int((now + self.horizon - max(self.next_slot, now)) / self.interval)

    def take(self, now: float) -> float:
        """Take the next slot and return its time; never earlier than `now`, so that a stall is not caught up."""
        slot = max(self.next_slot, now)
        self.next_slot = slot + self.interval * (1 + random.random() * self.jitter_percent / 100)  # noqa: S311
        return slot

    def change(self, messages_per_minute: int | None, jitter_percent: int) -> None:
        """Keep another pace from now on; a slower one also puts off the slot that comes next."""
        before = self.interval
        self.messages_per_minute, self.jitter_percent = messages_per_minute, jitter_percent
        self.next_slot += max(0.0, self.interval - before)

    def used(self, at: float, grace_seconds: float = 0.0) -> None:
        """Say when a taken slot was really used: later ones keep their distance from it.

        Not by as much as the grace: who is never later than that, and never early, has no more in any minute than the
        margin leaves room for.
        """
        self.next_slot = max(self.next_slot, at + self.interval - grace_seconds)

    def wait(self, seconds: float, now: float) -> None:
        """Take no slot for so many seconds (a gateway's Retry-After)."""
        self.next_slot = max(self.next_slot, now + seconds)
