"""How a worker's children learn that it is being stopped: Celery tells only the parent of them.

One byte of memory shared since before the fork. A lane runner that sees it set finishes what is in flight and
claims no more, so that a restart leaves nothing in doubt.
"""

import mmap
from typing import Any

from celery.signals import worker_shutting_down

_stopping = mmap.mmap(-1, 1)


@worker_shutting_down.connect
def _note(**_: Any) -> None:
    _stopping[0] = 1


def is_stopping() -> bool:
    return _stopping[0] == 1
