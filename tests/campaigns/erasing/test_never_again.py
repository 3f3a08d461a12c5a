"""Whoever was erased comes in by no door again, until they write themselves that they want to hear."""

import pytest
from django.core.management import call_command
from django.urls import reverse

from accounts.audit import Actor
from accounts.models import Role
from campaigns.actions import campaign_acts, contact_acts, message_acts, person_acts
from campaigns.audience import freezing
from campaigns.audience.conditions import Audience
from campaigns.audience.refused import Refused
from campaigns.contacts import people as contacts
from campaigns.erasing import erasure
from campaigns.imports import work
from campaigns.models import ConsentRecord, Contact, ContactImport
from campaigns.states import Channel
from jobs import actions, invariants
from jobs.models import Erasure, IncomingMessage, Recipient, Suppression
from jobs.suppression import Ban, ban
from tests.accounts import people
from tests.campaigns import campaigns_of
from tests.campaigns.erasing.arrange import PHONE, bulk_job, everything, imported, traces
from tests.jobs.receipts.arrange import worked
from tests.jobs.replies.arrange import at_the_door, event

pytestmark = pytest.mark.django_db(transaction=True)

OTHER_SPELLING = "+541155667788"


@pytest.fixture
def actor(account, device):
    """Of an account that has erased the person."""
    everything(account, device)
    call_command("erase_person", PHONE, "--account", account.name, "--wait", "0")
    return Actor(account)


def test_a_file_of_contacts_leaves_their_lines_out(actor):
    row = imported(actor, start=True)

    assert row.status == ContactImport.Status.COMPLETED
    assert [(one["line"], one["code"]) for one in row.errors] == [(2, "phone_erased")]
    assert traces() == []


def test_a_file_of_recipients_keeps_their_place_and_nothing_of_them(actor, device):
    job = bulk_job(actor, device, f"{PHONE}|Zenobia Quispehuaman\n{OTHER_SPELLING}|x\n+51911111111|Otra\n")

    rows = Recipient.objects.filter(job=job).in_order().values_list("phone", "state", "error_code")
    assert list(rows) == [
        ("", "suppressed", "erased"),
        ("", "suppressed", "erased"),
        ("+51911111111", "queued", ""),
    ]
    assert traces() == []
    assert invariants.check() == []


@pytest.mark.parametrize("phone", [PHONE, OTHER_SPELLING])
def test_no_door_makes_them_a_contact(actor, account, phone):
    with pytest.raises(contacts.PhoneErased):
        contact_acts.save(actor, Contact(account=account), {"name": "Zenobia", "phone": phone}, Channel.API)
    answer = people.api(people.member(account, Role.AGENT)).post(
        f"/api/v1/accounts/{account.pk}/contacts", {"phone": phone}, content_type="application/json"
    )
    other = Contact.unscoped.get(account=account, phone="+51911111111")
    with pytest.raises(contacts.PhoneErased):
        contact_acts.save(actor, other, {"phone": phone}, Channel.API)

    assert (answer.status_code, answer.json()["code"]) == (409, "phone_erased")
    assert other.phone == "+51911111111"
    assert traces() == []


def test_a_contact_that_came_in_all_the_same_is_written_to_by_no_campaign(actor, account):
    campaigns_of.contact(account, phone=PHONE, labels=["vip"])

    count = freezing.count(account, Audience.parse({"labels": ["vip"]}))

    assert (count.sendable, count.excluded["suppressed"]) == (1, 1)


def test_the_list_of_suppressed_numbers_does_not_take_them_again(actor, account):
    with pytest.raises(actions.AlreadySuppressed):
        actions.suppress(actor, Suppression(phone=OTHER_SPELLING))
    page = people.browser(people.member(account)).post(reverse("admin:jobs_suppression_add"), {"phone": PHONE})
    assert page.status_code == 200  # with what is wrong
    assert ban(account.pk, [Ban(PHONE, OTHER_SPELLING, "RNE"), Ban("+51911111111", "+51911111111", "RNE")]) == 1

    assert traces() == []


@pytest.mark.parametrize("phone", [PHONE, OTHER_SPELLING])
def test_what_others_say_of_their_consent_is_not_kept(actor, account, phone):
    answer = people.api(people.member(account, Role.AGENT)).post(
        f"/api/v1/accounts/{account.pk}/consents", {"phone": phone, "revoked": True}, content_type="application/json"
    )

    assert (answer.status_code, answer.json()["code"]) == (409, "phone_erased")
    assert not ConsentRecord.unscoped.exists()


def test_a_campaigns_message_is_not_tried_out_on_them(actor, account):
    campaign = campaigns_of.campaign(account)

    with pytest.raises(Refused, match="phone_erased"):
        campaign_acts.send_test(actor, campaign, [PHONE])

    assert traces() == []


def test_they_are_not_answered_and_not_lifted_by_anything_but_start(actor, account, device):
    at_the_door(device, event("hola", number=PHONE[1:]))
    worked()
    with pytest.raises(message_acts.WantsNone):
        message_acts.answer(actor, PHONE, "hola")

    at_the_door(device, event("ALTA", number=PHONE[1:]))
    worked()

    assert not Erasure.unscoped.exists()
    message_acts.answer(actor, PHONE, "hola")
    contact = contact_acts.save(actor, Contact(account=account), {"phone": PHONE}, Channel.API)
    assert contact.pk is not None


def test_what_a_gateway_tells_of_before_the_erasure_is_not_kept(actor, device):
    before = int(Erasure.unscoped.get().asked_at.timestamp()) - 60
    at_the_door(device, event("ALTA tornasolada", number=PHONE[1:], messageTimestamp=before))
    worked()

    assert not IncomingMessage.unscoped.filter(phone=PHONE).exists()
    assert Erasure.unscoped.exists()
    assert traces() == []


def test_a_file_that_is_being_read_is_waited_for_and_its_lines_left_out(account, device):
    actor = Actor(account)
    row = imported(actor, start=False)
    ContactImport.unscoped.filter(pk=row.pk).move(ContactImport.Status.RUNNING, processed=0)
    erased = person_acts.erase(actor, PHONE)
    assert erasure.advance(erased.pk) == "imports"

    while work.advance(row.pk, 0.0):
        pass

    assert erasure.advance(erased.pk) is None
    assert list(Contact.unscoped.values_list("phone", flat=True)) == ["+51911111111"]
    assert traces() == []
