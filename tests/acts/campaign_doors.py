"""Campaigns and segments."""

from datetime import UTC, datetime
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models.functions import Now

from campaigns.launch import launching, schedule
from campaigns.models import Campaign, Segment
from jobs.models import Job, Recipient
from tests.acts.table import Form, Scene, admin, api, by_itself
from tests.campaigns import arrange
from tests.campaigns.campaigns_of import campaign as make_campaign
from tests.campaigns.pages.test_campaign_admin import filled as campaign_form

ACTS = "campaigns.actions.campaign_acts"
SEGMENTS = "campaigns.actions.segment_acts"
NOW = datetime(2026, 3, 2, 15, tzinfo=UTC)
AUDIENCE = {"labels": ["vip"]}
FIELDS = {"title": "Marzo", "message": "Hola {{name}}", "audience": AUDIENCE}


def draft(scene: Scene) -> Campaign:
    arrange.contact(scene.account, "+51987654321", labels=["vip"])
    return make_campaign(scene.account)


def launched(scene: Scene, status: str = "processing") -> Campaign:
    campaign = draft(scene)
    run = launching.launch(campaign, NOW, None)
    ended = {"finished_at": Now(), "failed": 1} if status == "completed" else {}
    Job.unscoped.filter(pk=run.job.pk).update(
        status=status, started_at=Now(), imported_at=Now(), total=1, imported=1, **ended
    )
    state = "failed" if status == "completed" else "queued"
    Recipient.objects.create(job=run.job, position=0, phone="+51987654321", values=[], state=state)
    return campaign


def png() -> SimpleUploadedFile:
    return SimpleUploadedFile("a.png", b"\x89PNG", "image/png")


# --- Before the launch ---------------------------------------------------------------------------------------


@api(f"{ACTS}.create", "campaign.created", "POST", "campaigns")
def create_campaign_by_api(scene: Scene) -> Any:
    return scene.call("POST", "campaigns", FIELDS)


@admin(f"{ACTS}.create", "campaign.created")
def create_campaign_by_page(scene: Scene) -> Any:
    return scene.press("campaigns_campaign_new", campaign_form(media_type="image", media_file=png()))


@api(f"{ACTS}.change", "campaign.changed", "PATCH", "campaign")
def change_campaign_by_api(scene: Scene) -> Any:
    return scene.call("PATCH", "campaign", {"title": "Abril"}, campaign_id=draft(scene).pk)


@admin(f"{ACTS}.change", "campaign.changed")
def change_campaign_by_page(scene: Scene) -> Any:
    form = campaign_form(media_type="image", media_file=png())
    return scene.press("campaigns_campaign_edit", form, draft(scene).pk)


@api(f"{ACTS}.attach_file", "campaign.changed", "POST", "campaign_multimedia")
def attach_by_api(scene: Scene) -> Any:
    return scene.call("POST", "campaign_multimedia", Form(file=png(), type="image"), campaign_id=draft(scene).pk)


@api(f"{ACTS}.delete", "campaign.deleted", "DELETE", "campaign")
def delete_campaign_by_api(scene: Scene) -> Any:
    return scene.call("DELETE", "campaign", campaign_id=draft(scene).pk)


@admin(f"{ACTS}.delete", "campaign.deleted")
def delete_campaign_by_page(scene: Scene) -> Any:
    return scene.press("campaigns_campaign_delete", None, draft(scene).pk)


@api(f"{ACTS}.send_test", "campaign.tested", "POST", "campaign_test")
def try_by_api(scene: Scene) -> Any:
    return scene.call("POST", "campaign_test", {"phones": ["+51987654321"]}, campaign_id=draft(scene).pk)


@admin(f"{ACTS}.send_test", "campaign.tested")
def try_by_page(scene: Scene) -> Any:
    return scene.press("campaigns_campaign_test", {"phones": "+51987654321"}, draft(scene).pk)


# --- Launch and control ----------------------------------------------------------------------------------------


@api(f"{ACTS}.launch", "campaign.launched", "POST", "campaign_trigger")
def launch_by_api(scene: Scene) -> Any:
    return scene.call("POST", "campaign_trigger", campaign_id=draft(scene).pk)


@admin(f"{ACTS}.launch", "campaign.launched")
def launch_by_page(scene: Scene) -> Any:
    return scene.press("campaigns_campaign_launch", None, draft(scene).pk)


def scheduled(scene: Scene) -> Campaign:
    campaign = draft(scene)
    Campaign.unscoped.filter(pk=campaign.pk).update(scheduled_at=NOW)
    return campaign


@by_itself("campaigns.launch.schedule.launch_due", "campaign.launched", "schedule")
def launch_in_its_time(scene: Scene) -> None:
    """However often beat comes by."""
    campaign = scheduled(scene)
    assert schedule.launch_due(campaign.pk, NOW) is not None
    assert schedule.launch_due(campaign.pk, NOW) is None


def _controls(name: str, status: str) -> None:
    def by_api(scene: Scene) -> Any:
        return scene.call("POST", f"campaign_{name}", campaign_id=launched(scene, status).pk)

    def by_page(scene: Scene) -> Any:
        return scene.press("campaigns_campaign_control", None, launched(scene, status).pk, name)

    api(f"{ACTS}.{name}", f"campaign.{name}", "POST", f"campaign_{name}")(by_api)
    admin(f"{ACTS}.{name}", f"campaign.{name}")(by_page)


_controls("pause", "processing")
_controls("resume", "paused")
_controls("cancel", "processing")
_controls("retry_failed", "completed")


@api(f"{ACTS}.cancel", "campaign.cancel", "POST", "campaign_cancel")
def cancel_a_draft(scene: Scene) -> Any:
    return scene.call("POST", "campaign_cancel", campaign_id=draft(scene).pk)


@api(f"{ACTS}.exported", "campaign.exported", "GET", "campaign_export")
def export_campaign_by_api(scene: Scene) -> Any:
    return scene.call("GET", "campaign_export", campaign_id=launched(scene).pk)


@admin("jobs.actions.exported", "job.exported")
def export_campaign_by_page(scene: Scene) -> Any:
    """The page's button leads to the file of the run's job."""
    campaign = launched(scene, "completed")
    address = f"/jobs/{Job.unscoped.get().uuid}/export.csv"
    assert address in scene.admin.get(f"/admin/campaigns/campaign/{campaign.pk}/page/").content.decode()
    return scene.admin.get(address)


# --- Segments --------------------------------------------------------------------------------------------------


def segment(scene: Scene) -> Segment:
    row: Segment = Segment.unscoped.create(account=scene.account, name="VIP", audience=AUDIENCE)
    return row


@api(f"{SEGMENTS}.save", "segment.created", "POST", "segments")
def create_segment_by_api(scene: Scene) -> Any:
    return scene.call("POST", "segments", {"name": "VIP", "audience": AUDIENCE})


@admin(f"{SEGMENTS}.save", "segment.created")
def create_segment_by_page(scene: Scene) -> Any:
    return scene.press("campaigns_segment_new", {"name": "VIP", "audience": '{"labels": ["vip"]}'})


@api(f"{SEGMENTS}.save", "segment.changed", "PATCH", "segment")
def change_segment_by_patch(scene: Scene) -> Any:
    return scene.call("PATCH", "segment", {"name": "Oro"}, segment_id=segment(scene).pk)


@api(f"{SEGMENTS}.save", "segment.changed", "PUT", "segment")
def change_segment_by_put(scene: Scene) -> Any:
    return scene.call("PUT", "segment", {"name": "Oro", "audience": AUDIENCE}, segment_id=segment(scene).pk)


@admin(f"{SEGMENTS}.save", "segment.changed")
def change_segment_by_page(scene: Scene) -> Any:
    form = {"name": "Oro", "audience": '{"labels": ["vip"]}'}
    return scene.press("campaigns_segment_edit", form, segment(scene).pk)


@api(f"{SEGMENTS}.delete", "segment.deleted", "DELETE", "segment")
def delete_segment_by_api(scene: Scene) -> Any:
    return scene.call("DELETE", "segment", segment_id=segment(scene).pk)


@admin(f"{SEGMENTS}.delete", "segment.deleted")
def delete_segment_by_page(scene: Scene) -> Any:
    return scene.press("campaigns_segment_delete", None, segment(scene).pk)
