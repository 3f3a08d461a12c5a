"""Celery's doors to this app: thin, and harmless when doubled."""

from celery import shared_task
from django.utils import timezone

from devices.endpoints import outbox
from devices.health import days, rounds
from devices.linking import pairing
from devices.webhooks import catching_up, keeping


@shared_task(ignore_result=True)
def check_devices() -> None:
    rounds.check_due(now=timezone.now())


@shared_task(ignore_result=True)
def follow_pairings() -> None:
    pairing.follow(now=timezone.now())


@shared_task(ignore_result=True)
def forget_old_days() -> None:
    days.forget_old(now=timezone.now())


@shared_task(ignore_result=True)
def keep_webhooks() -> None:
    keeping.keep(now=timezone.now())


@shared_task(ignore_result=True)
def read_stores() -> None:
    catching_up.catch_up(now=timezone.now())


@shared_task(ignore_result=True)
def forget_old_events() -> None:
    outbox.forget_old(now=timezone.now())
