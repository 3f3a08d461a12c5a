"""Telling an account's administrators of a device that is not what it seems, and when that is over: once each."""

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import Membership, Role
from campaigns.models import Notification
from campaigns.notices import inbox
from campaigns.wording import campaign_notes
from devices.health.timelock import TIME_LOCK
from devices.models import Device, Incident

BATCH = 100
# What is told of the beginning and of the end, where the device is not out.
_CODES = {TIME_LOCK: ("device_locked", "device_unlocked")}
_UNTOLD = Q(began_told_at=None) | Q(over_at__isnull=False, over_told_at=None)


def notify_incidents() -> int:
    """Tell of what began and of what is over since; return how many notifications that were."""
    untold = Incident.objects.filter(_UNTOLD).select_related("device").defer("device__token").order_by("pk")
    told = 0
    for incident in untold[:BATCH]:
        began, over = _CODES.get(incident.reason, ("device_out", "device_back"))
        if incident.began_told_at is None:
            told += _tell(incident, "began_told_at", began)
        if incident.over_at is not None and incident.over_told_at is None:
            told += _tell(incident, "over_told_at", over)
    return told


def _tell(incident: Incident, mark: str, code: str) -> int:
    device: Device = incident.device
    with transaction.atomic():
        # Whoever sets it tells. Of two workers one does.
        if not Incident.objects.filter(pk=incident.pk, **{mark: None}).update(**{mark: timezone.now()}):
            return 0
        if device.deleted_at is not None:
            return 0
        members = Membership.objects.for_account(device.account_id).filter(
            role=Role.ADMINISTRATOR, user__is_active=True
        )
        made = [
            Notification.unscoped.create(
                account_id=device.account_id,
                user_id=user_id,
                code=code,
                details=campaign_notes.device_details(device.pk, device.name, incident.reason),
            )
            for user_id in members.order_by("pk").values_list("user_id", flat=True)
        ]
    for told in made:
        inbox.tell_live(told)
    return len(made)
