"""People who ask to be forgotten, or what is held of them."""

from io import StringIO
from typing import Any

from django.core.management import call_command

from tests.acts.contact_doors import PHONE, contact
from tests.acts.table import Scene, admin, api, command

ACTS = "campaigns.actions.person_acts"


@api(f"{ACTS}.erase", "person.erased", "POST", "erasures")
def erase_by_api(scene: Scene) -> Any:
    return scene.call("POST", "erasures", {"phone": PHONE})


@api(f"{ACTS}.erase", "person.erased", "POST", "contact_erase")
def erase_contact_by_api(scene: Scene) -> Any:
    return scene.call("POST", "contact_erase", contact_id=contact(scene).pk)


@admin(f"{ACTS}.erase", "person.erased")
def erase_by_page(scene: Scene) -> Any:
    return scene.press("campaigns_contact_person", {"written": PHONE, "do": "erase", "sure": "true"})


@admin(f"{ACTS}.erase", "person.erased")
def erase_contact_by_page(scene: Scene) -> Any:
    form = {"written": PHONE, "do": "erase", "sure": "true"}
    return scene.press("campaigns_contact_of_person", form, contact(scene).pk)


@command(f"{ACTS}.erase", "person.erased", "erase_person")
def erase_by_command(scene: Scene) -> None:
    call_command("erase_person", PHONE, "--account", scene.account.name, stdout=StringIO())


@api(f"{ACTS}.exported", "person.exported", "POST", "access_exports")
def export_by_api(scene: Scene) -> Any:
    return scene.call("POST", "access_exports", {"phone": PHONE})


@api(f"{ACTS}.exported", "person.exported", "GET", "contact_access_export")
def export_contact_by_api(scene: Scene) -> Any:
    return scene.call("GET", "contact_access_export", contact_id=contact(scene).pk)


@admin(f"{ACTS}.exported", "person.exported")
def export_by_page(scene: Scene) -> Any:
    return scene.press("campaigns_contact_person", {"written": PHONE, "do": "export"})


@command(f"{ACTS}.exported", "person.exported", "export_person")
def export_by_command(scene: Scene) -> None:
    call_command("export_person", PHONE, "--account", scene.account.name, stdout=StringIO())
