"""The naive settings, and database connections that outlive a task."""

from tests.bench.naive_settings import *  # noqa: F403
from tests.bench.naive_settings import DATABASES as _NAIVE

DATABASES = {"default": {**_NAIVE["default"], "CONN_MAX_AGE": None}}
CELERY_DB_REUSE_MAX = 1_000_000
