"""Whatever happens to a job in whatever order, also amid a sweep: a person's word holds, and it ends once."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from accounts.audit import Actor
from accounts.models import Account
from devices.gateway.base import Rejected
from devices.models import Device
from devices.states import DeviceStatus
from jobs import actions, invariants, sweep
from jobs.live import publishing
from jobs.models import IllegalTransition, Job, Recipient
from jobs.sending import dispatch, finishing
from jobs.sending.claims import Claimer
from jobs.sending.outcomes import Claim
from jobs.states import JOB_ENDED, JobStatus
from jobs.wording.job_reasons import PAUSED_BY_PERSON
from tests.factories import make_account, make_device, make_job
from tests.jobs.arrange import claim, give_back, not_sent, refill, sent, settle

pytestmark = pytest.mark.django_db(transaction=True)

RECIPIENTS = 4
ACTS = ("pause", "resume", "cancel", "retry_failed")
TERMINAL = {"job_completed", "job_failed", "job_cancelled"}

acts = st.sampled_from(ACTS)
# What a person does while the sweep or a start is between its look and its move.
between = st.none() | acts


class AnyOrder(RuleBasedStateMachine):
    """One job, two devices, a person, and the engine; real rows."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[dict[str, Any]] = []
        self._publishing = patch.object(publishing, "publish", self.told.extend)
        self._publishing.start()
        self.account: Account = make_account()
        self.devices: list[Device] = [make_device(self.account) for _ in range(2)]
        self.is_held = False
        self.in_flight: list[tuple[Claimer, Claim]] = []
        self.finished: Any = None

    def teardown(self) -> None:
        self._publishing.stop()
        Recipient.objects.filter(job=self.job).delete()
        self.account.delete()

    @initialize()
    def launch(self) -> None:
        self.job = make_job(self.account, RECIPIENTS, status=JobStatus.PENDING, started_at=None)

    # --- A person -----------------------------------------------------------------------------------

    @rule(verb=acts)
    def act(self, verb: str) -> None:
        try:
            actions.CONTROLS[verb](Actor(self.account), Job.unscoped.get(pk=self.job.pk))
        except IllegalTransition:
            return
        if verb != "retry_failed":
            self.is_held = verb == "pause"

    # --- The engine ------------------------------------------------------------------------------------

    @rule(verb=between)
    def sweep(self, verb: str | None) -> None:
        with self.meanwhile(verb):
            sweep.sweep()

    @rule(verb=between)
    def start(self, verb: str | None) -> None:
        with self.meanwhile(verb):
            dispatch.start(self.job.pk)

    @contextmanager
    def meanwhile(self, verb: str | None) -> Iterator[None]:
        """A person acts once, right after the engine has looked at what it then moves by."""
        todo = [verb] if verb else []

        def then_acts(look: Callable[..., Any]) -> Callable[..., Any]:
            def looked(*args: Any) -> Any:
                found = look(*args)
                if todo and found is not None:
                    self.act(todo.pop())
                return found

            return looked

        with (
            patch.object(dispatch, "choose_devices", then_acts(dispatch.choose_devices)),
            patch.object(dispatch, "jobs_without_devices", then_acts(dispatch.jobs_without_devices)),
        ):
            yield

    @rule(place=st.sampled_from([0, 1]), number=st.integers(1, RECIPIENTS))
    def claim(self, place: int, number: int) -> None:
        claimer = Claimer(self.devices[place].pk, 10)
        refill(claimer)
        claims = claim(claimer, number)
        give_back(claimer)
        assert not (claims and self.is_held)
        self.in_flight += [(claimer, one) for one in claims]

    @rule(is_sent=st.booleans())
    def answer(self, is_sent: bool) -> None:
        if self.in_flight:
            claimer, one = self.in_flight.pop()
            settle(claimer, sent(one) if is_sent else not_sent(one, Rejected("not_on_whatsapp")))
            finishing.finish(self.job.pk)

    @rule(place=st.sampled_from([0, 1]), status=st.sampled_from([DeviceStatus.CONNECTED, DeviceStatus.DISCONNECTED]))
    def device(self, place: int, status: DeviceStatus) -> None:
        Device.unscoped.filter(pk=self.devices[place].pk).update(status=status)

    # --- What holds after every step ---------------------------------------------------------------------

    @invariant()
    def a_paused_job_stays_paused(self) -> None:
        if not self.is_held:
            return
        job = Job.unscoped.get(pk=self.job.pk)
        if job.started_at is not None and not job.recipients.open().exists():
            assert job.status in JOB_ENDED | {JobStatus.PAUSED}
        else:
            assert (job.status, job.state_reason) == (JobStatus.PAUSED, PAUSED_BY_PERSON)

    @invariant()
    def it_ends_once_for_each_time_it_goes_on(self) -> None:
        ended = False
        numbers = defaultdict(int)
        for event in self.told:
            numbers[event["seq"]] += 1
            assert not (ended and event["type"] in TERMINAL)
            ended = event["type"] in TERMINAL or (ended and event["type"] not in {"job_resumed", "job_started"})
        assert set(numbers.values()) <= {1}

    @invariant()
    def every_promise_holds(self) -> None:
        assert [str(broken) for broken in invariants.check()] == []


def test_a_persons_word_holds_in_any_order():
    run_state_machine_as_test(
        AnyOrder,
        settings=settings(
            max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
