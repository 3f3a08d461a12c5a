"""Jobs and suppressed numbers."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db.models.functions import Now

from jobs.management.commands import send_bulk
from jobs.models import Job, Recipient, Suppression
from jobs.states import JobStatus
from tests.acts.table import Form, Scene, admin, api, command
from tests.factories import make_job

PHONE = "+51987654321"


def upload() -> Form:
    return Form(file=SimpleUploadedFile("lista.csv", b"phone|name\n+51987654321|Ana\n"), message="Hola @valor1")


def job_with(scene: Scene, state: str = "", **fields: Any) -> Job:
    job = make_job(scene.account, 3, (scene.device,), **fields)
    if state:
        Recipient.objects.filter(job=job).update(state=state)
        Job.unscoped.filter(pk=job.pk).update(failed=3)
    return job


def ended(scene: Scene) -> Job:
    return job_with(scene, "failed", status=JobStatus.COMPLETED, finished_at=Now())


def suppressed(scene: Scene, phone: str = PHONE) -> Suppression:
    row: Suppression = Suppression.unscoped.create(account=scene.account, phone=phone)
    return row


# --- Sending -----------------------------------------------------------------------------------------------


@api("jobs.actions.send_file", "job.created", "POST", "send_bulk_file")
def upload_by_api(scene: Scene) -> Any:
    return scene.call("POST", "send_bulk_file", upload())


@api("jobs.actions.send_file", "job.created", "POST", "job_list")
def upload_to_the_list(scene: Scene) -> Any:
    return scene.call("POST", "job_list", upload())


@admin("jobs.actions.send_file", "job.created")
def upload_by_page(scene: Scene) -> Any:
    return scene.press("jobs_job_new", upload())


@command("jobs.actions.send_file", "job.created", "send_bulk")
def upload_by_command(scene: Scene) -> Any:
    file: Path = settings.UPLOAD_DIR.parent / "lista.csv"
    file.write_bytes(b"phone|name\n+51987654321|Ana\n")
    sleep = send_bulk.time.sleep
    send_bulk.time.sleep = lambda seconds: Job.unscoped.update(status="completed", finished_at=Now())  # type: ignore[assignment]
    try:
        call_command("send_bulk", str(file), "--message", "Hola", "--account", scene.account.name)
    except SystemExit:
        pass
    finally:
        send_bulk.time.sleep = sleep


# --- What becomes of a job ---------------------------------------------------------------------------------


def _controls(name: str, arrange: Any) -> None:
    def by_api(scene: Scene) -> Any:
        return scene.call("POST", f"job_{name}", job_id=arrange(scene).uuid)

    def by_page(scene: Scene) -> Any:
        return scene.press("jobs_job_control", None, arrange(scene).uuid, name)

    api(f"jobs.actions.{name}", f"job.{name}", "POST", f"job_{name}")(by_api)
    admin(f"jobs.actions.{name}", f"job.{name}")(by_page)


_controls("pause", job_with)
_controls("resume", lambda scene: job_with(scene, status=JobStatus.PAUSED))
_controls("cancel", job_with)
_controls("retry_failed", ended)


@api("jobs.actions.resolve_unknown", "job.unknown_give_up", "POST", "job_resolve_unknown")
def give_up(scene: Scene) -> Any:
    job = job_with(scene, "unknown")
    return scene.call("POST", "job_resolve_unknown", {"action": "give_up"}, job_id=job.uuid)


@api("jobs.actions.resolve_unknown", "job.unknown_resend", "POST", "job_resolve_unknown")
def resend(scene: Scene) -> Any:
    job = job_with(scene, "unknown")
    return scene.call("POST", "job_resolve_unknown", {"action": "resend"}, job_id=job.uuid)


@api("jobs.actions.exported", "job.exported", "GET", "job_export")
def export_by_api(scene: Scene) -> Any:
    return scene.call("GET", "job_export", job_id=ended(scene).uuid)


@admin("jobs.actions.exported", "job.exported")
def export_by_page(scene: Scene) -> Any:
    job = ended(scene)
    address = f"/jobs/{job.uuid}/export.csv"
    assert address in scene.admin.get(f"/admin/jobs/job/{job.uuid}/live/").content.decode()
    return scene.admin.get(address)


@admin("jobs.actions.delete", "job.deleted")
def delete_by_page(scene: Scene) -> Any:
    return scene.press("jobs_job_delete", None, ended(scene).pk)


# --- Suppressed numbers ------------------------------------------------------------------------------------


@api("jobs.actions.suppress", "suppression.created", "POST", "suppressions")
def suppress_by_api(scene: Scene) -> Any:
    return scene.call("POST", "suppressions", {"phone": PHONE})


@admin("jobs.actions.suppress", "suppression.created")
def suppress_by_page(scene: Scene) -> Any:
    return scene.press("jobs_suppression_add", {"phone": PHONE, "reason": ""})


@api("jobs.actions.give_reason", "suppression.changed", "PUT", "suppression")
def reason_by_put(scene: Scene) -> Any:
    body = {"phone": PHONE, "reason": "lo pidió"}
    return scene.call("PUT", "suppression", body, suppression_id=suppressed(scene).pk)


@api("jobs.actions.give_reason", "suppression.changed", "PATCH", "suppression")
def reason_by_patch(scene: Scene) -> Any:
    return scene.call("PATCH", "suppression", {"reason": "lo pidió"}, suppression_id=suppressed(scene).pk)


@api("jobs.actions.lift", "suppression.deleted", "DELETE", "suppression")
def lift_by_api(scene: Scene) -> Any:
    return scene.call("DELETE", "suppression", suppression_id=suppressed(scene).pk)


@admin("jobs.actions.lift", "suppression.deleted")
def lift_by_page(scene: Scene) -> Any:
    return scene.press("jobs_suppression_delete", None, suppressed(scene).pk)


@admin("jobs.actions.lift", "suppression.deleted")
def lift_several_by_page(scene: Scene) -> Any:
    rows = [suppressed(scene), suppressed(scene, "+51987654322")]
    form = {"action": "delete_selected", "_selected_action": [row.pk for row in rows], "post": "yes"}
    return scene.press("jobs_suppression_changelist", form)
