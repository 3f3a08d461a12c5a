"""Rows for tests, with sensible defaults: name only what the test is about."""

import itertools
from typing import Any

from django.db import connection
from django.db.models.functions import Now

from accounts.models import Account, Membership, Role, User
from devices.models import Device
from devices.states import DeviceStatus
from jobs.models import Job, JobDevice
from jobs.states import JobStatus

_numbers = itertools.count(1)


def make_account(name: str = "", **fields: Any) -> Account:
    """Without the rules of countries, which are on in a new account: a test of them says which it is about."""
    settings = {"country_rules": [], **fields}
    return Account.objects.create(name=name or f"Account {next(_numbers)}", **settings)


def make_member(account: Account | None = None, role: Role = Role.ADMINISTRATOR) -> Membership:
    user = User.objects.create_user(f"person{next(_numbers)}@example.com", "correct horse battery", is_staff=True)
    return Membership.unscoped.create(account=account or make_account(), user=user, role=role)


def make_device(account: Account, base_url: str = "http://127.0.0.1:1", **fields: Any) -> Device:
    """A connected device without a limit; its gateway is the simulator's instance of the given name."""
    return Device.unscoped.create(
        **{
            "account": account,
            "name": f"Device {next(_numbers)}",
            "base_url": base_url,
            "instance_name": "demo-1",
            "token": "SIMULATOR-TOKEN",
            "messages_per_minute": None,
            "max_in_flight": 16,
            "status": DeviceStatus.CONNECTED,
            **fields,
        }
    )


def make_job(account: Account, recipients: int = 3, devices: tuple[Device, ...] = (), **fields: Any) -> Job:
    """A job that is being sent, with so many recipients queued and the given devices serving it."""
    job = Job.unscoped.create(
        **{
            "account": account,
            "message": "Hola @valor1",
            "status": JobStatus.PROCESSING,
            "total": recipients,
            "imported": recipients,
            "imported_at": Now(),
            "started_at": Now(),
            **fields,
        }
    )
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO jobs_recipient (job_id, position, phone, values, state)
            SELECT %s, n, '+' || (51900000000 + n), ARRAY['persona ' || n], 'queued'
            FROM generate_series(0, %s - 1) AS n
            """,
            (job.pk, recipients),
        )
    JobDevice.objects.bulk_create([JobDevice(job=job, device=device) for device in devices])
    return job
