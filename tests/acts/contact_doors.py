"""Contacts, labels and files of contacts."""

from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from campaigns.models import AttributeName, Contact, ContactImport, Label
from tests.acts.table import Form, Scene, admin, api
from tests.campaigns import arrange

PHONE = "+51987654321"
ACTS = "campaigns.actions.contact_acts"
IMPORTS = "campaigns.actions.import_acts"


def contact(scene: Scene, **fields: Any) -> Contact:
    return arrange.contact(scene.account, PHONE, **fields)


def label(scene: Scene) -> Label:
    row: Label = Label.unscoped.create(account=scene.account, name="vip")
    return row


def attribute(scene: Scene) -> AttributeName:
    row: AttributeName = AttributeName.unscoped.create(account=scene.account, name="edad")
    return row


def file() -> SimpleUploadedFile:
    return SimpleUploadedFile("lista.csv", b"phone,name\n+51987654321,Ana\n")


def imported(scene: Scene) -> ContactImport:
    """A file that was checked and may be started."""
    answer = scene.call("POST", "contact_imports", Form(file=file()))
    scene.forget()
    rows = ContactImport.unscoped.filter(pk=answer.json()["id"])
    rows.update(status=ContactImport.Status.READY, rows=1)
    row: ContactImport = rows.get()
    return row


def form_of(contact: Contact, **changes: Any) -> dict[str, Any]:
    return {"name": contact.name, "phone": contact.phone, "email": "", "labels": "", **changes}


# --- One contact -------------------------------------------------------------------------------------------


@api(f"{ACTS}.save", "contact.created", "POST", "contacts")
def create_by_api(scene: Scene) -> Any:
    return scene.call("POST", "contacts", {"name": "Ana", "phone": PHONE, "labels": ["new"], "opted_out": True})


@admin(f"{ACTS}.save", "contact.created")
def create_by_page(scene: Scene) -> Any:
    return scene.press("campaigns_contact_add", {"name": "Ana", "phone": PHONE, "labels": ""})


@api(f"{ACTS}.save", "contact.changed", "PATCH", "contact")
def change_by_patch(scene: Scene) -> Any:
    return scene.call("PATCH", "contact", {"name": "Ana", "opted_out": True}, contact_id=contact(scene).pk)


@api(f"{ACTS}.record_consent", "consent.recorded", "POST", "consents")
def record_consent_by_api(scene: Scene) -> Any:
    return scene.call("POST", "consents", {"contact_id": contact(scene).pk, "source": "Web"})


@api(f"{ACTS}.save", "contact.changed", "PUT", "contact")
def change_by_put(scene: Scene) -> Any:
    return scene.call("PUT", "contact", {"name": "Ana", "phone": PHONE}, contact_id=contact(scene).pk)


@admin(f"{ACTS}.save", "contact.changed")
def change_by_page(scene: Scene) -> Any:
    row = contact(scene)
    return scene.press("campaigns_contact_change", form_of(row, name="Ana"), row.pk)


@api(f"{ACTS}.save", "contact.opted_out", "PATCH", "contact")
def opt_one_out_by_api(scene: Scene) -> Any:
    return scene.call("PATCH", "contact", {"opted_out": True}, contact_id=contact(scene).pk)


@admin(f"{ACTS}.save", "contact.opted_out")
def opt_one_out_by_page(scene: Scene) -> Any:
    row = contact(scene)
    return scene.press("campaigns_contact_change", form_of(row, opted_out="on"), row.pk)


@api(f"{ACTS}.save", "contact.opted_in", "PATCH", "contact")
def opt_one_in_by_api(scene: Scene) -> Any:
    row = contact(scene, opted_out_at=timezone.now())
    return scene.call("PATCH", "contact", {"opted_out": False}, contact_id=row.pk)


@api(f"{ACTS}.delete", "contact.deleted", "DELETE", "contact")
def delete_by_api(scene: Scene) -> Any:
    return scene.call("DELETE", "contact", contact_id=contact(scene).pk)


@admin(f"{ACTS}.delete", "contact.deleted")
def delete_by_page(scene: Scene) -> Any:
    return scene.press("campaigns_contact_delete", None, contact(scene).pk)


# --- Many ----------------------------------------------------------------------------------------------------


@api(f"{ACTS}.put_on", "contacts.labelled", "POST", "contacts_bulk_label")
def label_by_api(scene: Scene) -> Any:
    return scene.call("POST", "contacts_bulk_label", {"contact_ids": [contact(scene).pk], "labels": ["vip"]})


@api(f"{ACTS}.take_off", "contacts.unlabelled", "POST", "contacts_bulk_unlabel")
def unlabel_by_api(scene: Scene) -> Any:
    row = contact(scene, labels=["vip"])
    return scene.call("POST", "contacts_bulk_unlabel", {"contact_ids": [row.pk], "labels": ["vip"]})


def _bulk(act: str, code: str, action: str, **fields: Any) -> None:
    def by_page(scene: Scene) -> Any:
        row = contact(scene, **fields)
        form = {"action": action, "id": [row.pk], "confirmed": "yes", "labels": ["vip"]}
        return scene.press("campaigns_contact_bulk", form)

    admin(f"{ACTS}.{act}", code)(by_page)


_bulk("put_on", "contacts.labelled", "label")
_bulk("take_off", "contacts.unlabelled", "unlabel", labels=["vip"])
_bulk("opt_out", "contacts.opted_out", "opt_out")
_bulk("opt_in", "contacts.opted_in", "opt_in", opted_out_at=timezone.now())
_bulk("exported", "contacts.exported", "export")


@api(f"{ACTS}.exported", "contacts.exported", "GET", "contacts_export")
def export_by_api(scene: Scene) -> Any:
    return scene.call("GET", "contacts_export")


@admin(f"{ACTS}.exported", "contacts.exported")
def export_all_by_page(scene: Scene) -> Any:
    contact(scene)
    answer = scene.press("campaigns_contact_bulk", {"action": "export", "scope": "all"})
    return scene.admin.get(answer["Location"])


# --- Labels --------------------------------------------------------------------------------------------------


@api(f"{ACTS}.create_label", "label.created", "POST", "labels")
def create_label_by_api(scene: Scene) -> Any:
    return scene.call("POST", "labels", {"name": "vip"})


@admin(f"{ACTS}.create_label", "label.created")
def create_label_by_page(scene: Scene) -> Any:
    return scene.press("campaigns_label_add", {"name": "vip"})


@api(f"{ACTS}.rename_label", "label.renamed", "PUT", "label")
def rename_label_by_put(scene: Scene) -> Any:
    return scene.call("PUT", "label", {"name": "gold"}, label_id=label(scene).pk)


@api(f"{ACTS}.rename_label", "label.renamed", "PATCH", "label")
def rename_label_by_patch(scene: Scene) -> Any:
    return scene.call("PATCH", "label", {"name": "gold"}, label_id=label(scene).pk)


@admin(f"{ACTS}.rename_label", "label.renamed")
def rename_label_by_page(scene: Scene) -> Any:
    return scene.press("campaigns_label_change", {"name": "gold"}, label(scene).pk)


@api(f"{ACTS}.delete_label", "label.deleted", "DELETE", "label")
def delete_label_by_api(scene: Scene) -> Any:
    return scene.call("DELETE", "label", label_id=label(scene).pk)


@admin(f"{ACTS}.delete_label", "label.deleted")
def delete_label_by_page(scene: Scene) -> Any:
    return scene.press("campaigns_label_delete", None, label(scene).pk)


# --- Imports ---------------------------------------------------------------------------------------------------


@api(f"{IMPORTS}.accept_file", "contact_import.uploaded", "POST", "contact_imports")
def upload_contacts_by_api(scene: Scene) -> Any:
    return scene.call("POST", "contact_imports", Form(file=file(), mapping='{"columns": {"phone": 0}}'))


@admin(f"{IMPORTS}.accept_file", "contact_import.uploaded")
def upload_contacts_by_page(scene: Scene) -> Any:
    return scene.press("campaigns_contactimport_add", {"file": file()})


@api(f"{IMPORTS}.map_columns", "contact_import.mapped", "PATCH", "contact_import")
def map_columns_by_api(scene: Scene) -> Any:
    body = {"mapping": {"columns": {"phone": 0}}}
    return scene.call("PATCH", "contact_import", body, import_id=imported(scene).pk)


@admin(f"{IMPORTS}.map_columns", "contact_import.mapped")
def map_columns_by_page(scene: Scene) -> Any:
    row = imported(scene)
    form = {
        "encoding": "utf-8",
        "delimiter": ",",
        "header": "true",
        "add_labels": "",
        "default_country": "pe",
        "update_existing": "true",
        "meaning-0": "phone",
        "meaning-1": "name",
    }
    return scene.press("campaigns_contactimport_columns", form, row.pk)


@api(f"{IMPORTS}.start", "contact_import.started", "POST", "contact_import_start")
def start_by_api(scene: Scene) -> Any:
    return scene.call("POST", "contact_import_start", import_id=imported(scene).pk)


@admin(f"{IMPORTS}.start", "contact_import.started")
def start_by_page(scene: Scene) -> Any:
    return scene.press("campaigns_contactimport_start", None, imported(scene).pk)


@api(f"{IMPORTS}.delete", "contact_import.deleted", "DELETE", "contact_import")
def delete_import_by_api(scene: Scene) -> Any:
    return scene.call("DELETE", "contact_import", import_id=imported(scene).pk)


@admin(f"{IMPORTS}.delete", "contact_import.deleted")
def delete_import_by_page(scene: Scene) -> Any:
    return scene.press("campaigns_contactimport_delete", None, imported(scene).pk)


# --- Attributes --------------------------------------------------------------------------------------------


@api(f"{ACTS}.say_kind", "attribute.changed", "PATCH", "attribute")
def say_kind_by_api(scene: Scene) -> Any:
    return scene.call("PATCH", "attribute", {"kind": "number"}, attribute_id=attribute(scene).pk)


@admin(f"{ACTS}.say_kind", "attribute.changed")
def say_kind_by_page(scene: Scene) -> Any:
    return scene.press("campaigns_attributename_change", {"kind": "number"}, attribute(scene).pk)


# --- Files of suppressed numbers ---------------------------------------------------------------------------------


@api(f"{IMPORTS}.suppress_file", "suppressions.imported", "POST", "suppressions_import")
def suppress_file_by_api(scene: Scene) -> Any:
    return scene.call("POST", "suppressions_import", Form(file=file(), reason="RNE"))


@admin(f"{IMPORTS}.start", "suppressions.imported")
def suppress_file_by_page(scene: Scene) -> Any:
    row = imported(scene)
    ContactImport.unscoped.filter(pk=row.pk).update(kind=ContactImport.Kind.SUPPRESSIONS)
    return scene.press("campaigns_contactimport_start", None, row.pk)
