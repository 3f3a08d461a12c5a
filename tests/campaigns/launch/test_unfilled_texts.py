"""A campaign with variables that do not exist is neither kept nor sent, unless that is allowed."""

from datetime import timedelta

import pytest
from django.utils import timezone

from campaigns.launch import launching, previewing, schedule, test_message
from campaigns.launch.unfilled_texts import VariablesUnknown
from campaigns.models import Campaign
from campaigns.states import CampaignStatus
from jobs.models import Job
from tests.campaigns import campaigns_of
from tests.campaigns.arrange import Caller
from tests.factories import make_device

pytestmark = pytest.mark.django_db

UNKNOWN = "Hola {{nombre}}"


@pytest.fixture
def account():
    account = campaigns_of.account()
    make_device(account)
    return account


@pytest.fixture
def call(account):
    caller = Caller(account=account)
    return lambda method, path="", **body: getattr(caller, method)(f"whatsapp_api_campaigns{path}", **body)


def test_a_draft_is_refused_with_the_names_and_the_nearest(call):
    answer = call("post", title="x", message=UNKNOWN)
    assert (answer.status_code, answer.json()["code"]) == (400, "variables_unknown")
    [error] = answer.json()["errors"]
    assert "{{nombre}} (¿{{name}}?)" in error["message"]
    assert not Campaign.unscoped.exists()


def test_so_is_a_variant_and_a_change(call, account):
    variants = [{"text": "Hola {{name}}"}, {"text": UNKNOWN}]
    assert call("post", title="x", variants=variants).status_code == 400
    kept = campaigns_of.campaign(account)
    assert call("patch", f"/{kept.pk}", message=UNKNOWN).status_code == 400
    assert call("patch", f"/{kept.pk}", title="otro").status_code == 200


def test_one_that_is_allowed_is_kept_and_sent_as_it_stands(call, account):
    campaigns_of.contact(account, name="Ana")
    answer = call("post", title="x", message=UNKNOWN, allow_missing=True, audience={"exclude": {"labels": ["no"]}})
    assert answer.status_code == 201
    assert answer.json()["allow_missing"] is True
    assert call("post", f"/{answer.json()['id']}/trigger").status_code == 200


def test_any_case_is_the_same_variable(call):
    assert (
        call("post", title="x", message="{{ NAME }} {{Contact.Name}} {{Custom_Attributes.region}}").status_code == 201
    )


def test_one_that_was_kept_before_is_neither_launched_nor_tried_out(account):
    kept = campaigns_of.campaign(account, message=UNKNOWN)
    for send in (
        lambda: launching.trigger(kept, None, timezone.now()),
        lambda: test_message.send_test(kept, ["+51987650001"], None),
    ):
        with pytest.raises(VariablesUnknown):
            send()
    assert not Job.unscoped.exists()


def test_by_its_schedule_it_fails_and_says_why(account):
    now = timezone.now()
    kept = campaigns_of.campaign(account, message=UNKNOWN, scheduled_at=now - timedelta(seconds=5))
    assert schedule.launch_due(kept.pk, now) is None
    kept.refresh_from_db()
    assert (kept.status, kept.note_code) == (CampaignStatus.FAILED, "variables_unknown")


def test_the_preview_counts_who_lacks_what_most_of_them_lack(account):
    for number in range(5):
        attributes = {"region": "norte" if number else " ", "plan": "oro" if number > 3 else None, "dni": "1"}
        campaigns_of.contact(account, name="Ana", labels=["vip"], custom_attributes=attributes)
    message = "{{name}} {{custom_attributes.region}} {{custom_attributes.plan}} {{custom_attributes.x|default:''}}"
    kept = campaigns_of.campaign(account, message=message)
    assert previewing.preview(kept, timezone.now()).lacking == {"custom_attributes.plan": 4}
