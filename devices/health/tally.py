"""What one process had accepted since it told of it last: a number and two times for each device. No database here."""

from devices.health.acknowledgements import Accepted


class Tally:
    """Times are time.monotonic seconds."""

    def __init__(self) -> None:
        self._devices: dict[int, list[float]] = {}  # number, first, last

    def note(self, device_id: int, now: float) -> None:
        known = self._devices.get(device_id)
        if known is None:
            self._devices[device_id] = [1, now, now]
        else:
            known[0] += 1
            known[2] = now

    def take(self, now: float) -> dict[int, Accepted]:
        """All of it, once."""
        taken, self._devices = self._devices, {}
        return {
            device_id: Accepted(int(number), now - first, now - last)
            for device_id, (number, first, last) in taken.items()
        }
