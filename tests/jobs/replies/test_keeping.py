"""What people write is kept once, under their number, tied to what it answers; and their wish is obeyed."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from devices import needs
from devices.webhooks import inbox
from jobs import invariants, suppression
from jobs.models import Identity, IncomingMessage, Recipient, Suppression
from jobs.receipts import work
from jobs.replies import opting_out
from tests.factories import make_account, make_device
from tests.jobs.receipts.arrange import ids, sent_job, worked
from tests.jobs.replies.arrange import LID, PERSON, at_the_door, event

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def device():
    opting_out._words.clear()
    return make_device(make_account())


def written(device):
    return list(IncomingMessage.objects.for_account(device.account_id).order_by("id"))


def banned(device):
    return set(Suppression.objects.for_account(device.account_id).values_list("phone", flat=True))


def test_a_message_is_kept_once_however_often_it_is_told(device):
    told = event("hola", message_id="A1")
    at_the_door(device, told, told)
    worked()
    at_the_door(device, told)
    worked()

    (message,) = written(device)
    assert (message.phone, message.text, message.kind, message.name) == (f"+{PERSON}", "hola", "text", "Ana")


def test_who_wants_no_more_is_suppressed_before_the_door_answers(device):
    at_the_door(device, event("BAJA"))

    assert banned(device) == {f"+{PERSON}"}
    assert written(device) == []

    worked()
    assert [message.wish for message in written(device)] == ["out"]


def test_what_cannot_be_heard_at_the_door_is_kept_all_the_same_and_obeyed_with_the_inbox(device, monkeypatch):
    def broken(_):
        raise KeyError("something of ours")

    for hears in (broken, lambda came: broken):
        Suppression.unscoped.all().delete()
        monkeypatch.setattr(needs, "who_hears", [hears])
        at_the_door(device, event("stop"))
        assert banned(device) == set()

        worked()
        assert banned(device) == {f"+{PERSON}"}


def test_where_nobody_leaves_the_door_keeps_by_one_statement(device, django_assert_num_queries):
    at_the_door(device, event("hola"))
    with django_assert_num_queries(0):  # of Django's: that which keeps is a prepared one
        at_the_door(device, event("¿precio?"))


def test_a_near_miss_suppresses_nobody_and_waits_for_a_person(device):
    at_the_door(device, event("no quiero perderme la oferta"))
    worked()

    assert banned(device) == set()
    assert [message.wish for message in written(device)] == ["near_out"]


def test_start_brings_back_who_left_by_a_message(device):
    at_the_door(device, event("BAJA"))
    worked()
    at_the_door(device, event("ALTA"))
    worked()

    assert banned(device) == set()


def test_a_stop_that_is_told_again_after_a_start_is_the_old_one(device):
    stop = event("STOP", message_id="A1")
    at_the_door(device, stop)
    at_the_door(device, event("START"))
    worked()
    assert banned(device) == set()

    at_the_door(device, stop)
    worked()
    assert banned(device) == set()


def now_and_then(*seconds):
    """Whole seconds, as WhatsApp stamps messages: so long after a moment that is past."""
    begin = int(timezone.now().timestamp()) - 600
    return [begin + second for second in seconds]


def test_of_a_stop_and_a_start_in_one_second_the_stop_counts_in_whatever_order_and_batch(device):
    (stamp,) = now_and_then(0)
    stop, start = (event(text, messageTimestamp=stamp) for text in ("BAJA", "ALTA"))
    for order in ((stop, start), (start, stop)):
        Suppression.unscoped.all().delete()
        IncomingMessage.unscoped.all().delete()
        at_the_door(device, *order)
        worked()
        assert banned(device) == {f"+{PERSON}"}


def test_a_stop_that_comes_while_a_start_of_its_second_waits_to_be_worked_is_lifted_at_no_time(device):
    (stamp,) = now_and_then(0)
    at_the_door(device, event("ALTA", messageTimestamp=stamp))
    waiting = inbox_batch_of_one()
    at_the_door(device, event("BAJA", messageTimestamp=stamp))
    waiting()  # the START, and not the STOP
    assert banned(device) == {f"+{PERSON}"}

    worked()
    assert banned(device) == {f"+{PERSON}"}


def test_a_stop_by_whom_is_suppressed_already_outlasts_a_start_from_between_that_is_told_late(device):
    first, between, second = now_and_then(0, 5, 10)
    at_the_door(device, event("BAJA", messageTimestamp=first))
    worked()
    at_the_door(device, event("ALTA", messageTimestamp=between))
    waiting = inbox_batch_of_one()
    at_the_door(device, event("BAJA", messageTimestamp=second))
    waiting()
    assert banned(device) == {f"+{PERSON}"}

    worked()
    assert banned(device) == {f"+{PERSON}"}


@pytest.mark.parametrize("word", ["START", "YES"])
def test_an_old_stop_that_is_told_after_a_later_start_suppresses_nobody(device, word):
    early, later = now_and_then(0, 60)
    at_the_door(device, event(word, messageTimestamp=later))
    worked()
    at_the_door(device, event("STOP", messageTimestamp=early))
    assert banned(device) == set()
    worked()
    assert banned(device) == set()
    assert [message.wish for message in written(device)][1] == "out"  # it is kept, and seen


def test_a_stop_that_is_newer_than_a_start_which_is_worked_later_stays(device):
    early, later = now_and_then(0, 60)
    at_the_door(device, event("STOP", messageTimestamp=later))
    worked()
    at_the_door(device, event("START", messageTimestamp=early))
    worked()
    assert banned(device) == {f"+{PERSON}"}


def inbox_batch_of_one():
    """Close the table that waits, as the worker does; what works it, and nothing that comes from now on."""
    assert inbox.turn()
    return lambda: work._batch(work.BATCH)


def test_start_does_not_bring_back_whom_somebody_else_suppressed(device):
    suppression.suppress(device.account_id, [f"+{PERSON}"], "contact_deleted")
    at_the_door(device, event("START"))
    worked()

    assert banned(device) == {f"+{PERSON}"}


@pytest.mark.parametrize(("days_ago", "is_back"), [(0, True), (2, False)])
def test_yes_counts_for_a_day_after_an_opt_out(device, days_ago, is_back):
    at_the_door(device, event("STOP"))
    Suppression.objects.for_account(device.account_id).update(
        since=timezone.now() - timedelta(days=days_ago, minutes=1)
    )
    at_the_door(device, event("YES"))
    worked()

    assert (banned(device) == set()) is is_back


def test_a_lid_is_somebody_once_both_names_were_told(device):
    at_the_door(device, event("hola", lid=LID))
    worked()
    at_the_door(device, event("STOP", number="", lid=LID))
    worked()

    assert Identity.objects.get(account=device.account_id, lid=LID).phone == f"+{PERSON}"
    assert banned(device) == {f"+{PERSON}"}
    assert [message.phone for message in written(device)] == [f"+{PERSON}"] * 2


def test_both_names_and_one_alone_may_come_together(device):
    at_the_door(device, event("hola", lid=LID), event("¿y?", number="", lid=LID))
    worked()

    assert Identity.objects.get(account=device.account_id, lid=LID).phone == f"+{PERSON}"


def test_a_lid_nobody_knows_waits_for_a_person_and_suppresses_nobody(device):
    at_the_door(device, event("STOP", number="", lid=LID))
    worked()

    (message,) = written(device)
    assert (message.phone, message.lid, message.wish) == ("", LID, "out")
    assert banned(device) == set()


def test_a_lid_that_quotes_our_message_is_whoever_had_it():
    opting_out._words.clear()
    job, device = sent_job(3)
    told = event("BAJA", number="", lid=LID, contextInfo={"stanzaId": ids(job)[1]})
    at_the_door(device, told)
    recipient = Recipient.objects.get(job=job, position=1)
    assert banned(device) == {recipient.phone}

    worked()
    (message,) = written(device)
    assert (message.phone, message.recipient_id) == (recipient.phone, recipient.pk)


def test_what_quotes_nothing_answers_the_last_message_that_its_sender_had():
    job, device = sent_job(3)
    recipient = Recipient.objects.get(job=job, position=2)
    at_the_door(device, event("¿precio?", number=recipient.phone[1:]))
    worked()

    assert [message.recipient_id for message in written(device)] == [recipient.pk]


def test_an_answer_that_is_told_late_is_to_what_its_sender_had_by_then():
    opting_out._words.clear()
    job, device = sent_job(1)
    recipient = Recipient.objects.get(job=job)
    before = int(recipient.sent_at.timestamp()) - 3600
    at_the_door(device, event("¿precio?", number=recipient.phone[1:], messageTimestamp=before))
    worked()

    assert [message.recipient_id for message in written(device)] == [None]
    recipient.refresh_from_db()
    assert recipient.replied_at is None


def test_who_answers_is_counted_once_in_the_job_and_its_parts():
    opting_out._words.clear()
    job, device = sent_job(3)
    first, second, third = Recipient.objects.filter(job=job).in_order()
    at_the_door(
        device,
        event("¿precio?", number=second.phone[1:]),
        event("hola", number=third.phone[1:], contextInfo={"stanzaId": ids(job)[2]}),
        event("¿hola?", number=second.phone[1:]),
    )
    worked()

    for one in (first, second, third):
        one.refresh_from_db()
    assert first.replied_at is None
    assert (second.state, second.replied_at is not None) == ("sent", True)
    # Who quotes a message has read it.
    assert (third.state, third.replied_at is not None) == ("read", True)
    job.refresh_from_db()
    assert (job.replied, job.read) == (2, 1)
    assert sum(part.replied for part in job.parts.all()) == 2
    assert invariants.check() == []


def test_an_answer_keeps_the_retry_of_who_waits_for_one():
    opting_out._words.clear()
    job, device = sent_job(1)
    due_at = timezone.now() + timedelta(seconds=30)
    Recipient.objects.filter(job=job).update(state="queued", due_at=due_at, sent_at=None)
    at_the_door(device, event("hola", number=Recipient.objects.get(job=job).phone[1:]))
    worked()

    recipient = Recipient.objects.get(job=job)
    assert (recipient.state, recipient.due_at) == ("queued", due_at)
    assert recipient.replied_at is not None


def test_an_edit_changes_the_message_and_its_wish_counts(device):
    at_the_door(device, event("hola", message_id="A1"))
    worked()
    edit = {
        "event": "messages.update",
        "data": {
            "keyId": "A1",
            "remoteJid": f"{PERSON}@s.whatsapp.net",
            "fromMe": False,
            "status": "SERVER_ACK",
            "message": {"editedMessage": {"message": {"conversation": "STOP"}}},
        },
    }
    at_the_door(device, edit)
    worked()

    (message,) = written(device)
    assert (message.text, message.wish) == ("STOP", "out")
    assert message.edited_at is not None
    assert banned(device) == {f"+{PERSON}"}


def test_a_message_of_an_absence_has_its_own_time_and_one_of_the_future_has_none(device):
    old = datetime(2026, 11, 20, tzinfo=UTC)
    future = timezone.now() + timedelta(days=400)
    at_the_door(
        device,
        event("uno", messageTimestamp=int(old.timestamp())),
        event("dos", messageTimestamp=int(future.timestamp())),
    )
    worked()

    first, second = written(device)
    assert first.at == old
    assert second.at <= timezone.now()


def test_events_of_a_device_that_is_gone_are_nobodys(device):
    at_the_door(device, event("hola"))
    type(device).unscoped.filter(pk=device.pk).update(deleted_at=timezone.now())
    worked()

    assert written(device) == []


def test_what_a_reaction_says_is_no_wish(device):
    told = event("")
    told["data"]["message"] = {"reactionMessage": {"text": "stop"}}
    at_the_door(device, told)
    worked()

    assert [(message.kind, message.wish) for message in written(device)] == [("reaction", "")]
    assert banned(device) == set()


def test_an_accounts_own_words_count(device):
    device.account.opt_out_words = {"added": ["chau"], "removed": ["stop"]}
    device.account.save()
    at_the_door(device, event("stop"))
    assert banned(device) == set()

    at_the_door(device, event("Chau!", number="51987654322"))
    assert banned(device) == {"+51987654322"}


def test_a_nul_and_half_a_letter_are_left_out(device):
    at_the_door(device, json.loads(json.dumps(event("ho\x00la \ud83d"))))
    worked()

    assert [message.text for message in written(device)] == ["hola "]
