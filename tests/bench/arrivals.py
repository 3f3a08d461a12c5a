"""What reached the gateway when, and through whom: the arithmetic of paces. All times are seconds since the epoch."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from tests.simulator_process import Simulator

MINUTE = 60.0


@dataclass(slots=True)
class Arrivals:
    """Every message that a simulator accepted, by instance and in order; `look` fetches what is new."""

    simulator: Simulator
    all: list[tuple[float, str, int]] = field(default_factory=list)  # when, instance, the sender's TCP port

    def look(self) -> None:
        self.all += self.simulator.arrivals(offset=len(self.all))

    def times(self, instances: Iterable[str]) -> dict[str, list[float]]:
        """When each instance accepted something; an empty list for one that never did."""
        found: dict[str, list[float]] = {instance: [] for instance in instances}
        for at, instance, _ in self.all:
            if instance in found:
                found[instance].append(at)
        return found


def share_used(times: Sequence[float], interval: float, begin: float, end: float) -> float:
    """What part of its allowance, a message each `interval` seconds, a device used between two moments.

    Whole messages would be too coarse: twelve a minute are 11 or 12 in any, by chance. So a message is spread over the
    interval that it takes up; a device which sends nothing more is credited no more than the rest of its last one.
    """
    return (_progress(times, interval, end) - _progress(times, interval, begin)) * interval / (end - begin)


def _progress(times: Sequence[float], interval: float, moment: float) -> float:
    """Messages up to a moment, the last one as far as its interval has passed."""
    number = bisect_right(times, moment)
    return number - 1 + min(1.0, (moment - times[number - 1]) / interval) if number else 0.0


def most_in_a_minute(times: Sequence[float]) -> int:
    """The most messages that any sliding minute holds (its end excluded)."""
    return max((bisect_left(times, first + MINUTE) - place for place, first in enumerate(times)), default=0)


def longest_gap(times: Sequence[float], begin: float, end: float) -> float:
    """The most seconds without a message that ended, or had not ended, between two moments."""
    before = times[: bisect_right(times, begin)][-1:] or [begin]
    within = times[bisect_right(times, begin) : bisect_left(times, end)]
    return max(later - earlier for earlier, later in pairwise([*before, *within, end]))


def slowest_tenth(shares: Iterable[float]) -> float:
    """The mean of the tenth (rounded up) that has least."""
    ordered = sorted(shares)
    least = ordered[: -(-len(ordered) // 10)]
    return sum(least) / len(least)
