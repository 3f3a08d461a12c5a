from typing import Any

from django.db import migrations, models

from devices.phone_numbers import key_of


def fill(apps: Any, schema_editor: Any) -> None:
    """Give each ban its key; of several spellings of one number the first ban stays."""
    suppression = apps.get_model("jobs", "Suppression")
    seen: set[tuple[int, str]] = set()
    for row in suppression._base_manager.order_by("id").iterator():
        row.phone_key = key_of(row.phone)
        if (row.account_id, row.phone_key) in seen:
            row.delete()
            continue
        seen.add((row.account_id, row.phone_key))
        row.save(update_fields=["phone_key"])


class Migration(migrations.Migration):
    """Brazilian, Mexican and Argentine numbers have several spellings: a ban is for all of them."""

    dependencies = [("jobs", "0004_recipient_room")]

    operations = [
        migrations.AddField(
            "suppression", "phone_key", models.CharField(default="", editable=False, max_length=16), preserve_default=False
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.RemoveConstraint("suppression", "suppression_once_per_phone"),
        migrations.AddConstraint(
            "suppression",
            models.UniqueConstraint(fields=["account", "phone_key"], name="suppression_once_per_number"),
        ),
    ]
