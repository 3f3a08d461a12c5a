"""Fleets of slow devices: does each use its allowance, what does a message cost, what does a waiting lane hold.

A run is arranged as in production: lanes workers, the default worker and beat, jobs that are started by the task that
starts them, devices that were checked at different times. The gateway's book says what was sent when.
"""

import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import Account
from devices.models import Device
from devices.states import DeviceStatus
from jobs import control
from jobs.models import Job
from jobs.states import JobStatus
from jobs.tasks import start_job
from tests.bench.arrivals import MINUTE, Arrivals, most_in_a_minute, share_used, slowest_tenth
from tests.bench.cpu import resident_kilobytes
from tests.bench.crew import Cost, Crew, crew
from tests.bench.report import Bar, Section, number
from tests.bench.sending import MESSAGE, BrokenRun, empty_tables, wait_until
from tests.factories import make_account, make_job
from tests.simulator_process import Simulator, start_simulator

LATENCY_MS = 200
CHECKED_WITHIN_SECONDS = 30.0  # so long ago at most was a device that is well checked
READ_AHEAD_SECONDS = 45.0  # of its pace: what a device may have read and not sent, with something to spare
WARM_DEVICES, WARM_MESSAGES = 20, 60  # unlimited ones, which have all processes loaded and connected
END_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class Fleet:
    """So many devices of a pace, the processes that drive them, and how large a part of them each account has."""

    devices: int
    per_minute: int = 12
    hosts: int = 1
    processes: int = 2  # of each host
    accounts: tuple[float, ...] = (1.0,)

    def __str__(self) -> str:
        return f"{self.devices:,} at {self.per_minute}/min"

    @property
    def interval(self) -> float:
        """Seconds that a device's allowance has for each message."""
        return MINUTE / self.per_minute

    @property
    def wanted_per_second(self) -> float:
        return self.devices / self.interval


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds: from its first message until a fleet is in its stride, and for how long it is then measured."""

    settling: float
    window: float


@dataclass(frozen=True, slots=True)
class FleetRun:
    """What came of one fleet. `shares`: of its allowance, by device; `cost` in the window, in CPU seconds."""

    fleet: Fleet
    shares: Sequence[float]
    seconds: float  # the window as it was
    most_in_a_minute: int  # by any device, from the start on
    cost: Cost
    kilobytes_per_lane: float
    start_seconds: float

    @property
    def sent(self) -> float:
        """Messages in the window, by the shares: a fleet in step has a whole round more or less by chance."""
        return sum(self.shares) * self.seconds / self.fleet.interval

    @property
    def per_1000(self) -> float:
        return 1000 / self.sent if self.sent else float("inf")

    def row(self) -> list[str]:
        cost, per_1000 = self.cost, self.per_1000
        return [
            str(self.fleet),
            number(self.fleet.wanted_per_second),
            number(self.sent / self.seconds),
            f"{statistics.median(self.shares):.1%}",
            f"{slowest_tenth(self.shares):.1%}",
            str(self.most_in_a_minute),
            f"{cost.lanes * per_1000:.3f}",
            f"{cost.postgres * per_1000:.3f}",
            f"{cost.default * per_1000:.3f}",
            f"{cost.together * per_1000:.3f}",
            f"{cost.others * per_1000:.3f}",
            f"{cost.simulator * per_1000:.3f}",
            f"{self.kilobytes_per_lane:.1f}",
            f"{self.start_seconds:.2f}",
            f"{cost.elsewhere / self.seconds:.2f}",
        ]


HEADER = [
    "devices",
    "wanted/s",
    "sent/s",
    "share, median",
    "slowest tenth",
    "most in 60 s",
    "lanes CPU",
    "PostgreSQL CPU",
    "default CPU",
    "together",
    "beat, Valkey",
    "simulator CPU",
    "KB a lane",
    "start, s",
    "busy elsewhere",
]
NOTE = f"""One lanes worker of two processes, the default worker and beat; a gateway of {LATENCY_MS} ms. *Share*:
what part of its allowance a device used, for the median device and the mean of the slowest tenth. *Most in 60 s*:
messages of any device in any sliding minute of the run. CPU seconds per 1,000 messages; *together* is lanes, PostgreSQL
and default. *KB a lane*: what the sending processes hold more than before the job, for each device. *Start*: from the
wake-up of a job with that `devices_limit` to its start. *Busy elsewhere*: cores that the machine spent on other things
meanwhile, or was not given."""


@dataclass(slots=True)
class UnderWay:
    """A fleet that is sending."""

    fleet: Fleet
    simulator: Simulator
    crew: Crew
    arrivals: Arrivals
    jobs: list[Job]
    names: list[list[str]]  # the instances of each account's devices
    kilobytes_before: int
    start_seconds: float

    def settle(self, seconds: float) -> None:
        """Wait for the first message, which takes as long as the machine is busy, and so many seconds more."""

        def has_begun() -> bool:
            self.arrivals.look()
            return bool(self.arrivals.all)

        wait_until(has_begun, self.crew.lanes[0])
        self.rest(seconds)

    def rest(self, seconds: float) -> None:
        """Let it send for so long. Raises BrokenRun where something died or a job ended meanwhile."""
        time.sleep(seconds)
        self.crew.check()
        if Job.unscoped.filter(pk__in=[job.pk for job in self.jobs]).exclude(status=JobStatus.PROCESSING).exists():
            raise BrokenRun("a job is not being sent any more")

    def prove(self) -> None:
        """Pause, wait for what is in flight or in doubt, and hold the rows against the gateway's ledger.

        Raises BrokenRun where somebody was written to twice, or not at all and said to be.
        """
        for job in self.jobs:
            control.pause(job)
        pks = [job.pk for job in self.jobs]

        def is_quiet() -> bool:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT NOT EXISTS (SELECT FROM jobs_recipient"
                    " WHERE job_id = ANY(%s) AND state IN ('sending', 'ambiguous'))",
                    (pks,),
                )
                return bool(cursor.fetchone()[0])

        wait_until(is_quiet, self.crew.lanes[0], END_SECONDS)
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM jobs_recipient WHERE job_id = ANY(%s) AND state = 'sent'", (pks,))
            said = cursor.fetchone()[0]
        ledger = self.simulator.ledger()
        if not said == ledger["accepted"] == ledger["distinct"]:
            raise BrokenRun(f"{said} say sent, the gateway {ledger['accepted']}, of them {ledger['distinct']} distinct")


def measure(fleet: Fleet, times: Times, environ: Mapping[str, str] | None = None) -> FleetRun:
    """Send for a while and tell what came of it; the run counts only if the gateway's ledger proves it."""
    with under_way(fleet, times.settling + times.window, environ) as running:
        run = observe(running, times)
        running.prove()
    return run


def observe(running: UnderWay, times: Times) -> FleetRun:
    """Watch a fleet that was just started."""
    running.settle(times.settling)
    before, begin = running.crew.cost(running.simulator.process.pid), time.time()
    running.rest(times.window)
    cost, end = running.crew.cost(running.simulator.process.pid) - before, time.time()
    kilobytes = resident_kilobytes(running.crew.senders()) - running.kilobytes_before
    running.arrivals.look()
    by_device = running.arrivals.times(name for names in running.names for name in names)
    return FleetRun(
        fleet=running.fleet,
        shares=[share_used(moments, running.fleet.interval, begin, end) for moments in by_device.values()],
        seconds=end - begin,
        most_in_a_minute=max(most_in_a_minute(moments) for moments in by_device.values()),
        cost=cost,
        kilobytes_per_lane=kilobytes / running.fleet.devices,
        start_seconds=running.start_seconds,
    )


@contextmanager
def under_way(fleet: Fleet, seconds: float, environ: Mapping[str, str] | None = None) -> Iterator[UnderWay]:
    """A fleet whose jobs have just started, with recipients for so many seconds; nothing is left of it afterwards."""
    names = [f"slow-{place}" for place in range(1, fleet.devices + 1)]
    warm = [f"warm-{place}" for place in range(1, WARM_DEVICES + 1)]
    instances = [f"{name}:{_token(name)}" for name in (*names, *warm)]
    try:
        with (
            start_simulator(*instances, arguments=["--latency", str(LATENCY_MS)]) as simulator,
            crew(fleet.hosts, fleet.processes, environ) as working,
        ):
            parts = _divide(names, fleet.accounts)
            jobs = [_arrange(make_account(), part, simulator, fleet, seconds) for part in parts]
            with connection.cursor() as cursor:
                cursor.execute("ANALYZE jobs_recipient, devices_device")
                cursor.execute("CHECKPOINT")
            _warm_up(simulator, working, warm)
            before = resident_kilobytes(working.senders())
            took = _start(jobs, working)
            yield UnderWay(fleet, simulator, working, Arrivals(simulator), jobs, parts, before, took)
    finally:
        empty_tables()


def _divide(names: list[str], parts: Sequence[float]) -> list[list[str]]:
    """One list for each part, as large as it says; the last one has the rest."""
    divided, given = [], 0
    for part in parts[:-1]:
        size = round(len(names) * part)
        divided.append(names[given : given + size])
        given += size
    return [*divided, names[given:]]


def _arrange(account: Account, names: list[str], simulator: Simulator, fleet: Fleet, seconds: float) -> Job:
    """An account's devices, and its job through all of them: imported, but for the word that it is."""
    _make_devices(account, simulator, names, messages_per_minute=fleet.per_minute)
    recipients = int(len(names) * (seconds + READ_AHEAD_SECONDS) / fleet.interval)
    return _make_job(account, recipients, len(names))


def _make_devices(account: Account, simulator: Simulator, names: list[str], **fields: int | None) -> None:
    """Devices that were found well at some time within the last half a minute, one after the other."""
    now = timezone.now()

    def device(place: int, name: str) -> Device:
        checked: datetime = now - timedelta(seconds=CHECKED_WITHIN_SECONDS * place / len(names))
        return Device(
            account=account,
            name=name,
            base_url=simulator.url,
            instance_name=name,
            token=_token(name),
            status=DeviceStatus.CONNECTED,
            status_checked_at=checked,
            last_well_at=checked,
            next_check_at=checked + timedelta(seconds=CHECKED_WITHIN_SECONDS),
            **fields,
        )

    Device.unscoped.bulk_create([device(place, name) for place, name in enumerate(names)])


def _make_job(account: Account, recipients: int, devices_limit: int) -> Job:
    return make_job(
        account,
        recipients,
        message=f"{MESSAGE} ({account.name})",  # the ledger tells the accounts' recipients apart
        status=JobStatus.PENDING,
        imported_at=None,
        started_at=None,
        devices_limit=devices_limit,
    )


def _start(jobs: Sequence[Job], working: Crew) -> float:
    """Say that the jobs are imported, have them started, and return how many seconds the slowest took."""
    pks = [job.pk for job in jobs]
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        began: datetime = cursor.fetchone()[0]
    Job.unscoped.filter(pk__in=pks).update(imported_at=Now())
    for job in jobs:
        start_job.delay(job.pk)
    waiting = Job.unscoped.filter(pk__in=pks, status=JobStatus.PENDING)
    wait_until(lambda: not waiting.exists(), working.default or working.lanes[0])
    for job in jobs:
        job.refresh_from_db()
    return max((job.started_at - began).total_seconds() for job in jobs if job.started_at)


def _warm_up(simulator: Simulator, working: Crew, names: list[str]) -> None:
    """Have every process load what it needs, and open its connections, with a job and devices that then are no more."""
    account = make_account()
    _make_devices(account, simulator, names, messages_per_minute=None)
    job = _make_job(account, WARM_MESSAGES, WARM_DEVICES)
    _start([job], working)
    wait_until(lambda: Job.unscoped.filter(pk=job.pk).exclude(finished_at=None).exists(), working.lanes[0])
    Device.unscoped.for_account(account).delete()
    simulator.reset()


def _token(name: str) -> str:
    return f"TOKEN-OF-{name}"


# --- The group -------------------------------------------------------------------------------------------


FULL = {12: Times(10, 62), 60: Times(10, 40)}  # by messages a minute
QUICK = {12: Times(8, 20), 60: Times(8, 15)}


def section(fleets: Sequence[Fleet], *, quick: bool) -> Section:
    """A row for each fleet, and the bars that the fleets can speak to."""
    section = Section("Fleets of slow devices", HEADER, note=NOTE)
    for fleet in fleets:
        run = measure(fleet, (QUICK if quick else FULL)[fleet.per_minute])
        print(f"  {fleet}: {statistics.median(run.shares):.1%} of the allowance", flush=True)
        section.rows.append(run.row())
        section.bars += _bars(run)
    return section


def _bars(run: FleetRun) -> list[Bar]:
    median, tenth = 100 * statistics.median(run.shares), 100 * slowest_tenth(run.shares)
    cpu = run.cost.together * run.per_1000
    match run.fleet.devices, run.fleet.per_minute:
        case 1000, 12:
            return [
                Bar("1,000 at 12/min: allowance used, median device", 97, median, unit=" %"),
                Bar("1,000 at 12/min: allowance used, slowest tenth", 93, tenth, unit=" %"),
                Bar("1,000 at 12/min: most in any 60 s", 12, run.most_in_a_minute, at_most=True),
                Bar("1,000 at 12/min: CPU of 1,000 messages", 0.6, cpu, at_most=True, unit=" s"),
                Bar("a job with devices_limit 1,000 starts", 1, run.start_seconds, at_most=True, unit=" s"),
            ]
        case 5000, 12:
            return [
                Bar("5,000 at 12/min: allowance used, median device", 95, median, unit=" %"),
                Bar("5,000 at 12/min: memory of a lane", 20, run.kilobytes_per_lane, at_most=True, unit=" KB"),
            ]
        case _:
            return []
