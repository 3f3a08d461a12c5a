"""The Celery application: `celery -A config`."""

import gc
import os
from typing import Any

from celery import Celery, signals
from django.db import close_old_connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("pregonero")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@signals.worker_init.connect
def _share_what_is_there_with_the_children(**_: Any) -> None:
    """Have the garbage collector leave it alone: by walking through it a child would make copies of its own."""
    gc.freeze()


@signals.task_prerun.connect
@signals.task_postrun.connect
def _let_go_of_the_database_session(task: Any, **_: Any) -> None:
    """Give it back to the pool, which sees whether it still works: Django does so around requests only.

    Without this a worker whose session ended with PostgreSQL's restart would fail at every task from then on.
    """
    if not task.request.is_eager:
        close_old_connections()
