"""What a dead sender leaves: whoever takes its device settles it, and touches nothing of anybody else."""

import pytest

from devices.lane import leases, runners
from devices.models import Device, Lane, Runner
from jobs import sweep
from jobs.models import Chunk, Recipient
from jobs.running.settlement import Order, Settlement
from jobs.sending import recovery
from jobs.sending.claims import Claimer
from jobs.sending.outcomes import Claim
from tests.factories import make_account, make_device, make_job
from tests.jobs.arrange import ago, claim, refill, rows, sent, settle, states, transaction_cursor

pytestmark = pytest.mark.django_db
QUIET = 120


@pytest.fixture
def account():
    return make_account()


def take(device, name="dead", seconds=100.0):
    with transaction_cursor() as cursor:
        runner_id = runners.register(cursor, name, seconds)
        (lease,) = leases.take(cursor, [device.pk], runner_id)
        return lease


def recover(device):
    with transaction_cursor() as cursor:
        return recovery.recover(cursor, [device.pk], QUIET)


def dead_in_the_middle(device, recipients=10, in_flight=3, **fields):
    """A job whose sender died with some in flight, some sent and some read but not begun."""
    take(device)
    job = make_job(device.account, recipients, (device,), **fields)
    claimer = Claimer(device.pk, recipients)
    refill(claimer)
    settle(claimer, *map(sent, claim(claimer, 2)))
    claim(claimer, in_flight)
    return job


def test_what_was_in_flight_is_in_doubt_and_the_rest_waits_for_anybody(account):
    device = make_device(account)
    job = dead_in_the_middle(device)
    assert recover(device) == 3
    assert rows(job, "state") == ["sent"] * 2 + ["ambiguous"] * 3 + ["queued"] * 5
    assert rows(job, "error_code")[2:5] == ["worker_died"] * 3
    assert list(Chunk.objects.values_list("device_id", flat=True)) == [None]

    successor = Claimer(make_device(account).pk, 10)
    job.job_devices.create(device_id=successor.device_id)
    refill(successor)
    assert len(claim(successor, 10)) == 5
    assert states(job) == {"sent": 2, "ambiguous": 3, "sending": 5}


def test_the_look_up_waits_until_the_gateway_must_be_through_with_it(account):
    device = make_device(account)
    job = dead_in_the_middle(device)
    recover(device)
    for tried_at, due_at in rows(job, "tried_at", "due_at")[2:5]:
        assert (due_at - tried_at).total_seconds() >= QUIET


def test_a_look_up_that_is_long_due_is_due_now_and_not_in_the_past(account):
    device = make_device(account)
    job = dead_in_the_middle(device)
    Recipient.objects.filter(job_id=job.pk, state="sending").update(tried_at=ago(3600))
    recover(device)
    assert all(due_at > ago(5) for due_at in rows(job, "due_at")[2:5])


def test_a_retry_that_was_in_flight_is_found_though_no_chunk_holds_it(account):
    device = make_device(account)
    job = make_job(account, 1, (device,), next_position=1)
    Recipient.objects.filter(job_id=job.pk).update(due_at=ago(1), tries=1, unsent_tries=1)
    take(device)
    claimer = Claimer(device.pk, 10)
    refill(claimer)
    claim(claimer, 1)
    assert not Chunk.objects.exists()
    assert recover(device) == 1
    assert rows(job, "state", "error_code") == [("ambiguous", "worker_died")]


def test_nothing_of_another_device_is_touched(account):
    dead, alive = make_device(account), make_device(account)
    job = make_job(account, 20, (dead, alive))
    claimers = [Claimer(device.pk, 5) for device in (dead, alive)]
    for claimer in claimers:
        refill(claimer)
        claim(claimer, 2)
    # A retry of the living one that stands, by its row, inside the dead one's chunk.
    Recipient.objects.filter(job_id=job.pk, position=4).update(state="sending", device=alive, due_at=ago(1))
    assert recover(dead) == 2
    assert rows(job, "state")[:10] == ["ambiguous"] * 2 + ["queued"] * 2 + ["sending"] * 3 + ["queued"] * 3
    assert list(Chunk.objects.order_by("start").values_list("device_id", flat=True)) == [None, alive.pk]


def test_there_is_nothing_to_do_twice(account):
    device = make_device(account)
    job = dead_in_the_middle(device)
    recover(device)
    before = rows(job, "state", "due_at", "error_code")
    assert recover(device) == 0
    assert rows(job, "state", "due_at", "error_code") == before


# --- By the sweep: devices nobody will take again soon -----------------------------------------------------------


@pytest.mark.parametrize("change", [{"enabled": False}, {"status": "disconnected"}, {"deleted_at": ago(0)}])
def test_the_sweep_recovers_a_device_that_is_out_of_service(account, change, settings):
    settings.QUIET_SECONDS = QUIET
    device = make_device(account)
    job = dead_in_the_middle(device)
    Runner.objects.update(session_pid=1)  # its session is gone
    Device.unscoped.filter(pk=device.pk).update(**change)
    sweep.sweep()
    assert states(job) == {"sent": 2, "ambiguous": 3, "queued": 5}
    assert Lane.objects.get().runner_id is None
    assert list(Chunk.objects.values_list("device_id", flat=True)) == [None]


def test_the_sweep_leaves_a_living_sender_alone(account):
    device = make_device(account)
    job = dead_in_the_middle(device)  # its session is ours, which lives
    sweep.sweep()
    assert states(job) == {"sent": 2, "sending": 3, "queued": 5}
    assert Lane.objects.get().runner.name == "dead"


def test_the_sweep_ends_what_its_takeover_leaves_nothing_to_do_for(account):
    """One in flight, the last of its job: in doubt, and the job goes on until that is settled."""
    device = make_device(account)
    job = dead_in_the_middle(device, recipients=3, in_flight=1)
    Runner.objects.update(session_pid=1)
    sweep.sweep()
    job.refresh_from_db()
    assert states(job) == {"sent": 2, "ambiguous": 1}
    assert job.finished_at is None


def test_a_stale_runner_changes_no_row(account):
    """Frozen through its lease, it comes back with answers in hand: fencing keeps them out."""
    device = make_device(account, "http://127.0.0.1:1")
    job = dead_in_the_middle(device)
    Runner.objects.update(session_pid=1)
    old = Lane.objects.get()
    with transaction_cursor() as cursor:
        assert recovery.bury(cursor, QUIET) == [device.pk]
    new = take(device, "successor")

    def everything():
        return rows(job, "state", "due_at", "gateway_message_id"), *map(
            list, (Chunk.objects.values(), Lane.objects.values())
        )

    before = everything()
    frozen = Settlement("frozen")
    frozen._runner_id = old.runner_id
    claimer = frozen._claimers[device.pk] = Claimer(device.pk, 10)
    outcomes = [sent(one) for one in _claims_in_flight(job, device)]
    settled = frozen.settle(
        Order(
            outcomes=outcomes,
            held=[(device.pk, old.token)],
            wanted={device.pk: 3},
            closing={device.pk},
            released={device.pk: 0.0},
        )
    )
    assert not settled.is_alive
    assert settled.held == set()
    assert settled.claims == {}
    assert len(claimer) == 0
    assert everything() == before
    assert new.token == old.token + 1


def _claims_in_flight(job, device):
    rows_in_doubt = Recipient.objects.filter(job_id=job.pk, state="ambiguous")
    return [Claim(row.pk, job.pk, device.pk, row.phone, "", None, row.tries_left, None) for row in rows_in_doubt]
