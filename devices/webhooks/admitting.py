"""What gateways told, or would have told, is taken in: kept in the inbox; what cannot wait is done with it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import structlog
from django.db import InterfaceError, OperationalError, connection, transaction

from devices import needs
from devices.gateway.base import Incoming
from devices.webhooks import inbox

log = structlog.get_logger(__name__)


class Told(NamedTuple):
    """One event that is to be kept."""

    device_id: int
    body: str
    incoming: Sequence[Incoming] = ()  # what people wrote, in it


def admit(events: Sequence[Told]) -> None:
    """Keep these, all or none. Whoever wants no more by them is suppressed when it returns."""
    rows = [(told.device_id, told.body) for told in events]
    came = [(told.device_id, message) for told in events for message in told.incoming]
    acts: list[Callable[[Any], None]] = []
    with _left_to_the_worker():
        acts = needs.cannot_wait(came) if came else []
    if not acts:
        inbox.keep(rows)  # one statement
        return
    with transaction.atomic(), connection.cursor() as cursor:
        inbox.keep(rows)
        with _left_to_the_worker(), transaction.atomic():
            for act in acts:
                act(cursor)


@contextmanager
def _left_to_the_worker() -> Iterator[None]:
    """What goes wrong in hearing messages keeps none of them from being kept; the database's own trouble does."""
    try:
        yield
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("messages not heard: the inbox's worker does it")
