"""What is asked for at a door and changes nothing: refused, or so already."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from accounts.models import Role
from campaigns.launch import schedule
from campaigns.models import Campaign
from jobs.states import JobStatus
from jobs.wording.job_reasons import PAUSED_BY_PERSON
from tests.acts import account_doors, campaign_doors, contact_doors, device_doors, exclusion_doors, job_doors
from tests.acts.table import Form, Scene
from tests.factories import make_device

Nothing = Callable[[Scene], Any]
PHONE = contact_doors.PHONE


def a_file_without_a_message(scene: Scene) -> None:
    form = Form({**job_doors.upload(), "message": ""})
    assert scene.call("POST", "send_bulk_file", form).status_code == 400


def the_same_key_again(scene: Scene) -> None:
    key = {"Idempotency-Key": "one-and-the-same"}
    assert scene.api.post("/messages/send-bulk-file", job_doors.upload(), headers=key).status_code == 200
    assert scene.entries() == 1
    scene.forget()
    assert scene.api.post("/messages/send-bulk-file", job_doors.upload(), headers=key).status_code == 200


def pausing_what_is_paused(scene: Scene) -> None:
    job = job_doors.job_with(scene, status=JobStatus.PAUSED, state_reason=PAUSED_BY_PERSON)
    assert scene.call("POST", "job_pause", job_id=job.uuid).status_code == 200
    assert scene.press("jobs_job_control", None, job.uuid, "pause").status_code == 302


def cancelling_what_has_ended(scene: Scene) -> None:
    job = job_doors.ended(scene)
    assert scene.call("POST", "job_cancel", job_id=job.uuid).status_code == 409
    assert scene.press("jobs_job_control", None, job.uuid, "cancel").status_code == 302


def retrying_nobody(scene: Scene) -> None:
    job = job_doors.job_with(scene)
    assert scene.call("POST", "job_retry_failed", job_id=job.uuid).status_code == 200
    assert scene.call("POST", "job_resolve_unknown", {"action": "resend"}, job_id=job.uuid).status_code == 200


def deleting_a_job_under_way(scene: Scene) -> None:
    assert scene.press("jobs_job_delete", None, job_doors.job_with(scene).pk).status_code == 302


def suppressing_twice(scene: Scene) -> None:
    job_doors.suppressed(scene)
    assert scene.call("POST", "suppressions", {"phone": job_doors.PHONE}).status_code == 409


def a_contact_as_it_is(scene: Scene) -> None:
    row = contact_doors.contact(scene, name="Ana")
    body = {"name": "Ana", "phone": PHONE, "opted_out": False}
    assert scene.call("PATCH", "contact", body, contact_id=row.pk).status_code == 200
    assert scene.press("campaigns_contact_change", contact_doors.form_of(row), row.pk).status_code == 302


def a_phone_of_another(scene: Scene) -> None:
    contact_doors.contact(scene)
    assert scene.call("POST", "contacts", {"phone": PHONE}).status_code == 409
    page = scene.press("campaigns_contact_add", {"name": "Ana", "phone": PHONE, "labels": ""})
    assert page.status_code == 400


def erasing_nobody_that_can_be_meant(scene: Scene) -> None:
    row = contact_doors.contact(scene)
    assert scene.call("POST", "erasures", {"phone": "Ana"}).status_code == 400
    assert scene.call("POST", "access_exports", {}).status_code == 400
    assert scene.call("POST", "contact_erase", contact_id=row.pk + 1).status_code == 404
    unsure = {"written": PHONE, "do": "erase"}
    assert scene.press("campaigns_contact_person", unsure).status_code == 400
    another = {"written": "+51911111111", "do": "erase", "sure": "true"}
    assert scene.press("campaigns_contact_of_person", another, row.pk).status_code == 400


def a_label_they_have(scene: Scene) -> None:
    row = contact_doors.contact(scene, labels=["vip"])
    body = {"contact_ids": [row.pk], "labels": ["vip"]}
    assert scene.call("POST", "contacts_bulk_label", body).json() == {"matched": 1, "changed": 0}
    unknown = {"contact_ids": [row.pk, row.pk + 1], "labels": ["new"]}
    assert scene.call("POST", "contacts_bulk_label", unknown).status_code >= 400


def the_name_a_label_has(scene: Scene) -> None:
    row = contact_doors.label(scene)
    assert scene.call("PATCH", "label", {"name": "vip"}, label_id=row.pk).status_code == 200
    assert scene.call("POST", "labels", {"name": "vip"}).status_code == 409


def what_an_attribute_is_already(scene: Scene) -> None:
    row = contact_doors.attribute(scene)
    assert scene.call("PATCH", "attribute", {"kind": ""}, attribute_id=row.pk).status_code == 200


def a_mapping_that_means_nothing(scene: Scene) -> None:
    form = Form(file=contact_doors.file(), mapping='{"columns": {"phone": 99}}')
    assert scene.call("POST", "contact_imports", form).status_code == 400


def a_schedule_that_finds_nothing_due(scene: Scene) -> None:
    campaign = campaign_doors.scheduled(scene)
    assert schedule.launch_due(campaign.pk, campaign_doors.NOW - timedelta(minutes=1)) is None
    Campaign.unscoped.filter(pk=campaign.pk).update(multimedia={"type": "image"})  # and no file
    assert schedule.launch_due(campaign.pk, campaign_doors.NOW) is None


def a_password_that_is_not_the_old_one(scene: Scene) -> None:
    assert account_doors.press_own_password(scene, old="another").status_code == 200


def launching_twice(scene: Scene) -> None:
    campaign = campaign_doors.launched(scene)
    assert scene.call("POST", "campaign_trigger", campaign_id=campaign.pk).status_code == 409
    assert scene.call("PATCH", "campaign", {"title": "Abril"}, campaign_id=campaign.pk).status_code == 409
    assert scene.call("DELETE", "campaign", campaign_id=campaign.pk).status_code == 409
    assert scene.press("campaigns_campaign_launch", None, campaign.pk).status_code == 302
    assert Campaign.unscoped.get().runs.count() == 1


def a_campaign_as_it_is(scene: Scene) -> None:
    campaign = campaign_doors.draft(scene)
    assert scene.call("PATCH", "campaign", {"title": campaign.title}, campaign_id=campaign.pk).status_code == 200


def a_segment_in_use(scene: Scene) -> None:
    segment = campaign_doors.segment(scene)
    campaign_doors.make_campaign(scene.account, segment=segment, audience={})
    assert scene.call("DELETE", "segment", segment_id=segment.pk).status_code == 409
    assert scene.call("PATCH", "segment", {"name": segment.name}, segment_id=segment.pk).status_code == 200
    assert scene.press("campaigns_segment_delete", None, segment.pk).status_code == 200  # says by whom, and asks again


def a_device_as_it_is(scene: Scene) -> None:
    name = scene.device.name
    assert scene.call("PATCH", "device", {"name": name}, device_id=scene.device.pk).status_code == 200
    other = make_device(scene.account)
    assert scene.call("PATCH", "device", {"name": name}, device_id=other.pk).status_code == 400


DEVICE_ACTS = ("device_pair", "device_logout", "device_restart", "device_webhook", "device_webhook_secret")


def what_a_gateway_does_not_do(scene: Scene) -> None:
    for act in DEVICE_ACTS:  # nobody answers there
        assert scene.call("POST", act, {}, device_id=scene.device.pk).status_code == 409
    assert scene.press("devices_device_link", None, scene.device.pk).status_code == 302
    for name in ("log-out", "restart", "renew-secret"):
        assert scene.press("devices_device_link_act", None, scene.device.pk, name).status_code == 302
    form = {"post": "yes", "with_instance": "true"}
    assert scene.press("devices_device_delete", form, scene.device.pk).status_code == 200  # says why, and asks again
    body = {**device_doors.BODY, "create_instance": True}
    assert scene.call("POST", "devices", body).status_code == 400
    with device_doors.gateway(scene) as simulator:
        assert scene.call("POST", "device_pair", {}, device_id=scene.device.pk).json()["status"] == "connected"
        simulator.set_state(device_doors.INSTANCE, "close")
        for act in ("device_logout", "device_restart"):
            assert scene.call("POST", act, device_id=scene.device.pk).status_code == 409


def whoever_may_only_look(scene: Scene) -> None:
    scene.member.role = Role.VIEWER
    scene.member.save()
    assert scene.call("POST", "send_bulk_file", job_doors.upload()).status_code == 403
    assert scene.press("jobs_job_new", job_doors.upload()).status_code == 403
    assert scene.call("DELETE", "device", device_id=scene.device.pk).status_code == 403
    for act in DEVICE_ACTS:
        assert scene.call("POST", act, {}, device_id=scene.device.pk).status_code == 403


def a_list_as_it_is(scene: Scene) -> None:
    row = exclusion_doors.exclusion_list(scene)
    body = {"name": row.name, "is_on": True}
    assert scene.call("PATCH", "exclusion_list", body, list_id=row.pk).status_code == 200
    assert scene.press("jobs_exclusionlist_on", None, row.pk).status_code == 302


def the_name_a_list_has(scene: Scene) -> None:
    row = exclusion_doors.exclusion_list(scene)
    other = exclusion_doors.exclusion_list(scene, "otra")
    assert scene.call("PATCH", "exclusion_list", {"name": row.name}, list_id=other.pk).status_code == 409
    assert scene.call("POST", "exclusion_lists", exclusion_doors.form(name=row.name)).status_code == 409
    assert scene.press("jobs_exclusionlist_add", exclusion_doors.form(name=row.name)).status_code == 400
    assert scene.call("POST", "exclusion_list_load", Form(file_date="mañana"), list_id=row.pk).status_code == 400


NOTHING: list[Nothing] = [
    perform
    for name, perform in list(globals().items())
    if callable(perform) and name[:1].islower() and perform.__module__ == __name__
]
