"""Messages in doubt are looked up at their gateway: what it says, what it cannot say, and what we make of it.

The messages of these tests were really sent, or not, to the simulator; only the rows are arranged.
"""

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from devices.gateway.base import LookUp
from devices.gateway.evolution import EvolutionGateway
from devices.models import Device
from jobs.live import publishing
from jobs.models import Job, Recipient
from jobs.sending import reconcile
from jobs.sending.outcomes import Claim
from jobs.sending.reconcile import Doubtful, decide
from jobs.states import JobStatus
from tests.factories import make_account, make_device, make_job
from tests.jobs.arrange import ago, rows, states
from tests.waiting import GIVE_UP_SECONDS

pytestmark = pytest.mark.django_db

# --- The table ----------------------------------------------------------------------------------------------------

SENT, NOT_THERE, CANNOT_TELL, NOT_NOW = LookUp.SENT, LookUp.NOT_THERE, LookUp.CANNOT_TELL, LookUp.NOT_NOW
GIVE_UP = timedelta(hours=24)


def decided(code, found, *, never_twice=False, tries_left=3, tries=1, waited=timedelta(seconds=121)):
    claim = Claim(1, 2, 3, "+51900000000", "hola", None, tries_left, None, tries=tries)
    now = datetime.now(tz=UTC)
    doubtful = Doubtful(claim, code, now - waited, [3], waited, never_twice, now)
    return decide(doubtful, found, "3EB0" if found is SENT else "")


@pytest.mark.parametrize("code", ["ReadTimeout", "gateway_error", "no_message_id", "worker_died"])
@pytest.mark.parametrize("never_twice", [False, True])
@pytest.mark.parametrize("tries_left", [0, 1, 2, 3])
def test_what_was_sent_is_sent(code, never_twice, tries_left):
    outcome = decided(code, SENT, never_twice=never_twice, tries_left=tries_left)
    assert (outcome.state, outcome.gateway_message_id, outcome.error_code) == ("sent", "3EB0", "")
    assert not outcome.proven_unsent


@pytest.mark.parametrize("code", ["ReadTimeout", "gateway_error", "no_message_id"])
def test_what_is_not_there_goes_again_while_there_are_tries(code):
    for tries_left in (3, 2):
        outcome = decided(code, NOT_THERE, tries_left=tries_left)
        assert (outcome.state, outcome.due_in_seconds) == ("queued", 0.0)
        assert (outcome.proven_unsent, outcome.risk_accepted, outcome.tries_spent) == (True, False, 1)
    for tries_left in (1, 0):
        last = decided(code, NOT_THERE, tries_left=tries_left)
        assert (last.state, last.error_code, last.proven_unsent) == ("failed", code, True)


def test_a_death_of_ours_costs_nobody_a_try_unless_it_might_be_theirs():
    for tries_left in (3, 2, 1):
        spared = decided("worker_died", NOT_THERE, tries_left=tries_left, tries=10)
        assert (spared.state, spared.proven_unsent, spared.tries_spent) == ("queued", True, 0)
    # What kills its sender each time is not sent for ever.
    assert decided("worker_died", NOT_THERE, tries_left=2, tries=11).tries_spent == 1
    for left, tries in ((1, 11), (0, 4)):
        last = decided("worker_died", NOT_THERE, tries_left=left, tries=tries)
        assert (last.state, last.error_code, last.proven_unsent) == ("failed", "worker_died", True)


@pytest.mark.parametrize("code", ["ReadTimeout", "gateway_error"])
def test_where_the_gateway_cannot_tell_the_seed_retries_and_the_risk_is_on_record(code):
    outcome = decided(code, CANNOT_TELL)
    assert (outcome.state, outcome.due_in_seconds) == ("queued", 0.0)
    assert (outcome.proven_unsent, outcome.risk_accepted, outcome.tries_spent) == (False, True, 1)
    for tries_left in (1, 0):
        last = decided(code, CANNOT_TELL, tries_left=tries_left)
        assert (last.state, last.proven_unsent) == ("unknown", False)


LEFT_TO_A_PERSON = [
    ("worker_died", CANNOT_TELL, False),
    ("no_message_id", CANNOT_TELL, False),  # the gateway said that it went out
    ("unrecordable", CANNOT_TELL, False),
    ("ReadTimeout", CANNOT_TELL, True),
    ("worker_died", CANNOT_TELL, True),
    ("ReadTimeout", NOT_THERE, True),  # killed between WhatsApp and its store, a gateway does not know
    ("worker_died", NOT_THERE, True),
    ("ReadTimeout", None, False),  # the device was deleted
    ("ReadTimeout", None, True),
]


@pytest.mark.parametrize("tries_left", [0, 1, 2, 3])
@pytest.mark.parametrize(("code", "found", "never_twice"), LEFT_TO_A_PERSON)
def test_where_only_a_person_can_decide_it_is_unknown(code, found, never_twice, tries_left):
    outcome = decided(code, found, never_twice=never_twice, tries_left=tries_left)
    assert (outcome.state, outcome.error_code, outcome.due_in_seconds) == ("unknown", code, None)
    assert not outcome.proven_unsent


@pytest.mark.parametrize("code", ["ReadTimeout", "no_message_id", "worker_died"])
@pytest.mark.parametrize("never_twice", [False, True])
@pytest.mark.parametrize("tries_left", [0, 1, 3])
def test_a_gateway_that_could_not_be_asked_is_asked_again_until_we_give_up(code, never_twice, tries_left):
    def after(waited):
        return decided(code, NOT_NOW, never_twice=never_twice, tries_left=tries_left, waited=waited)

    waits = [after(timedelta(seconds=seconds)).seconds for seconds in (0, 10, 121, 600, 5000, 86_000)]
    assert waits == [2.0, 2.5, 30.25, 150.0, 300.0, 300.0]
    given_up = after(GIVE_UP)
    assert (given_up.state, given_up.error_code, given_up.proven_unsent) == ("unknown", code, False)


# --- Asking ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def account():
    return make_account()


@pytest.fixture
def device(account, simulator):
    return make_device(account, simulator.url)


@pytest.fixture
def published(monkeypatch):
    told = []
    monkeypatch.setattr(publishing, "publish", told.extend)
    return told


def in_doubt(device, recipients=1, *, code="ReadTimeout", tried_at=None, **fields):
    """A job whose recipients may or may not have been sent, with the look-up due."""
    job = make_job(device.account, recipients, (device,), next_position=recipients, **fields)
    Recipient.objects.filter(job_id=job.pk).update(
        state="ambiguous",
        error_code=code,
        device=device,
        tries=1,
        tried_at=tried_at or ago(1),
        due_at=ago(0.1),
    )
    return job


def really_send(simulator, number="51900000000", text="Hola persona 0", instance="demo-1", **more):
    answer = simulator.post(f"/message/sendText/{instance}", {"number": number, "text": text, **more})
    return answer.json().get("key", {}).get("id")


def look_up():
    return reconcile.reconcile(time.monotonic() + 10)


def test_one_that_was_sent_is_found_and_counted_with_its_id(simulator, device, published):
    job = in_doubt(device)
    message_id = really_send(simulator)
    assert look_up() is False
    assert rows(job, "state", "gateway_message_id", "error_code", "due_at") == [("sent", message_id, "", None)]
    job.refresh_from_db()
    assert (job.status, job.sent, job.failed) == (JobStatus.COMPLETED, 1, 0)
    assert [event["type"] for event in published] == ["progress", "job_completed"]
    assert [event["seq"] for event in published] == [1, 2]


def test_one_that_was_not_sent_goes_again(simulator, device, published):
    really_send(simulator, "51911111111", "another, by which it is seen that this gateway keeps messages")
    job = in_doubt(device)
    look_up()
    assert rows(job, "state", "tries_left", "unsent_tries", "accepted_risks") == [("queued", 2, 1, 0)]
    assert rows(job, "due_at")[0] <= datetime.now(tz=UTC)
    job.refresh_from_db()
    assert (job.status, job.sent, job.failed) == (JobStatus.PROCESSING, 0, 0)
    assert published == []


def test_after_the_last_try_it_has_failed_and_the_job_ends(simulator, device, published):
    really_send(simulator, "51911111111", "another")
    job = in_doubt(device)
    Recipient.objects.filter(job_id=job.pk).update(tries_left=1)
    look_up()
    assert rows(job, "state", "error_code") == [("failed", "ReadTimeout")]
    assert [event["type"] for event in published] == ["error", "job_completed"]


@pytest.mark.parametrize(
    ("number", "text", "instance"),
    [
        ("51900000000", "Hola persona 1", "demo-1"),
        ("51900000001", "Hola persona 0", "demo-1"),
        ("51900000000", "Hola persona 0", "demo-2"),
    ],
    ids=["another text", "another number", "another device"],
)
def test_another_message_is_not_taken_for_it(simulator, device, number, text, instance):
    really_send(simulator, "51911111111", "another")
    job = in_doubt(device)
    really_send(simulator, number, text, instance)
    look_up()
    assert states(job) == {"queued": 1}


def test_an_older_message_with_the_same_text_is_not_taken_for_it(simulator, device):
    really_send(simulator)
    time.sleep(3.2)  # the gateway's stamps are whole seconds, and a little slack is allowed for
    job = in_doubt(device, tried_at=datetime.now(tz=UTC))
    look_up()
    assert states(job) == {"queued": 1}


def test_a_number_the_gateway_knows_by_another_jid_is_found(simulator, device):
    job = in_doubt(device)
    Recipient.objects.filter(job_id=job.pk).update(phone="+5531987654321")
    message_id = really_send(simulator, "5531987654321")
    look_up()
    assert rows(job, "state", "gateway_message_id") == [("sent", message_id)]


def test_a_medium_is_known_by_its_caption(simulator, device):
    media = {"type": "image", "url": "https://example.com/a.jpg", "filename": "a.jpg"}
    job = in_doubt(device, media=media)
    body = {"number": "51900000000", "mediatype": "image", "media": media["url"], "caption": "Hola persona 0"}
    message_id = simulator.post("/message/sendMedia/demo-1", body).json()["key"]["id"]
    look_up()
    assert rows(job, "state", "gateway_message_id") == [("sent", message_id)]


# --- When the gateway cannot tell, or not now -----------------------------------------------------------------------


def closed(simulator, device):
    simulator.set_state("demo-1", "close")


def not_loaded(simulator, device):
    simulator.set_state("demo-1", "not-loaded")


def away(simulator, device):
    Device.unscoped.filter(pk=device.pk).update(base_url="http://127.0.0.1:1")


def token_refused(simulator, device):
    device.token = "another"
    device.save()


def unlicensed(simulator, device):
    simulator.faults({"license": 1})


def behind_a_broken_proxy(simulator, device):
    simulator.faults({"502": 1})


def token_unreadable(simulator, device):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE devices_device SET token = 'sealed by another key' WHERE id = %s", [device.pk])


NOT_NOW_TROUBLES = [closed, not_loaded, away, token_refused, unlicensed, behind_a_broken_proxy, token_unreadable]


@pytest.mark.parametrize("trouble", NOT_NOW_TROUBLES)
@pytest.mark.parametrize(
    ("code", "never_twice"), [("ReadTimeout", False), ("ReadTimeout", True), ("worker_died", False)]
)
def test_who_cannot_be_asked_is_asked_again_and_then_we_say_so(simulator, device, settings, trouble, code, never_twice):
    device.account.never_twice = never_twice
    device.account.save()
    really_send(simulator, "51911111111", "another")
    job = in_doubt(device, code=code, tried_at=ago(100))
    trouble(simulator, device)
    look_up()
    assert rows(job, "state", "tries_left", "unsent_tries", "accepted_risks") == [("ambiguous", 3, 0, 0)]
    [due_at] = rows(job, "due_at")
    assert 20 < (due_at - datetime.now(tz=UTC)).total_seconds() < 35
    settings.LOOK_UP_GIVE_UP_SECONDS = 60
    Recipient.objects.filter(job_id=job.pk).update(due_at=ago(0))
    look_up()
    assert rows(job, "state", "unsent_tries", "accepted_risks") == [("unknown", 0, 0)]


@pytest.mark.parametrize(
    ("code", "never_twice", "state"),
    [
        ("ReadTimeout", False, "queued"),
        ("ReadTimeout", True, "unknown"),
        ("worker_died", False, "unknown"),
        ("no_message_id", False, "unknown"),
    ],
)
def test_a_gateway_that_keeps_no_messages_proves_nothing(simulator, device, code, never_twice, state):
    """As Evolution does unless it is told to save them."""
    device.account.never_twice = never_twice
    device.account.save()
    job = in_doubt(device, code=code)
    look_up()
    assert rows(job, "state", "unsent_tries", "accepted_risks") == [(state, 0, 1 if state == "queued" else 0)]
    job.refresh_from_db()
    assert job.sent_again == (state == "queued")


def test_nobody_can_be_asked_about_a_device_that_was_deleted(simulator, device):
    job = in_doubt(device)
    device.delete()
    look_up()
    assert states(job) == {"unknown": 1}


def test_a_gateway_that_does_not_answer_is_asked_once_and_not_for_each(simulator, device, monkeypatch):
    monkeypatch.setattr(reconcile, "AT_ONCE", 1)
    job = in_doubt(device, recipients=100)
    simulator.faults({"502": 1})
    asked = simulator.ledger()["requests"]
    look_up()
    assert states(job) == {"ambiguous": 100}
    assert simulator.ledger()["requests"] == asked + 1


def test_ten_that_went_out_before_their_gateway_was_away_are_found_when_it_is_back(simulator, device):
    """Looked up while it refused connections they were all sent again, with default settings."""
    job = in_doubt(device, recipients=10)
    ids = {really_send(simulator, f"5190000000{number}", f"Hola persona {number}") for number in range(10)}
    with simulator.away():
        for _ in range(3):
            look_up()
            assert states(job) == {"ambiguous": 10}
            Recipient.objects.filter(job_id=job.pk).update(due_at=ago(0))
    look_up()
    assert states(job) == {"sent": 10}
    assert set(rows(job, "gateway_message_id")) == ids
    assert simulator.ledger()["duplicates"] == 0


# --- The evidence covers every try ----------------------------------------------------------------------------------


def earlier_try(job, device, **since):
    """An earlier try, through a device, that may have gone out and was repeated on the seed's word."""
    Recipient.objects.filter(job_id=job.pk).update(
        tries=2, accepted_risks=1, doubt_since=ago(**since), doubt_device_ids=[device.pk]
    )


def test_an_earlier_try_that_went_out_is_found(simulator, device):
    message_id = really_send(simulator)
    time.sleep(3.2)
    job = in_doubt(device, tried_at=datetime.now(tz=UTC))
    earlier_try(job, device, seconds=10)
    look_up()
    assert rows(job, "state", "gateway_message_id") == [("sent", message_id)]


def test_an_earlier_try_through_another_device_is_found(simulator, device):
    other = make_device(device.account, simulator.url, instance_name="demo-2")
    message_id = really_send(simulator, instance="demo-2")
    really_send(simulator, "51911111111", "another")
    job = in_doubt(device)
    earlier_try(job, other, seconds=10)
    Recipient.objects.filter(job_id=job.pk).update(doubt_device_ids=[other.pk, device.pk])
    look_up()
    assert rows(job, "state", "gateway_message_id") == [("sent", message_id)]


def test_one_of_its_devices_that_does_not_answer_is_enough_to_wait(simulator, device):
    other = make_device(device.account, "http://127.0.0.1:1", instance_name="demo-2")
    really_send(simulator, "51911111111", "another")
    job = in_doubt(device)
    Recipient.objects.filter(job_id=job.pk).update(doubt_device_ids=[other.pk, device.pk])
    look_up()
    assert states(job) == {"ambiguous": 1}


def test_what_is_not_there_clears_every_try(simulator, device):
    really_send(simulator, "51911111111", "another")
    job = in_doubt(device)
    earlier_try(job, device, seconds=10)
    look_up()
    assert rows(job, "state", "tries", "unsent_tries", "doubt_since", "doubt_device_ids") == [
        ("queued", 2, 2, None, None)
    ]


# --- What cannot be handled costs one message -----------------------------------------------------------------------


def test_a_message_stored_under_an_id_that_cannot_be_kept_is_sent_and_holds_nobody_up(simulator, device):
    job = in_doubt(device, recipients=3)
    simulator.faults({"long-id": 1})
    for number in range(3):
        really_send(simulator, f"5190000000{number}", f"Hola persona {number}")
    assert look_up() is False
    assert rows(job, "state", "gateway_message_id") == [("sent", "")] * 3


def test_an_answer_that_breaks_the_look_up_costs_its_own_message(simulator, device, monkeypatch):
    def look_up_but(self, message, since, until):
        if message.number.endswith("1"):
            raise RecursionError
        return LookUp.SENT, "3EB0"

    monkeypatch.setattr(EvolutionGateway, "look_up", look_up_but)
    job = in_doubt(device, recipients=3)
    look_up()
    assert rows(job, "state") == ["sent", "unknown", "sent"]


def test_an_outcome_that_the_database_refuses_costs_its_own_message(simulator, device, monkeypatch):
    def look_up_with(self, message, since, until):
        return LookUp.SENT, "x" * 113 if message.number.endswith("5") else f"3EB0{message.number[-1]}"

    monkeypatch.setattr(EvolutionGateway, "look_up", look_up_with)
    job = in_doubt(device, recipients=8)
    assert look_up() is False
    assert states(job) == {"sent": 7, "unknown": 1}
    assert rows(job, "state", "error_code")[5] == ("unknown", "unrecordable")
    job.refresh_from_db()
    assert (job.status, job.sent, job.failed) == (JobStatus.COMPLETED, 7, 1)


# --- What comes of it -----------------------------------------------------------------------------------------------


def test_an_unknown_ends_its_job_and_counts_as_unsent(simulator, device, published):
    job = in_doubt(device, code="worker_died")
    look_up()
    job.refresh_from_db()
    assert (job.status, job.sent, job.failed) == (JobStatus.COMPLETED, 0, 1)
    assert job.results["by_state"]["unknown"] == 1
    assert [(event["type"], event.get("error")) for event in published] == [
        ("error", "worker_died"),
        ("job_completed", None),
    ]


# --- Each once ------------------------------------------------------------------------------------------------------


def test_nothing_is_looked_up_before_its_time(simulator, device):
    job = in_doubt(device)
    Recipient.objects.filter(job_id=job.pk).update(due_at=ago(-60))
    asked = simulator.ledger()["requests"]
    assert look_up() is False
    assert states(job) == {"ambiguous": 1}
    assert simulator.ledger()["requests"] == asked


def test_what_one_looker_has_taken_another_does_not_ask_again(simulator, device):
    job = in_doubt(device, recipients=3)
    assert len(reconcile._take(reconcile.MessageBook())) == 3
    assert look_up() is False  # nothing due any more
    assert states(job) == {"ambiguous": 3}
    # The looker died: what it took comes due again.
    soon = time.time() + reconcile.TAKEN_FOR_SECONDS + 1
    assert all(due_at.timestamp() < soon for due_at in rows(job, "due_at"))


@pytest.mark.django_db(transaction=True)
def test_two_lookers_at_once_count_each_message_once(simulator, published, monkeypatch):
    monkeypatch.setattr(reconcile, "BATCH", 5)
    job = in_doubt(make_device(make_account(), simulator.url), recipients=30)
    for number in range(0, 30, 2):
        really_send(simulator, f"519000000{number:02}", f"Hola persona {number}")
    failures = []

    def run():
        try:
            look_up()
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()

    lookers = [threading.Thread(target=run) for _ in range(2)]
    for looker in lookers:
        looker.start()
    for looker in lookers:
        looker.join(GIVE_UP_SECONDS)
    assert failures == []
    assert states(job) == {"sent": 15, "queued": 15}
    assert set(rows(job, "unsent_tries")[1::2]) == {1}
    job = Job.unscoped.get(pk=job.pk)
    assert (job.sent, job.failed) == (15, 0)


def test_a_slice_ends_in_time_and_says_that_more_is_due(simulator, device, monkeypatch):
    monkeypatch.setattr(reconcile, "BATCH", 2)
    job = in_doubt(device, recipients=6)
    really_send(simulator, "51911111111", "another")
    assert reconcile.reconcile(time.monotonic() + 0.001) is True
    assert states(job) == {"queued": 2, "ambiguous": 4}
