"""How tests wait: until something is so, and long before they give up. A busy machine is slow, not wrong."""

import time
from collections.abc import Callable

GIVE_UP_SECONDS = 120.0  # on what takes a second or less where nothing else runs


def eventually(is_so: Callable[[], object], seconds: float = GIVE_UP_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"it did not happen within {seconds:.0f} s"
        time.sleep(0.02)
