"""When each lane is to be attended to next: a heap, so that a thousand lanes that wait cost nothing."""

import math
from collections.abc import Iterator
from heapq import heappop, heappush


class Alarms:
    """One alarm a lane, by its device's id. Times are time.monotonic seconds; never is math.inf."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int]] = []
        self._at: dict[int, float] = {}  # what is in the heap and not here was put off, and rings for nobody

    def set(self, device_id: int, at: float) -> None:
        if self._at.get(device_id, math.inf) == at:
            return
        if at == math.inf:
            del self._at[device_id]
            return
        self._at[device_id] = at
        heappush(self._heap, (at, device_id))

    def due(self, now: float) -> Iterator[int]:
        """Take the alarms whose time has come."""
        while self.next() <= now:
            _, device_id = heappop(self._heap)
            del self._at[device_id]
            yield device_id

    def next(self) -> float:
        """When the next one rings."""
        while self._heap and self._at.get(self._heap[0][1]) != self._heap[0][0]:
            heappop(self._heap)
        return self._heap[0][0] if self._heap else math.inf
