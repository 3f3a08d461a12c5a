"""A job from where it stands to its end, by a runner of the test's own process."""

import time

from django.utils import timezone

from devices.health import probes
from devices.models import Device
from jobs import sweep
from jobs.models import Job
from jobs.running.lane_runner import LaneRunner
from jobs.sending import reconcile
from tests.jobs.arrange import states
from tests.waiting import GIVE_UP_SECONDS


def send_until_it_ends(
    job: Job, runner: LaneRunner, seconds: float = GIVE_UP_SECONDS, *, check_devices: bool = False
) -> None:
    """Run slices, sweeps and look-ups, as the workers do, until the job has ended."""
    until = time.monotonic() + seconds
    while True:
        for device in Device.unscoped.filter(status="disconnected") if check_devices else ():
            probes.check(device, timezone.now())
        runner.run(0.5)
        sweep.sweep()
        reconcile.reconcile(time.monotonic() + 1)
        job.refresh_from_db()
        if job.finished_at is not None:
            return
        assert time.monotonic() < until, f"the job does not end: {states(job)}"
