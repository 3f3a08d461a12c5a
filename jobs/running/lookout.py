"""When a runner looks around: for the dead, for devices that wait, and for limits that are other than they were."""

from collections.abc import Collection, Mapping

from jobs.running.lanes import Lane
from jobs.running.network import WINDOWS
from jobs.running.settlement import Look, Settled

LOOK_SECONDS = 5.0  # for devices that wait; at once where the database tells of a change
LOOK_FOR_DEAD_SECONDS = 1.0  # a sweep does it, too, where no runner is left
LOOK_AT_LIMITS_SECONDS = 10.0  # likewise, for what is not told
BALANCE_SECONDS = 3.0  # those that were given up are left so long for who has less
LEAVE_DEVICES_SECONDS = 0.2
SHORT_SECONDS = 0.5


class Lookout:
    """Times are time.monotonic seconds."""

    def __init__(self) -> None:
        self.next_look = 0.0
        self._were_left = False  # devices that another runner may take first, or else we
        self._is_short = False
        self._next_limits = 0.0
        self._next_for_dead = 0.0

    @property
    def awaits_more(self) -> bool:
        """Whether there may be devices for this runner soon."""
        return self._were_left or self._is_short

    def looks_for_dead(self, now: float) -> bool:
        """Whether it is time to look for runners that died."""
        if now < self._next_for_dead:
            return False
        self._next_for_dead = now + LOOK_FOR_DEAD_SECONDS
        return True

    def look(self, lanes: Mapping[int, Lane], sockets: int, now: float, *, has_news: bool) -> Look | None:
        """What to look for now; None where it is not time yet."""
        if now < self.next_look and not has_news:
            return None
        self.next_look = now + LOOK_SECONDS
        windows = sum(lane.max_in_flight for lane in lanes.values() if lane.pace.messages_per_minute is None)
        return Look(
            mine=len(lanes),
            windows_spare=WINDOWS - windows,
            most=max(0, sockets - len(lanes)),
            were_left=self._were_left,
        )

    def whose_limits(self, device_ids: Collection[int], now: float, *, has_news: bool) -> list[int]:
        """The devices whose limits are to be looked at now."""
        if not device_ids or (now < self._next_limits and not has_news):
            return []
        self._next_limits = now + LOOK_AT_LIMITS_SECONDS
        return list(device_ids)

    def look_at_once(self) -> None:
        """A device was given back for whoever comes first."""
        self._were_left, self.next_look = True, 0.0

    def note(self, settled: Settled, now: float) -> None:
        """What a look came to says when the next one is."""
        self._were_left, self._is_short = settled.others_wait, settled.is_short
        if settled.others_wait:
            # Left for the other runners, who have this long to take them.
            self.next_look = now + LEAVE_DEVICES_SECONDS
        elif settled.is_short:
            self.next_look = now + SHORT_SECONDS
        if settled.surplus:
            self.next_look = now + BALANCE_SECONDS
