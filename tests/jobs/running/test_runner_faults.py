"""The loop that sends, through everything that can go wrong: what the gateway accepted is what the rows say."""

import threading
import time
from bisect import bisect_left
from itertools import pairwise

import pytest
from cryptography.fernet import Fernet
from django.db import connection

from devices.gateway.base import Acceptance
from devices.gateway.evolution import EvolutionGateway
from devices.health import probes
from devices.models import Device, Lane, Runner
from jobs import invariants, sweep
from jobs.message.rendering import Template
from jobs.models import Job, Recipient
from jobs.running.lane_runner import LaneRunner
from jobs.sending import reconcile
from jobs.states import JobStatus
from tests.factories import make_account, make_device, make_job
from tests.jobs.arrange import rows, states
from tests.jobs.to_the_end import send_until_it_ends
from tests.simulator_process import start_simulator
from tests.waiting import GIVE_UP_SECONDS

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def account():
    return make_account()


@pytest.fixture(autouse=True)
def _times(settings):
    """No answer comes too late on a busy machine: what is in doubt is so because of what the gateway did."""
    settings.QUIET_SECONDS = 0.5
    settings.GATEWAY_CONNECT_TIMEOUT = 10.0
    settings.GATEWAY_READ_TIMEOUT = 20.0
    settings.LEASE_SECONDS = 40.0


@pytest.fixture
def _hangs_are_given_up_soon(settings):
    settings.GATEWAY_CONNECT_TIMEOUT = 1.0
    settings.GATEWAY_READ_TIMEOUT = 0.7


def send_once(job, runner, seconds=GIVE_UP_SECONDS):
    """Run until everybody has been tried, without looking anything up."""
    waiting = Recipient.objects.filter(job_id=job.pk, state__in=["queued", "sending"], tries=0)
    begun = Recipient.objects.filter(job_id=job.pk, state="sending")
    runner.run(seconds, lambda: not waiting.exists() and not begun.exists())


def assert_the_ledger_agrees(job, simulator):
    """Everybody who counts as sent was sent to once, and nobody else at all."""
    accepted = {entry["number"]: entry["count"] for entry in simulator.entries()}
    sent = {phone.removeprefix("+") for phone, state in rows(job, "phone", "state") if state == "sent"}
    assert set(accepted.values()) <= {1}, "somebody was written to twice"
    assert set(accepted) == sent
    assert invariants.check() == []


# --- One fault at a time ---------------------------------------------------------------------------------------------


@pytest.fixture
def rehearsal():
    """A simulator whose faults are chosen by the recipients' last digits."""
    with start_simulator("demo-1", arguments=["--suffix-faults"]) as simulator:
        yield simulator


AFTER_ONE_TRY = {
    # what happened: last digits, state, error, whether it went out
    "all is well": ("0000", "sent", "", True),
    "not-on-whatsapp": ("0006", "failed", "not_on_whatsapp", False),
    "500-before-send": ("0002", "queued", "number_look_up_failed", False),
    "429": ("0009", "queued", "rate_limited", False),
    "connection-closed": ("0007", "queued", "connection_closed", False),
    "502": ("0011", "ambiguous", "gateway_error", False),
    "timed-out-before-accept": ("0005", "ambiguous", "gateway_error", False),
    "reset-before-accept": ("0004", "ambiguous", "ConnectionError", False),
    "hang-before-accept": ("0003", "ambiguous", "ReadTimeout", False),
    "accept-then-hang": ("0021", "ambiguous", "ReadTimeout", True),
    "accept-then-reset": ("0022", "ambiguous", "ConnectionError", True),
    "accept-then-400": ("0023", "ambiguous", "gateway_error", True),
    "accept-then-timed-out": ("0024", "ambiguous", "gateway_error", True),
    "accept-then-502": ("0025", "ambiguous", "gateway_error", True),
    "garbage-body": ("0026", "ambiguous", "no_message_id", True),
    "no-id": ("0027", "ambiguous", "no_message_id", True),
    "html-body": ("0041", "ambiguous", "no_message_id", True),
    "accepted-202": ("0042", "ambiguous", "no_message_id", True),
    "no-content": ("0043", "ambiguous", "no_message_id", True),
    "deep-body": ("0047", "ambiguous", "no_message_id", True),
    # A status and an id that were read count, whatever follows.
    "cut-body": ("0044", "sent", "", True),
    "latin-1-body": ("0045", "sent", "", True),
    "giant-body": ("0046", "sent", "", True),
    "long-id": ("0048", "sent", "", True),
}


@pytest.mark.usefixtures("_hangs_are_given_up_soon")
def test_what_one_try_leaves(rehearsal, runner, account, settings):
    settings.QUIET_SECONDS = 120.0
    job = make_job(account, len(AFTER_ONE_TRY), (make_device(account, rehearsal.url, max_in_flight=30),))
    for position, (digits, *_) in enumerate(AFTER_ONE_TRY.values()):
        Recipient.objects.filter(job_id=job.pk, position=position).update(phone=f"+5190000{digits}")
    waiting = Recipient.objects.filter(job_id=job.pk, tries=0)
    sending = Recipient.objects.filter(job_id=job.pk, state="sending")
    runner.run(GIVE_UP_SECONDS, lambda: not waiting.exists() and not sending.exists())

    accepted = {entry["number"] for entry in rehearsal.entries()}
    found = {
        name: (phone[-4:], state, code, phone.removeprefix("+") in accepted)
        for name, (phone, state, code) in zip(AFTER_ONE_TRY, rows(job, "phone", "state", "error_code"), strict=True)
    }
    assert found == AFTER_ONE_TRY
    for state, due_at in rows(job, "state", "due_at"):
        assert (due_at is not None) == (state in {"queued", "ambiguous"})


@pytest.mark.usefixtures("_hangs_are_given_up_soon")
def test_every_doubt_ends_well_and_nobody_is_written_to_twice(simulator, runner, account, settings):
    """Each kind of doubtful answer, up to three times, in one job: some were sent and some were not."""
    job = make_job(account, 80, (make_device(account, simulator.url, max_in_flight=8),))
    kinds = ["accept-then-hang", "accept-then-reset", "accept-then-502", "garbage-body", "no-id"]
    kinds += ["timed-out-before-accept", "reset-before-accept", "hang-before-accept"]
    simulator.faults(dict.fromkeys(kinds, "0.1x3"))
    settings.QUIET_SECONDS = 1.5
    send_once(job, runner)
    assert states(job)["ambiguous"] > 5
    settings.GATEWAY_CONNECT_TIMEOUT = 5.0  # looking up may take its time on a busy machine
    # So many connections reset may have taken the device out; a health check brings it back.
    send_until_it_ends(job, runner, check_devices=True)
    assert (job.status, job.sent, job.failed) == (JobStatus.COMPLETED, 80, 0)
    assert sum(rows(job, "accepted_risks")) == 0  # every retry was proven to be none
    assert_the_ledger_agrees(job, simulator)


def test_wrong_numbers_fail_and_the_others_do_not_wait(simulator, runner, account):
    job = make_job(account, 100, (make_device(account, simulator.url, max_in_flight=4),))
    simulator.faults({"not-on-whatsapp": 0.3})
    runner.run(GIVE_UP_SECONDS)
    job.refresh_from_db()
    assert job.status == JobStatus.COMPLETED
    assert 0 < job.failed < 100
    assert job.results["by_error"] == {"not_on_whatsapp": job.failed}
    assert_the_ledger_agrees(job, simulator)


def test_a_slow_gateway_is_only_slow(simulator, runner, account):
    job = make_job(account, 60, (make_device(account, simulator.url, max_in_flight=20),))
    simulator.faults({"latency": "1:300"})
    runner.run(GIVE_UP_SECONDS)
    job.refresh_from_db()
    assert job.sent == 60
    assert_the_ledger_agrees(job, simulator)


# --- Devices that fail ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "status", "reason"),
    [
        ("401", "blocked", "unauthorized"),
        ("license", "blocked", "licence_required"),
        ("connection-closed", "disconnected", "connection_closed"),
    ],
)
def test_a_device_whose_gateway_refuses_it_is_taken_out_and_another_sends_its_part(
    simulator, runner, account, fault, status, reason
):
    bad = make_device(account, simulator.url, instance_name="demo-1", max_in_flight=2)
    good = make_device(account, simulator.url, instance_name="demo-2", max_in_flight=2)
    simulator.faults({fault: 1}, instance="demo-1")
    job = make_job(account, 100, (bad, good))
    send_until_it_ends(job, runner)
    bad.refresh_from_db()
    assert (bad.status, bad.status_reason) == (status, reason)
    assert (job.sent, job.failed) == (100, 0)
    assert set(rows(job, "device_id")) == {good.pk}
    assert_the_ledger_agrees(job, simulator)


def test_a_gateway_that_cannot_be_reached_is_left_alone_after_a_few_tries(simulator, runner, account):
    gone = make_device(account, "http://127.0.0.1:1", max_in_flight=1)
    good = make_device(account, simulator.url, max_in_flight=2)
    job = make_job(account, 50, (gone, good))
    send_once(job, runner)
    gone.refresh_from_db()
    assert (gone.status, gone.status_reason) == ("disconnected", "unreachable")
    Recipient.objects.filter(job_id=job.pk, state="queued").update(due_at=job.created_at)
    send_until_it_ends(job, runner)
    assert (job.sent, job.failed) == (50, 0)
    assert sum(rows(job, "unsent_tries")) <= 5
    assert_the_ledger_agrees(job, simulator)


def test_an_address_that_is_not_allowed_is_never_connected_to(simulator, runner, account, settings):
    settings.EGRESS_ALLOWED_CIDRS = []
    device = make_device(account, simulator.url)
    job = make_job(account, 3, (device,))
    runner.run(1)
    device.refresh_from_db()
    assert (device.status, device.status_reason) == ("blocked", "egress_refused")
    assert states(job) == {"queued": 3}
    assert simulator.ledger()["requests"] == 0


def test_a_device_whose_token_cannot_be_read_is_taken_out_and_another_sends(simulator, runner, account, settings):
    keys = settings.FIELD_ENCRYPTION_KEYS
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    sealed = make_device(account, simulator.url, instance_name="sealed")
    settings.FIELD_ENCRYPTION_KEYS = keys
    device = make_device(account, simulator.url)
    job = make_job(account, 20, (sealed, device))

    send_until_it_ends(job, runner)

    assert job.sent == 20
    sealed.refresh_from_db()
    assert (sealed.status, sealed.status_reason) == ("blocked", "token_unreadable")
    assert probes.probe(sealed).reason == "token_unreadable"


def test_a_device_of_a_provider_nobody_knows_is_taken_out_and_another_sends(simulator, runner, account):
    strange = make_device(account, simulator.url, provider="pigeon")
    job = make_job(account, 20, (strange, make_device(account, simulator.url)))

    send_until_it_ends(job, runner)

    assert job.sent == 20
    strange.refresh_from_db()
    assert (strange.status, strange.status_reason) == ("blocked", "unknown_provider")


def test_a_device_that_is_switched_off_in_the_middle_stops_and_another_goes_on(simulator, runner, account):
    first = make_device(account, simulator.url, instance_name="demo-1", max_in_flight=2, messages_per_minute=3000)
    second = make_device(account, simulator.url, instance_name="demo-2", max_in_flight=2, enabled=False)
    job = make_job(account, 300, (first, second))
    switched = threading.Event()

    def switch_after_a_while():
        if not switched.is_set() and simulator.ledger()["accepted"] >= 20:
            Device.unscoped.filter(pk=first.pk).update(enabled=False)
            switched.set()
        return switched.is_set() and not Lane.objects.exclude(runner=None).exists()

    runner.run(GIVE_UP_SECONDS, switch_after_a_while)
    assert switched.is_set()
    sent_by_first = simulator.ledger()["by_instance"]["demo-1"]["accepted"]
    assert sent_by_first < 60  # a handful was on its way
    assert states(job) == {"sent": sent_by_first, "queued": 300 - sent_by_first}

    Device.unscoped.filter(pk=second.pk).update(enabled=True)
    send_until_it_ends(job, runner)
    assert simulator.ledger()["by_instance"]["demo-1"]["accepted"] == sent_by_first
    assert job.sent == 300
    assert_the_ledger_agrees(job, simulator)


# --- The database fails ------------------------------------------------------------------------------------------


def test_the_database_session_is_killed_again_and_again(simulator, runner, account):
    """As PostgreSQL restarting does. What was in flight may be in doubt; nobody is lost, nobody is sent to twice."""
    job = make_job(account, 200, (make_device(account, simulator.url, max_in_flight=8, messages_per_minute=6000),))
    simulator.faults({"latency": "0.2:150"})
    stop = threading.Event()
    kills = []  # how many messages had gone out by then: each time a few more

    def kill_sessions():
        while not stop.wait(0.05):
            accepted = simulator.ledger()["accepted"]
            if accepted >= 8 + (kills[-1] if kills else 0):
                kills.append(accepted)
                with connection.cursor() as cursor:
                    cursor.execute("SELECT pg_terminate_backend(session_pid) FROM devices_runner")
        connection.close()

    killer = threading.Thread(target=kill_sessions)
    killer.start()
    until = time.monotonic() + GIVE_UP_SECONDS
    try:
        while len(kills) < 3:
            runner.run(0.5)
            assert time.monotonic() < until
    finally:
        stop.set()
        killer.join()
    # What is in doubt is looked up when the gateway must be through with it: brought forward.
    until = time.monotonic() + GIVE_UP_SECONDS
    while job.finished_at is None and time.monotonic() < until:
        Recipient.objects.filter(job_id=job.pk, state="ambiguous").update(due_at=job.created_at)
        reconcile.reconcile(time.monotonic() + 1)
        sweep.sweep()
        runner.run(0.5)
        job.refresh_from_db()
    assert (job.status, job.sent, job.failed) == (JobStatus.COMPLETED, 200, 0), states(job)
    assert_the_ledger_agrees(job, simulator)


def test_two_runners_share_the_devices_and_no_recipient(simulator, account):
    devices = [
        make_device(account, simulator.url, instance_name=f"demo-{number}", max_in_flight=4) for number in (1, 2, 3)
    ]
    jobs = [make_job(account, 300, tuple(devices)) for _ in range(2)]
    runners = [LaneRunner() for _ in range(2)]

    def run(runner):
        until = time.monotonic() + GIVE_UP_SECONDS
        while time.monotonic() < until and Job.unscoped.filter(finished_at=None).exists():
            runner.run(0.7)
        runner.close()
        connection.close()

    threads = [threading.Thread(target=run, args=[runner]) for runner in runners]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for job in jobs:
        assert states(job) == {"sent": 300}
    ledger = simulator.ledger()
    # The same numbers in both jobs, with the same words.
    assert (ledger["accepted"], ledger["distinct"]) == (600, 300)
    assert invariants.check() == []


# --- Pace ----------------------------------------------------------------------------------------------------------


def test_six_hundred_a_minute_as_the_gateway_sees_it(simulator, runner, account):
    device = make_device(account, simulator.url, messages_per_minute=600, max_in_flight=4)
    make_job(account, 1000, (device,))
    runner.run(3)
    times = simulator.timeline("demo-1")
    most_in_a_second = max(bisect_left(times, start + 1) - index for index, start in enumerate(times))
    assert most_in_a_second <= 10 + 2  # those lined up within the horizon, after a hiccup of this machine
    assert len(times) >= 0.9 * 10 * (times[-1] - times[0])
    assert times[-1] - times[0] > 2


def test_the_pace_is_one_whatever_the_jobs(simulator, runner, account):
    device = make_device(account, simulator.url, messages_per_minute=600, max_in_flight=4)
    jobs = [make_job(account, 100, (device,)) for _ in range(3)]
    runner.run(2)
    times = simulator.timeline("demo-1")
    assert len(times) - 1 <= (times[-1] - times[0]) * 10 + 2
    sent = [states(job)["sent"] for job in jobs]
    assert max(sent) - min(sent) <= 2  # and they share it


def test_the_pace_goes_on_where_the_last_runner_left_it(simulator, account):
    device = make_device(account, simulator.url, messages_per_minute=60, max_in_flight=1)
    make_job(account, 10, (device,))
    for _ in range(3):
        runner = LaneRunner()
        runner.run(0.6)
        runner.close()
    times = simulator.timeline("demo-1")
    assert all(later - earlier > 0.9 for earlier, later in pairwise(times))
    assert 2 <= len(times) <= 3


def test_a_gateway_that_asks_for_a_pause_gets_it(simulator, runner, account):
    device = make_device(account, simulator.url, max_in_flight=1)
    job = make_job(account, 5, (device,))
    simulator.faults({"429": "1:2x1"})
    began = time.time()
    runner.run(GIVE_UP_SECONDS, lambda: Recipient.objects.filter(job_id=job.pk, state="sent").count() == 5)
    times = simulator.timeline("demo-1")
    assert times[0] - began >= 1.9
    assert rows(job, "tries_left") == [3] * 5  # nobody's trouble


def test_a_devices_day_ends_when_its_limit_is_reached(simulator, runner, account):
    device = make_device(account, simulator.url, daily_limit=7, max_in_flight=4)
    job = make_job(account, 20, (device,))
    for _ in range(3):
        runner.run(0.5)
    assert simulator.ledger()["accepted"] == 7
    assert states(job) == {"sent": 7, "queued": 13}
    job.refresh_from_db()
    assert job.status == JobStatus.PROCESSING


# --- Ending ----------------------------------------------------------------------------------------------------------


def test_a_runner_that_has_to_end_leaves_nothing_held(simulator, runner, account):
    job = make_job(account, 1000, (make_device(account, simulator.url, messages_per_minute=600),))
    runner.run(1)
    assert len(simulator.timeline("demo-1")) >= 5
    assert set(states(job)) == {"sent", "queued"}
    assert Lane.objects.get().runner_id is None
    assert not Runner.objects.exists()
    assert invariants.check() == []


def test_a_runner_with_nothing_to_do_ends_at_once(runner):
    began = time.monotonic()
    runner.run()
    assert time.monotonic() - began < GIVE_UP_SECONDS
    assert not Runner.objects.exists()


def test_one_hanging_request_keeps_no_other_lane_waiting(simulator, runner, account, settings):
    hanging = make_device(account, simulator.url, instance_name="demo-1", max_in_flight=1)
    good = make_device(account, simulator.url, instance_name="demo-2", max_in_flight=1, messages_per_minute=600)
    simulator.faults({"hang-before-accept": 1}, instance="demo-1")
    make_job(account, 1, (hanging,))
    make_job(account, 1000, (good,))
    began = time.monotonic()
    runner.run(GIVE_UP_SECONDS, lambda: len(simulator.timeline("demo-2")) > 20 or time.monotonic() - began > 60)
    times = simulator.timeline("demo-2")
    assert times[-1] - times[0] < 15  # the other one hangs for thirty


def test_a_worker_that_is_asked_to_stop_ends_what_is_in_flight_and_begins_nothing_more(simulator, runner, account):
    simulator.faults({"latency": "1:400"})
    job = make_job(account, 100, (make_device(account, simulator.url, max_in_flight=5),))
    asked = []

    def stop():
        if not asked and Recipient.objects.filter(job_id=job.pk, state="sending").count() == 5:
            asked.append(time.monotonic())
        return bool(asked)

    runner.run(should_stop=stop)
    assert set(states(job)) == {"sent", "queued"}
    assert simulator.ledger()["accepted"] == states(job)["sent"] <= 15
    assert Lane.objects.get().runner_id is None
    assert invariants.check() == []


# --- What cannot be handled costs one message ----------------------------------------------------------------------


def test_an_answer_that_cannot_be_kept_holds_up_nobody(simulator, runner, account, monkeypatch):
    """The database refused the whole batch, again and again: nobody's outcome was recorded any more."""
    read = EvolutionGateway.read_answer

    def read_oddly(answer):
        acceptance = read(answer)
        return Acceptance("x" * 113) if b"51900000003@" in answer.body else acceptance

    monkeypatch.setattr(EvolutionGateway, "read_answer", staticmethod(read_oddly))
    job = make_job(account, 8, (make_device(account, simulator.url),))
    send_until_it_ends(job, runner)
    assert states(job) == {"sent": 8}  # the one was found by its look-up
    assert_the_ledger_agrees(job, simulator)


@pytest.mark.parametrize("broken", ["send_request", "read_answer"])
def test_a_message_that_breaks_our_own_code_costs_itself(simulator, runner, account, monkeypatch, broken):
    original = getattr(EvolutionGateway, broken)

    def breaks(*arguments):
        if "51900000003" in str(arguments[-1]):
            raise RecursionError
        return original(*arguments)

    monkeypatch.setattr(EvolutionGateway, broken, staticmethod(breaks) if broken == "read_answer" else breaks)
    job = make_job(account, 8, (make_device(account, simulator.url),))
    send_until_it_ends(job, runner)
    ends = {"send_request": {"sent": 7, "failed": 1}, "read_answer": {"sent": 8}}
    assert states(job) == ends[broken]
    assert_the_ledger_agrees(job, simulator)


def test_a_message_that_cannot_be_rendered_costs_itself(simulator, runner, account, monkeypatch):
    render = Template.render

    def breaks(self, values, phone="", variant=None):
        if phone.endswith("3"):
            raise ValueError
        return render(self, values, phone, variant)

    monkeypatch.setattr(Template, "render", breaks)
    job = make_job(account, 8, (make_device(account, simulator.url),))
    send_until_it_ends(job, runner)
    assert states(job) == {"sent": 7, "failed": 1}
    assert_the_ledger_agrees(job, simulator)
