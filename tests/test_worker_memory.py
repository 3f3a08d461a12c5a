"""A worker and the memory that it shares with its children."""

import gc

from celery import signals

from config.celery import app


def test_what_is_there_before_a_worker_forks_is_no_more_walked_through() -> None:
    frozen = gc.get_freeze_count()
    loaded_since = [[] for _ in range(1000)]
    signals.worker_init.send(sender=app)
    assert gc.get_freeze_count() >= frozen + len(loaded_since)
