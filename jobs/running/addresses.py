"""Where gateways are by now: a device is kept for hours, and the address behind its gateway's name may change."""

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor

from devices import egress
from devices.egress import CheckedAddress, EgressRefused, Unresolvable

EVERY_SECONDS = 60.0
PATIENCE_SECONDS = 10.0

Found = dict[str, CheckedAddress | EgressRefused | Unresolvable]


class Addresses:
    """Looks names up anew now and then, beside everything else: a silent name service holds nobody up."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, "addresses")
        self._asked: Future[Found] | None = None
        self._next_at = EVERY_SECONDS

    def moved(
        self, known: Iterable[CheckedAddress], now: float
    ) -> dict[CheckedAddress, CheckedAddress | EgressRefused]:
        """Which of the known addresses are others by now, or allowed no more. Most times it says nothing, at once.

        `now`: time.monotonic seconds.
        """
        if self._asked is not None:
            if not self._asked.done():
                return {}
            found, self._asked = self._asked.result(), None
            return {
                address: by_now
                for address in set(known)
                if isinstance(by_now := found.get(_url_of(address)), CheckedAddress | EgressRefused)
                and by_now != address
            }
        if now >= self._next_at:
            self._next_at = now + EVERY_SECONDS
            if names := {_url_of(address) for address in known if address.host != address.ip}:
                self._asked = self._pool.submit(egress.resolve_all, names, PATIENCE_SECONDS)
        return {}

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def _url_of(address: CheckedAddress) -> str:
    host = f"[{address.host}]" if ":" in address.host else address.host
    return f"{address.scheme}://{host}:{address.port}"
