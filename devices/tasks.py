"""Celery's doors to this app: thin, and harmless when doubled."""

from celery import shared_task
from django.utils import timezone

from devices.health import rounds


@shared_task(ignore_result=True)
def check_devices() -> None:
    rounds.check_due(now=timezone.now())
