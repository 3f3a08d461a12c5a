"""The panel: what runs now, how the devices are, the last jobs, and what to do where there is nothing yet."""

from datetime import timedelta
from typing import Any

from django.db.models import Count, Q, Sum
from django.http import HttpRequest
from django.utils import timezone

from accounts.access.permissions import may
from accounts.models import Account, Role
from accounts.requests import account_of, membership_of
from devices import reasons
from devices.models import Device
from devices.states import DeviceStatus
from jobs.models import Job
from jobs.states import JobStatus

OPEN_STATUSES = (JobStatus.PROCESSING, JobStatus.PAUSED, JobStatus.PENDING)
RUNNING_SHOWN = 8
JOBS_SHOWN = 8
DEVICES_SHOWN = 8
RECENT = timedelta(days=7)


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add the panel's content to the index page's context (admin_look.UNFOLD)."""
    account = account_of(request)
    membership = membership_of(request)
    context.update(
        may_send=may(membership, Role.AGENT),
        may_connect=may(membership, Role.ADMINISTRATOR),
        has_account=account is not None,
    )
    if account is not None:
        context.update(_jobs(account), **_devices(account), account_name=account.name)
    return context


def _jobs(account: Account) -> dict[str, Any]:
    jobs = Job.objects.for_account(account).listed()
    # Of the index of open jobs: few, however many there ever were.
    running = jobs.filter(finished_at=None, status__in=OPEN_STATUSES)
    recent = jobs.filter(created_at__gte=timezone.now() - RECENT)
    return {
        "running": list(running.newest_first()[:RUNNING_SHOWN]),
        "running_count": running.count(),
        "last_jobs": list(jobs.exclude(finished_at=None).newest_first()[:JOBS_SHOWN]),
        "recent": recent.aggregate(count=Count("pk"), sent=Sum("sent", default=0), failed=Sum("failed", default=0)),
        "has_jobs": jobs.exists(),
    }


def _devices(account: Account) -> dict[str, Any]:
    devices = Device.objects.for_account(account)
    counts = devices.aggregate(
        total=Count("pk"),
        connected=Count("pk", filter=Q(enabled=True, status=DeviceStatus.CONNECTED)),
    )
    return {
        "device_counts": counts,
        "devices": [
            {"device": device, "why": reasons.shown(device.status_reason)} for device in devices.shown()[:DEVICES_SHOWN]
        ],
    }
