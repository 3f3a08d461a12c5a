"""What people wrote, read and answered by the API."""

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry, Role
from campaigns.models import Contact
from devices.models import Correspondent
from jobs import invariants, suppression
from jobs.models import Answer, IncomingMessage, Job, JobPurpose, ParkedReceipt, Recipient, Suppression
from jobs.replies import opting_out
from tests.accounts import people
from tests.campaigns import arrange
from tests.factories import make_account, make_device
from tests.jobs.receipts.arrange import ids, sent_job, worked
from tests.jobs.replies.arrange import LID, PERSON, at_the_door, event

pytestmark = pytest.mark.django_db(transaction=True)
PHONE = f"+{PERSON}"


@pytest.fixture
def device():
    opting_out._words.clear()
    return make_device(make_account(default_country="PE"))


@pytest.fixture
def api(device):
    return people.api(people.member(device.account, Role.AGENT))


def address(device, rest=""):
    return f"/api/v1/accounts/{device.account_id}/messages{rest}"


def came(device, *events):
    at_the_door(device, *events)
    worked()
    return list(IncomingMessage.objects.for_account(device.account_id).order_by("id"))


def texts(answer):
    assert answer.status_code == 200, answer.content
    return [message["text"] for message in answer.json()["results"]]


def test_messages_are_listed_newest_first_a_page_at_a_time(device, api):
    came(device, *(event(f"hola {number}") for number in range(5)))

    first = api.get(address(device), {"limit": 3})
    assert texts(first) == ["hola 4", "hola 3", "hola 2"]
    assert texts(api.get(first.json()["next"])) == ["hola 1", "hola 0"]


def test_a_message_says_whose_it_is_and_what_it_answers(api, device):
    contact = arrange.contact(device.account, PHONE, name="Ana")
    job, sender = sent_job(2)
    type(sender).unscoped.filter(pk=sender.pk).update(account=device.account)
    Job.unscoped.filter(pk=job.pk).update(account=device.account)
    recipient = Recipient.objects.get(job=job, position=1)
    came(sender, event("¿precio?", contextInfo={"stanzaId": ids(job)[1]}))

    (message,) = api.get(address(device)).json()["results"]
    assert (message["contact_id"], message["phone"], message["name"]) == (contact.pk, PHONE, "Ana")
    assert message["answers"] == {
        "job_id": str(job.uuid),
        "recipient_id": recipient.pk,
        "campaign_id": None,
        "variant": None,
    }


def test_messages_are_found_by_each_filter(device, api):
    other = make_device(device.account, instance_name="other")
    contact = arrange.contact(device.account, PHONE)
    came(device, event("hola"), event("BAJA", number="51987654322"), event("quién", number="", lid=LID))
    came(other, event("no quiero perderme la oferta", number="51987654323"))

    for query, found in (
        ({"contact": contact.pk}, ["hola"]),
        ({"device": other.pk}, ["no quiero perderme la oferta"]),
        ({"phone": "987 654 322"}, ["BAJA"]),
        ({"wish": "out"}, ["BAJA"]),
        ({"unresolved": "true"}, ["no quiero perderme la oferta", "quién"]),
        ({"search": "OFERTA"}, ["no quiero perderme la oferta"]),
    ):
        assert texts(api.get(address(device), query)) == found, query


def test_a_number_is_found_without_its_country_also_where_the_account_names_none(device, api):
    type(device.account).objects.update(default_country="")
    came(device, event("hola"), event("BAJA", number="51987654322"))

    for phone in ("987 654 322", "51987654322", "+51 987654322", "0051987654322"):
        assert texts(api.get(address(device), {"phone": phone})) == ["BAJA"], phone
    assert texts(api.get(address(device), {"phone": "322"})) == []


@pytest.mark.parametrize("query", ["contact=x", "device=-1", "wish=stay", "unresolved=perhaps", "search=%00"])
def test_a_filter_that_means_nothing_is_refused(device, api, query):
    assert api.get(address(device) + f"?{query}").json()["code"] == "filter_invalid"


def test_an_answer_goes_by_the_device_that_was_written_to_and_is_audited(device, api):
    other = make_device(device.account, instance_name="other")
    came(device, event("¿precio?"))
    came(other, event("hola", number="51987654322"))

    answer = api.post(address(device), {"phone": "987654321", "text": " 10 soles @valor1 "}, "application/json")

    assert answer.status_code == 201
    job = Job.objects.for_account(device.account).get(uuid=answer.json()["job_id"])
    assert (job.purpose, job.requested_device_ids) == (JobPurpose.ANSWER, [device.pk])
    assert Recipient.objects.get(job=job).values == ["10 soles @valor1"]
    assert Answer.objects.for_account(device.account).get().text == "10 soles @valor1"
    entry = AuditEntry.unscoped.get(action="message.answered")
    assert "987654321" not in f"{entry.subject}{entry.details}"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": "hola"},
        {"phone": PHONE},
        {"phone": PHONE, "text": "  "},
        {"phone": PHONE, "text": "x" * 4097},
        {"phone": PHONE, "text": "a\x00"},
        {"phone": PHONE, "text": 7},
        {"phone": "hola", "text": "hola"},
        {"phone": PHONE, "contact_id": 1, "text": "hola"},
        {"contact_id": True, "text": "hola"},
        {"message_id": 2**70, "text": "hola"},
        [],
    ],
)
def test_what_is_no_answer_is_refused(device, api, body):
    came(device, event("hola"))

    answer = api.post(address(device), body, "application/json")

    assert answer.status_code == 400
    assert answer.json()["code"] in {"answer_text_invalid", "answer_to_invalid"}
    assert not Job.objects.for_account(device.account).exists()


def test_who_never_wrote_is_not_answered(device, api):
    contact = arrange.contact(device.account, PHONE)
    for whom in ({"phone": PHONE}, {"contact_id": contact.pk}):
        answer = api.post(address(device), {**whom, "text": "hola"}, "application/json")
        assert (answer.status_code, answer.json()["code"]) == (409, "never_wrote")


def test_who_wants_no_messages_gets_no_answer(device, api):
    (message,) = came(device, event("hola"))
    suppression.suppress(device.account_id, [PHONE], suppression.OPTED_OUT)

    answer = api.post(address(device), {"message_id": message.pk, "text": "hola"}, "application/json")

    assert (answer.status_code, answer.json()["code"]) == (409, "wants_no_messages")


@pytest.mark.parametrize("leaves", [True, False])
def test_a_near_miss_is_what_a_person_says(device, api, leaves):
    arrange.contact(device.account, PHONE)
    (message,) = came(device, event("¿cómo me doy de baja?"))

    answer = api.post(address(device, f"/{message.pk}/settle"), {"opted_out": leaves}, "application/json")

    assert (answer.status_code, answer.json()["wish"]) == (200, "out" if leaves else "")
    assert Suppression.objects.for_account(device.account).exists() is leaves
    assert (Contact.objects.for_account(device.account).get().opted_out_at is not None) is leaves
    assert Answer.objects.for_account(device.account).exists() is leaves
    again = api.post(address(device, f"/{message.pk}/settle"), {"opted_out": leaves}, "application/json")
    assert (again.status_code, again.json()["code"]) == (409, "nothing_to_settle")


def test_a_lid_is_whose_a_person_says_and_what_they_wished_is_done(device, api):
    first, second = came(device, event("hola", number="", lid=LID), event("BAJA", number="", lid=LID))

    answer = api.post(address(device, f"/{first.pk}/settle"), {"phone": "987654321"}, "application/json")

    assert (answer.status_code, answer.json()["phone"]) == (200, PHONE)
    second.refresh_from_db()
    assert second.phone == PHONE
    assert [number.phone for number in Suppression.objects.for_account(device.account)] == [PHONE]
    came(device, event("otra", number="", lid=LID))
    assert texts(api.get(address(device), {"phone": PHONE})) == ["otra", "BAJA", "hola"]


def by_api(device, message, phone):
    person = people.member(device.account, Role.AGENT)
    people.api(person).post(address(device, f"/{message.pk}/settle"), {"phone": phone}, "application/json")


def by_page(device, message, phone):
    browser = people.browser(people.member(device.account, Role.AGENT))
    answer = browser.post(reverse("admin:jobs_incomingmessage_settle", args=[message.pk]), {"phone": phone})
    assert answer.status_code == 302


@pytest.mark.parametrize("door", [by_api, by_page])
def test_whose_lid_is_known_afterwards_is_what_they_would_have_been(device, door):
    job, sender = sent_job(2)
    type(sender).unscoped.filter(pk=sender.pk).update(account=device.account)
    Job.unscoped.filter(pk=job.pk).update(account=device.account)
    sender.refresh_from_db()
    recipient = Recipient.objects.get(job=job, position=1)
    contact = arrange.contact(device.account, recipient.phone)
    first, last = came(sender, event("¿precio?", number="", lid=LID), event("¿hola?", number="", lid=LID))

    door(device, first, recipient.phone)
    ParkedReceipt.objects.update(due_at=timezone.now())
    worked()

    for row in (contact, recipient, first):
        row.refresh_from_db()
    assert contact.last_replied_at == last.at
    known = Correspondent.objects.get(device=sender)
    assert (known.first_at, known.last_at) == (first.at, last.at)
    assert (first.recipient_id, recipient.replied_at) == (recipient.pk, first.at)
    assert recipient.job.replied == 1
    assert invariants.check() == []


def test_a_near_miss_of_a_lid_waits_on_when_it_is_known_whose_it_is(device, api):
    first, near = came(device, event("hola", number="", lid=LID), event("¿cómo me doy de baja?", number="", lid=LID))

    api.post(address(device, f"/{first.pk}/settle"), {"phone": PHONE}, "application/json")

    assert texts(api.get(address(device), {"unresolved": "true"})) == [near.text]
    answer = api.post(address(device, f"/{near.pk}/settle"), {"opted_out": True}, "application/json")
    assert (answer.status_code, answer.json()["phone"], answer.json()["wish"]) == (200, PHONE, "out")
    assert [number.phone for number in Suppression.objects.for_account(device.account)] == [PHONE]


@pytest.mark.parametrize("body", [{}, {"phone": 7}, {"opted_out": "yes"}, {"phone": PHONE, "opted_out": True}])
def test_what_says_nothing_of_a_message_is_refused(device, api, body):
    (message,) = came(device, event("no quiero perderme la oferta"))

    answer = api.post(address(device, f"/{message.pk}/settle"), body, "application/json")

    assert (answer.status_code, answer.json()["code"]) == (400, "settle_invalid")


def test_what_a_contact_wrote_is_its_consent_too(device):
    contact = arrange.contact(device.account, PHONE)
    came(device, event("BAJA"))
    contact.refresh_from_db()
    assert (contact.opted_out_at is not None, contact.opted_out_source) == (True, "WhatsApp")

    came(device, event("ALTA"))
    contact.refresh_from_db()
    assert (contact.opted_out_at, contact.opted_in_source) == (None, "WhatsApp")


def test_a_viewer_reads_and_does_not_answer(device):
    (message,) = came(device, event("no quiero perderme la oferta"))
    viewer = people.api(people.member(device.account, Role.VIEWER))

    assert len(texts(viewer.get(address(device)))) == 1
    assert viewer.post(address(device), {"phone": PHONE, "text": "hola"}, "application/json").status_code == 403
    settle = viewer.post(address(device, f"/{message.pk}/settle"), {"opted_out": True}, "application/json")
    assert settle.status_code == 403


def test_anothers_messages_are_not_there(device, api):
    other = make_device(make_account())
    (message,) = came(other, event("hola"))

    assert texts(api.get(address(device))) == []
    assert api.get(address(other)).status_code == 404
    assert (
        api.post(address(device, f"/{message.pk}/settle"), {"opted_out": True}, "application/json").status_code == 404
    )
    assert api.post(address(device), {"message_id": message.pk, "text": "x"}, "application/json").status_code == 404


def test_who_is_known_by_a_lid_alone_is_answered_when_somebody_says_who_they_are(device, api):
    (message,) = came(device, event("hola", number="", lid=LID))

    answer = api.post(address(device), {"message_id": message.pk, "text": "hola"}, "application/json")

    assert (answer.status_code, answer.json()["code"]) == (409, "sender_unknown")


def test_a_phone_that_is_none_says_why(device, api):
    answer = api.post(address(device), {"phone": "hola", "text": "hola"}, "application/json")

    assert answer.json()["message"] == answer.json()["errors"][0]["message"] != ""
