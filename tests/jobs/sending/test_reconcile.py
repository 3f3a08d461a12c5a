"""Looking up what is in doubt: at the right time, within the right span, and decided by whoever looked last."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from django.db.models.functions import Now

from devices.gateway.base import LookUp
from devices.gateway.evolution import EvolutionGateway
from jobs.models import Job, Recipient
from jobs.sending import reconcile
from jobs.sending.recovery import WORKER_DIED
from tests.factories import make_account, make_device, make_job
from tests.simulator_process import Simulator

pytestmark = pytest.mark.django_db(transaction=True)


def job_in_doubt(simulator: Simulator, tried_ago: timedelta = timedelta(seconds=30)) -> Job:
    """A job whose only recipient was being sent when its worker died."""
    account = make_account()
    device = make_device(account, simulator.url)
    job = make_job(account, 1, (device,), next_position=1)
    Recipient.objects.filter(job=job).update(
        state="ambiguous", error_code=WORKER_DIED, device=device, tries=1, tried_at=Now() - tried_ago, due_at=Now()
    )
    return job


def only(job: Job) -> Recipient:
    return Recipient.objects.get(job=job)


def look_up_all() -> None:
    reconcile.reconcile(time.monotonic() + 5)


def test_a_message_the_gateway_sent_long_after_we_stopped_waiting_is_found(simulator: Simulator) -> None:
    # Accepted only now: hours after every time-out of ours.
    job = job_in_doubt(simulator, tried_ago=timedelta(hours=2))
    simulator.post("/message/sendText/demo-1", {"number": "51900000000", "text": "Hola persona 0"})
    look_up_all()
    assert only(job).state == "sent"


def test_what_a_dead_worker_left_is_unknown_where_the_gateway_keeps_no_messages(simulator: Simulator) -> None:
    simulator.faults({"hidden-row": 1})
    job = job_in_doubt(simulator)
    simulator.post("/message/sendText/demo-1", {"number": "51900000000", "text": "Hola persona 0"})
    look_up_all()
    assert (only(job).state, only(job).unsent_tries) == ("unknown", 0)


def test_a_looker_that_was_frozen_decides_nothing_by_old_news(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, closes_sessions_of_other_threads: None
) -> None:
    job = job_in_doubt(simulator)

    def answer_too_late(*_: object, **__: object) -> tuple[LookUp, str]:
        # While this looker slept another found it unsent, and it was sent again, which is now in doubt.
        Recipient.objects.filter(job=job).update(tries=2, unsent_tries=1, due_at=datetime.now(UTC) + timedelta(hours=1))
        return LookUp.NOT_THERE, ""

    monkeypatch.setattr(EvolutionGateway, "look_up", answer_too_late)
    look_up_all()
    assert (only(job).state, only(job).unsent_tries) == ("ambiguous", 1)
