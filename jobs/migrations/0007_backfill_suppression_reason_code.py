from typing import Any, Final

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

BATCH_ROWS: Final = 10_000
OPTED_OUT: Final = "El contacto pidió no recibir mensajes."  # as it was written until now


def backfill(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    rows: Any = apps.get_model("jobs", "Suppression")._base_manager.filter(reason=OPTED_OUT).order_by("pk")
    while ids := list(rows.values_list("pk", flat=True)[:BATCH_ROWS]):
        rows.filter(pk__in=ids).order_by().update(reason="", reason_code="opted_out")


def restore(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    rows: Any = apps.get_model("jobs", "Suppression")._base_manager
    rows.filter(reason_code="opted_out").update(reason=OPTED_OUT, reason_code="")


class Migration(migrations.Migration):
    """The one sentence that we stored as a reason becomes its code."""

    dependencies = [("jobs", "0006_suppression_reason_code")]

    operations = [migrations.RunPython(backfill, restore)]
