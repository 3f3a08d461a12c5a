"""The project's settings without what it does for speed: Django's and Celery's defaults."""

from config.settings import *  # noqa: F403
from config.settings import DATABASES as _OURS

DATABASES = {"default": {**_OURS["default"], "OPTIONS": {}, "CONN_HEALTH_CHECKS": False}}
# The layer that Channels' tutorial sets up.
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": "naive"},  # noqa: F405
    }
}
CELERY_TASK_DEFAULT_QUEUE = "naive"
CELERY_TASK_ROUTES = {}
del CELERY_DB_REUSE_MAX, CELERY_WORKER_PREFETCH_MULTIPLIER  # noqa: F821
