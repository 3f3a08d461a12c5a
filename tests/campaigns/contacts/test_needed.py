"""What a waiting campaign or job needs is not deleted unawares: refused with their names, or forced and audited."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry
from campaigns.launch import launching
from campaigns.models import Campaign, Label, Segment
from devices.models import Device
from jobs.models import Job
from tests.accounts import people
from tests.campaigns import campaigns_of
from tests.campaigns.arrange import Caller
from tests.factories import make_device, make_job

pytestmark = pytest.mark.django_db


@pytest.fixture
def call() -> Caller:
    return Caller(account=campaigns_of.account())


@pytest.fixture
def browser(call: Caller) -> Client:
    return people.browser(call.membership)


def label(call: Caller) -> Label:
    return Label.unscoped.create(account=call.account, name="vip")


def device(call: Caller) -> Device:
    return make_device(call.account)


def segment(call: Caller, audience: Any = None) -> Segment:
    return Segment.unscoped.create(account=call.account, name="Oro", audience=audience or {"labels": ["vip"]})


def needing(call: Caller, kind: str, thing: Any, **fields: Any) -> Campaign:
    """A campaign that needs it, in one of the ways that there are."""
    other = {"contact_ids": [1]}
    if kind == "excluded label":
        fields |= {"audience": {**other, "exclude": {"labels": ["vip"]}}}
    elif kind == "label of a segment":
        fields |= {"audience": {}, "segment": segment(call, {**other, "exclude": {"labels": ["vip"]}})}
    elif kind == "segment":
        fields |= {"audience": {}, "segment": thing}
    elif kind == "device":
        fields |= {"audience": other, "requested_device_ids": [thing.pk]}
    return campaigns_of.campaign(call.account, title="Rebajas", **fields)


KINDS = {
    "label": (label, "labels", "campaigns_label_delete"),
    "excluded label": (label, "labels", "campaigns_label_delete"),
    "label of a segment": (label, "labels", "campaigns_label_delete"),
    "segment": (segment, "segments", "campaigns_segment_delete"),
    "device": (device, "devices", "devices_device_delete"),
}
kinds = pytest.mark.parametrize("kind", KINDS)


def is_there(thing: Any) -> bool:
    rows = type(thing).unscoped.filter(pk=thing.pk)
    return bool((rows.present() if isinstance(thing, Device) else rows).exists())


@kinds
@pytest.mark.parametrize("fields", [{}, {"recurrence": "0 9 * * *"}, {"status": "paused"}], ids=str)
def test_it_is_refused_with_the_campaigns_names_and_forced_it_is_audited(call, kind, fields):
    make, address, _ = KINDS[kind]
    thing = make(call)
    made = needing(call, kind, thing, **fields)
    answer = call.delete(f"{address}/{thing.pk}")
    assert (answer.status_code, answer.json()["code"]) == (409, "in_use")
    assert answer.json()["errors"] == [{"field": "campaign", "code": str(made.pk), "message": "Rebajas"}]
    assert is_there(thing)
    assert call.delete(f"{address}/{thing.pk}?force=perhaps").json()["code"] == "force_invalid"

    assert call.delete(f"{address}/{thing.pk}?force=true").status_code == 204
    assert not is_there(thing)
    entry = AuditEntry.unscoped.get(action__endswith=".deleted")
    assert entry.details["needed_by"] == [f"campaign {made.pk}"]


@kinds
def test_the_page_says_by_whom_it_is_needed_and_has_a_box_to_tick(call, browser, kind):
    make, _, page = KINDS[kind]
    thing = make(call)
    needing(call, kind, thing)
    address = reverse(f"admin:{page}", args=[thing.pk])
    html = browser.post(address).content.decode()
    assert "Rebajas" in html
    assert 'name="force"' in html
    assert is_there(thing)
    assert browser.post(address, {"force": "true"}).status_code == 302
    assert not is_there(thing)


@kinds
@pytest.mark.parametrize("status", ["cancelled", "running"])
def test_what_is_over_needs_nothing(call, kind, status):
    make, address, _ = KINDS[kind]
    thing = make(call)
    needing(call, kind, thing, status=status)
    assert call.delete(f"{address}/{thing.pk}").status_code == 204
    assert "needed_by" not in AuditEntry.unscoped.get(action__endswith=".deleted").details


def test_a_launched_campaign_whose_audience_is_not_frozen_yet_needs_its_labels(call):
    thing = label(call)
    made = campaigns_of.campaign(call.account)
    launching.launch(made, timezone.now(), None)
    assert call.delete(f"labels/{thing.pk}").json()["code"] == "in_use"


@pytest.mark.parametrize("status", ["pending", "running", "cancelled"])
def test_of_a_segment_that_goes_campaigns_keep_the_audience(call, status):
    thing = segment(call)
    made = needing(call, "segment", thing, status=status)
    assert call.delete(f"segments/{thing.pk}?force=true").status_code == 204
    made = Campaign.unscoped.get(pk=made.pk)
    assert (made.segment_id, made.audience) == (None, {"labels": ["vip"]})


def test_of_several_devices_none_goes_by_the_list_while_one_is_needed(call, browser):
    devices = [device(call), device(call)]
    needing(call, "device", devices[0])
    chosen = {"action": "delete_selected", "_selected_action": [one.pk for one in devices], "post": "yes"}
    html = browser.post(reverse("admin:devices_device_changelist"), chosen).content.decode()
    assert "Rebajas" in html
    assert all(is_there(one) for one in devices)


def test_a_scheduled_job_needs_the_devices_that_it_asks_for(call):
    thing = device(call)
    job = make_job(
        call.account,
        1,
        status="pending",
        started_at=None,
        start_at=timezone.now() + timedelta(hours=1),
        title="Lista",
        requested_device_ids=[thing.pk],
    )
    answer = call.delete(f"devices/{thing.pk}")
    assert answer.json()["errors"] == [{"field": "job", "code": str(job.uuid), "message": "Lista"}]
    Job.unscoped.filter(pk=job.pk).update(status="cancelled")
    assert call.delete(f"devices/{thing.pk}").status_code == 204


def test_anothers_campaigns_do_not_count(call):
    thing = label(call)
    campaigns_of.campaign(campaigns_of.account())
    assert call.delete(f"labels/{thing.pk}").status_code == 204


def test_the_preview_lists_what_is_not_there(call, browser):
    made = campaigns_of.campaign(
        call.account,
        kind="service",
        audience={"contact_ids": [99999999], "labels": ["oro"], "exclude": {"labels": ["plata"]}},
        requested_device_ids=[88888888],
    )
    problems = call.post(f"whatsapp_api_campaigns/{made.pk}/preview").json()["problems"]
    assert problems == [
        "La etiqueta «oro» no existe.",
        "La etiqueta «plata» no existe.",
        "El contacto 99999999 no existe.",
        "El device 88888888 no existe.",
    ]
    html = browser.get(reverse("admin:campaigns_campaign_preview", args=[made.pk])).content.decode()
    for which in ("oro", "plata", "99999999", "88888888"):
        assert which in html
