"""Exclusion lists."""

from typing import Any

from jobs.models import ExclusionList
from tests.acts.contact_doors import file
from tests.acts.table import Form, Scene, admin, api

ACTS = "campaigns.actions.exclusion_acts"


def exclusion_list(scene: Scene, name: str = "REPEP") -> ExclusionList:
    row: ExclusionList = ExclusionList.unscoped.create(account=scene.account, name=name, kind="repep")
    return row


def form(**said: Any) -> Form:
    return Form({"file": file(), "name": "REPEP", "kind": "repep", "file_date": "2026-05-31", **said})


@api(f"{ACTS}.create", "exclusion_list.created", "POST", "exclusion_lists")
def create_list_by_api(scene: Scene) -> Any:
    return scene.call("POST", "exclusion_lists", form())


@admin(f"{ACTS}.create", "exclusion_list.created")
def create_list_by_page(scene: Scene) -> Any:
    return scene.press("jobs_exclusionlist_add", form())


@api(f"{ACTS}.load", "exclusion_list.loaded", "POST", "exclusion_list_load")
def load_by_api(scene: Scene) -> Any:
    return scene.call("POST", "exclusion_list_load", Form(file=file()), list_id=exclusion_list(scene).pk)


@admin(f"{ACTS}.load", "exclusion_list.loaded")
def load_by_page(scene: Scene) -> Any:
    return scene.press("jobs_exclusionlist_load", {"file": file(), "file_date": ""}, exclusion_list(scene).pk)


@api(f"{ACTS}.change", "exclusion_list.changed", "PATCH", "exclusion_list")
def switch_off_by_api(scene: Scene) -> Any:
    return scene.call("PATCH", "exclusion_list", {"is_on": False}, list_id=exclusion_list(scene).pk)


@admin(f"{ACTS}.change", "exclusion_list.changed")
def switch_off_by_page(scene: Scene) -> Any:
    return scene.press("jobs_exclusionlist_off", None, exclusion_list(scene).pk)


@admin(f"{ACTS}.change", "exclusion_list.changed")
def switch_on_by_page(scene: Scene) -> Any:
    row = exclusion_list(scene)
    ExclusionList.unscoped.filter(pk=row.pk).update(is_on=False)
    return scene.press("jobs_exclusionlist_on", None, row.pk)


@api(f"{ACTS}.delete", "exclusion_list.deleted", "DELETE", "exclusion_list")
def delete_list_by_api(scene: Scene) -> Any:
    return scene.call("DELETE", "exclusion_list", list_id=exclusion_list(scene).pk)


@admin(f"{ACTS}.delete", "exclusion_list.deleted")
def delete_list_by_page(scene: Scene) -> Any:
    return scene.press("jobs_exclusionlist_delete", None, exclusion_list(scene).pk)
