"""Who leaves is told so once, in the language of their word, by the last message that they get."""

import pytest

from jobs.models import Answer, Job, JobPurpose, Recipient, Suppression
from jobs.replies import opting_out
from jobs.replies.confirming import TEXTS
from jobs.running.lane_runner import LaneRunner
from tests.factories import make_account, make_device, make_job
from tests.jobs.receipts.arrange import worked
from tests.jobs.replies.arrange import PERSON, at_the_door, event
from tests.jobs.to_the_end import send_until_it_ends
from tests.simulator_process import Simulator

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def device():
    opting_out._words.clear()
    return make_device(make_account())


def confirmations(device):
    return list(Answer.objects.for_account(device.account_id).order_by("id").values_list("text", flat=True))


def test_who_leaves_is_told_once_however_often_they_say_it(device):
    for word in ("BAJA", "baja", "SALIR"):
        at_the_door(device, event(word))
        worked()

    assert confirmations(device) == [TEXTS["es"]]


def test_who_came_back_and_leaves_again_is_told_again(device):
    for word in ("BAJA", "ALTA", "BAJA"):
        at_the_door(device, event(word))
        worked()

    assert confirmations(device) == [TEXTS["es"]] * 2


@pytest.mark.parametrize(
    ("word", "number", "language"),
    [
        ("sair", PERSON, "pt"),
        ("unsubscribe", PERSON, "en"),
        ("stop", PERSON, "es"),
        ("stop", "5511987654321", "pt"),
        ("stop", "12025550123", "en"),
        ("parar", "12025550123", "es"),
    ],
)
def test_it_is_in_the_language_of_the_word_or_else_of_the_country(device, word, number, language):
    at_the_door(device, event(word, number=number))
    worked()

    assert confirmations(device) == [TEXTS[language]]


def test_who_is_known_by_a_lid_alone_is_told_nothing(device):
    at_the_door(device, event("BAJA", number="", lid="120000055915"))
    worked()

    assert confirmations(device) == []


def test_it_is_sent_to_whom_nothing_else_is_sent_and_stands_in_no_list(simulator: Simulator):
    opting_out._words.clear()
    device = make_device(make_account(), simulator.url)
    at_the_door(device, event("BAJA"))
    worked()
    answer = Answer.objects.for_account(device.account_id).get()
    other = make_job(device.account, 1, (device,))
    Recipient.objects.filter(job=other).update(phone=f"+{PERSON}")
    runner = LaneRunner()
    try:
        send_until_it_ends(answer.job, runner)
        send_until_it_ends(other, runner)
    finally:
        runner.close()

    assert [(entry["number"], entry["text"]) for entry in simulator.entries()] == [(PERSON, TEXTS["es"])]
    assert answer.job.purpose == JobPurpose.CONFIRMATION
    assert list(Job.objects.for_account(device.account_id).listed()) == [other]
    assert Recipient.objects.get(job=other).state == "suppressed"
    assert Suppression.objects.for_account(device.account_id).count() == 1
