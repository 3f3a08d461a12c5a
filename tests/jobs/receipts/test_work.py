"""From the inbox to the rows: what became of each message, counted once, whatever order it is told in."""

import random
from collections import Counter
from datetime import timedelta

import pytest
from django.db.models import F
from django.db.models.functions import Now

from devices.models import DeviceDay, InboxEvent, Turn
from devices.webhooks import inbox
from jobs import control, invariants
from jobs.live import publishing
from jobs.models import Job, ParkedReceipt, Recipient, SentMessage
from jobs.receipts import parking, sent_messages, work
from jobs.sending import finishing
from tests.factories import make_account, make_device, make_job
from tests.jobs.arrange import record, rows, sending, sent, states
from tests.jobs.receipts.arrange import counters, ids, sent_job, tell, worked

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _promises_hold():
    yield
    assert invariants.check() == []


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[dict]:
    """The live events that were published."""
    events: list[dict] = []
    monkeypatch.setattr(publishing, "broadcast", lambda messages: events.extend(m["event"] for _, m in messages))
    return events


def due_now() -> None:
    ParkedReceipt.objects.update(due_at=Now())


def test_each_tick_is_written_and_counted() -> None:
    job, device = sent_job(4)
    one, two, three, four = ids(job)
    tell(device, (one, "DELIVERY_ACK"), (two, "READ"), (three, "PLAYED"), (four, "ERROR"))
    worked()
    assert rows(job, "state", "error_code") == [
        ("delivered", ""),
        ("read", ""),
        ("read", ""),
        ("failed", "not_delivered"),
    ]
    assert counters(job) == {"sent": 3, "failed": 1, "delivered": 3, "read": 2, "played": 1, "failed_after": 1}
    assert InboxEvent.objects.count() == 0


def test_the_time_is_that_of_the_arrival() -> None:
    job, device = sent_job(1)
    tell(device, (ids(job)[0], "READ"))
    arrived = InboxEvent.objects.get().received_at
    worked()
    recipient = Recipient.objects.get(job=job)
    assert (recipient.delivered_at, recipient.read_at, recipient.played_at) == (arrived, arrived, None)
    job.refresh_from_db()
    assert (job.first_receipt_at, job.last_receipt_at) == (arrived, arrived)


def test_a_receipt_told_again_changes_nothing() -> None:
    job, device = sent_job(1)
    tell(device, (ids(job)[0], "READ"))
    worked()
    before = list(Recipient.objects.filter(job=job).values())
    for _ in range(3):
        tell(device, (ids(job)[0], "DELIVERY_ACK"), (ids(job)[0], "READ"), (ids(job)[0], "ERROR"))
        worked()
    assert list(Recipient.objects.filter(job=job).values()) == before
    assert counters(job)["read"] == 1


def test_another_devices_receipt_is_not_of_this_message() -> None:
    job, device = sent_job(1)
    tell(make_device(device.account, instance_name="demo-2"), (ids(job)[0], "READ"))
    tell(make_device(make_account(), instance_name="demo-3"), (ids(job)[0], "READ"))
    worked()
    due_now()
    worked()
    assert rows(job, "state") == ["sent"]
    assert ParkedReceipt.objects.count() == 2


def test_an_early_receipt_waits_for_the_answer() -> None:
    device = make_device(make_account())
    job = make_job(device.account, 1, (device,), next_position=1)
    (claim,) = sending(job, device)
    tell(device, (f"ID-{claim.recipient_id}", "READ"))
    worked()
    assert rows(job, "state") == ["sending"]
    record(sent(claim))
    due_now()
    worked()
    assert rows(job, "state") == ["read"]
    assert ParkedReceipt.objects.count() == 0
    assert counters(job)["sent"] == counters(job)["read"] == 1


def test_what_is_parked_is_looked_for_later_and_later_and_given_up_after_a_day() -> None:
    device = make_device(make_account())
    tell(device, ("UNKNOWN", "READ"), ("UNKNOWN", "DELIVERY_ACK"), ("UNKNOWN", "ERROR"))
    worked()
    parked = ParkedReceipt.objects.get()
    assert (parked.read_at is None, parked.refused_at is None) == (False, False)
    ParkedReceipt.objects.update(parked_at=Now() - timedelta(minutes=10), due_at=Now())
    worked()
    parked.refresh_from_db()
    assert timedelta(minutes=9) < parked.due_at - parked.parked_at - timedelta(minutes=10) < timedelta(minutes=11)
    parking.give_up()
    assert ParkedReceipt.objects.count() == 1
    ParkedReceipt.objects.update(parked_at=Now() - timedelta(days=1, seconds=1))
    parking.give_up()
    assert ParkedReceipt.objects.count() == 0


def test_a_delivery_lifts_a_refusal_and_the_counts_with_it() -> None:
    job, device = sent_job(2)
    tell(device, (ids(job)[0], "ERROR"))
    worked()
    assert counters(job) == {"sent": 1, "failed": 1, "delivered": 0, "read": 0, "played": 0, "failed_after": 1}
    tell(device, (ids(job)[0], "DELIVERY_ACK"))
    worked()
    assert rows(job, "state", "error_code", "failed_after_at")[0] == ("delivered", "", None)
    assert counters(job) == {"sent": 2, "failed": 0, "delivered": 1, "read": 0, "played": 0, "failed_after": 0}


def test_the_results_of_an_ended_job_move_along() -> None:
    job, device = sent_job(3)
    assert finishing.finish(job.pk)
    one, two, three = ids(job)
    tell(device, (one, "READ"), (two, "ERROR"), (three, "DELIVERY_ACK"))
    worked()
    job.refresh_from_db()
    results = job.results
    assert (results["sent"], results["failed"], results["total"]) == (2, 1, 3)
    assert {state: n for state, n in results["by_state"].items() if n} == {"read": 1, "failed": 1, "delivered": 1}
    assert results["by_error"] == {"not_delivered": 1}
    tell(device, (two, "DELIVERY_ACK"))
    worked()
    job.refresh_from_db()
    assert (job.results["sent"], job.results["failed"], job.results["by_error"]) == (3, 0, {})


def test_a_refused_recipient_is_tried_again_on_a_persons_word() -> None:
    job, device = sent_job(1)
    finishing.finish(job.pk)
    (first,) = ids(job)
    tell(device, (first, "ERROR"))
    worked()
    assert control.retry_failed(job) == 1
    assert counters(job) == {"sent": 0, "failed": 0, "delivered": 0, "read": 0, "played": 0, "failed_after": 0}
    # While it waits, the first message's refusal is old news; that it arrived would not be.
    tell(device, (first, "ERROR"))
    worked()
    assert rows(job, "state") == ["queued"]
    assert ParkedReceipt.objects.count() == 0
    recipient = Recipient.objects.get(job=job)
    Recipient.objects.filter(pk=recipient.pk).update(state="sending", tries=2, device=device, due_at=None)
    claim = sending(job, device)[0]
    Recipient.objects.filter(pk=recipient.pk).update(tries=2)
    record(sent(claim)._replace(gateway_message_id="SECOND"))
    tell(device, (first, "ERROR"))
    worked()
    assert rows(job, "state") == ["sent"]
    tell(device, (first, "DELIVERY_ACK"))
    worked()
    assert rows(job, "state") == ["delivered"]


def test_who_waits_for_another_try_and_has_the_first_message_after_all_is_not_written_to_again() -> None:
    job, device = sent_job(2)
    finishing.finish(job.pk)
    first, second = ids(job)
    tell(device, (first, "ERROR"), (second, "READ"))
    worked()
    assert control.retry_failed(job) == 1
    tell(device, (first, "DELIVERY_ACK"))
    worked()
    assert rows(job, "state", "due_at") == [("delivered", None), ("read", None)]
    job.refresh_from_db()
    assert (job.status, job.sent, job.failed, job.results["by_state"]["delivered"]) == ("completed", 2, 0, 1)


def in_doubt(job: Job, state: str) -> None:
    """The first recipient was written to again, and nobody knows whether that went out."""
    Recipient.objects.filter(job=job, position=0).update(
        state=state, error_code="ReadTimeout", tries=2, accepted_risks=1, doubt_since=Now(), due_at=Now()
    )
    Job.unscoped.filter(pk=job.pk).update(sent=F("sent") - 1, failed=int(state == "unknown"))


def test_a_receipt_of_an_earlier_message_ends_a_look_up_and_the_job(told: list[dict]) -> None:
    job, device = sent_job(2)
    in_doubt(job, "ambiguous")
    tell(device, (ids(job)[0], "DELIVERY_ACK"))
    worked()
    assert rows(job, "state", "due_at")[0] == ("delivered", None)
    assert counters(job)["sent"] == 2
    job.refresh_from_db()
    assert (job.status, job.results["by_state"]["delivered"]) == ("completed", 1)
    assert [event["type"] for event in told] == ["receipt", "job_completed"]


def test_a_receipt_of_an_earlier_message_settles_an_unknown_one() -> None:
    job, device = sent_job(2)
    in_doubt(job, "unknown")
    finishing.finish(job.pk)
    tell(device, (ids(job)[0], "READ"))
    worked()
    job.refresh_from_db()
    assert (job.sent, job.failed, job.results["sent"], job.results["by_error"]) == (2, 0, 2, {})
    assert rows(job, "state", "error_code")[0] == ("read", "")


def test_one_event_a_job_tells_it(told: list[dict]) -> None:
    job, device = sent_job(3)
    other, others_device = sent_job(1)
    tell(device, *((message_id, "READ") for message_id in ids(job)), (ids(job)[0], "DELIVERY_ACK"))
    tell(others_device, (ids(other)[0], "DELIVERY_ACK"))
    before = {str(job.uuid): job.event_seq, str(other.uuid): other.event_seq}
    worked()
    assert {event["job_id"]: event["counts"] for event in told} == {
        str(job.uuid): {"delivered": 3, "read": 3, "played": 0, "replied": 0, "failed_after": 0},
        str(other.uuid): {"delivered": 1, "read": 0, "played": 0, "replied": 0, "failed_after": 0},
    }
    assert {event["job_id"]: event["seq"] for event in told} == {pk: seq + 1 for pk, seq in before.items()}
    told.clear()
    tell(device, (ids(job)[0], "READ"))
    worked()
    assert told == []


def test_an_event_that_cannot_be_worked_costs_itself_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    job, device = sent_job(30)
    inbox.keep([(device.pk, "no json at all")])
    tell(device, *((message_id, "READ") for message_id in ids(job)))
    inbox.keep([(device.pk, "[")])
    worked()
    assert states(job) == {"read": 30}
    assert InboxEvent.objects.count() == 0


def test_a_worker_that_is_killed_leaves_all_of_it_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    job, device = sent_job(3)
    tell(device, *((message_id, "READ") for message_id in ids(job)))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(parking, "keep", killed)
        with pytest.raises(KeyboardInterrupt):
            worked()
    assert states(job) == {"sent": 3}
    worked()
    assert states(job) == {"read": 3}
    assert counters(job)["read"] == 3


def test_recipients_that_are_deleted_are_nobodys(told: list[dict]) -> None:
    job, device = sent_job(2)
    messages = ids(job)
    Recipient.objects.filter(job=job).delete()
    Job.unscoped.filter(pk=job.pk).delete()
    tell(device, *((message_id, "READ") for message_id in messages))
    worked()
    assert told == []
    assert ParkedReceipt.objects.count() == 0


def test_a_message_is_known_for_thirty_days_at_least() -> None:
    job, device = sent_job(2)
    assert not sent_messages.turn()
    Turn.objects.filter(name="sent_messages").update(turned_at=Now() - timedelta(days=31))
    assert sent_messages.turn()
    assert SentMessage.objects.count() == 2
    later, _ = sent_job(1)
    tell(device, (ids(job)[0], "READ"))
    worked()
    assert rows(job, "state") == ["read", "sent"]
    Turn.objects.filter(name="sent_messages").update(turned_at=Now() - timedelta(days=31))
    assert sent_messages.turn()
    assert list(SentMessage.objects.values_list("message_id", flat=True)) == ids(later)


def test_shuffled_tripled_early_and_unknown_receipts_end_as_they_must(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bar of the bench (`tests.bench --only receipts`) at a smaller size, in batches that fall anywhere."""
    monkeypatch.setattr(work, "BATCH", 97)
    chance = random.Random(20261130)
    device = make_device(make_account())
    job = make_job(device.account, 600, (device,), next_position=600)
    claims = sending(job, device)
    wanted: Counter[str] = Counter()
    receipts = []
    for claim in claims:
        statuses, state = chance.choice(_ENDS)
        wanted[state] += 1
        receipts += [(f"ID-{claim.recipient_id}", status) for status in statuses] * 3
    receipts += [(f"UNKNOWN-{number}", "READ") for number in range(len(receipts) // 100)]
    chance.shuffle(receipts)
    early = len(receipts) // 5
    tell(device, *receipts[:early])
    worked()
    for start in range(0, len(claims), 100):
        record(*(sent(claim) for claim in claims[start : start + 100]))
        due_now()
        share = len(receipts) * start // len(claims)
        tell(device, *receipts[max(early, share) : max(early, len(receipts) * (start + 100) // len(claims))])
        worked()
    due_now()
    worked()
    assert states(job) == wanted
    assert counters(job)["delivered"] == wanted["delivered"] + wanted["read"]
    assert counters(job)["failed"] == counters(job)["failed_after"] == wanted["failed"]
    assert set(ParkedReceipt.objects.values_list("message_id", flat=True)) <= {
        message_id for message_id, _ in receipts if message_id.startswith("UNKNOWN")
    }


_ENDS = [
    ((), "sent"),
    (("SERVER_ACK",), "sent"),
    (("DELIVERY_ACK",), "delivered"),
    (("DELIVERY_ACK", "READ"), "read"),
    (("READ",), "read"),
    (("DELIVERY_ACK", "READ", "PLAYED"), "read"),
    (("ERROR",), "failed"),
    (("ERROR", "DELIVERY_ACK"), "delivered"),
    (("ERROR", "READ"), "read"),
]


def test_receipts_are_counted_for_the_device_and_once() -> None:
    job, device = sent_job(4)
    one, two, three, four = ids(job)
    for _ in range(2):
        tell(device, (one, "DELIVERY_ACK"), (two, "READ"), (three, "ERROR"), (four, "ERROR"))
        worked()
    tell(device, (three, "DELIVERY_ACK"))  # which lifts the refusal
    worked()
    row = DeviceDay.objects.get()
    assert (row.device_id, row.delivered, row.read, row.refused) == (device.pk, 3, 1, 1)
