"""The Celery application of the naive tasks; apart from them, because Django must be loaded in between."""

from celery import Celery

app = Celery("naive", include=["tests.bench.naive_tasks"])
app.config_from_object("django.conf:settings", namespace="CELERY")
