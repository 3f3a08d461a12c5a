"""What became of one process's messages since it told of it last, device by device. No database here."""

from dataclasses import dataclass
from typing import NamedTuple

from devices.health.acknowledgements import Accepted


class Sent(NamedTuple):
    """Of one device. `failed`: tries that its gateway did not accept; `in_a_row` of them since the last that it did."""

    accepted: Accepted | None
    failed: int
    failed_ago: float  # seconds since the last of them
    in_a_row: int


@dataclass(slots=True)
class _Counts:
    accepted: int = 0
    first: float = 0.0
    last: float = 0.0
    failed: int = 0
    failed_last: float = 0.0
    in_a_row: int = 0


class Tally:
    """Times are time.monotonic seconds."""

    def __init__(self) -> None:
        self._devices: dict[int, _Counts] = {}

    def note(self, device_id: int, now: float) -> None:
        """A message was accepted."""
        counts = self._of(device_id)
        if not counts.accepted:
            counts.first = now
        counts.accepted += 1
        counts.last = now
        counts.in_a_row = 0

    def note_failed(self, device_id: int, now: float) -> None:
        counts = self._of(device_id)
        counts.failed += 1
        counts.failed_last = now
        counts.in_a_row += 1

    def take(self, now: float) -> dict[int, Sent]:
        """All of it, once."""
        taken, self._devices = self._devices, {}
        return {
            device_id: Sent(
                Accepted(one.accepted, now - one.first, now - one.last) if one.accepted else None,
                one.failed,
                now - one.failed_last,
                one.in_a_row,
            )
            for device_id, one in taken.items()
        }

    def _of(self, device_id: int) -> _Counts:
        counts = self._devices.get(device_id)
        if counts is None:
            counts = self._devices[device_id] = _Counts()
        return counts
