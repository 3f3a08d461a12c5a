"""Until when a device writes only to people who wrote to it, and what says that it must."""

from django.db import migrations, models

TELL = """
    CREATE TRIGGER device_locked AFTER UPDATE OF only_known_until ON devices_device FOR EACH ROW
    WHEN (old.only_known_until IS DISTINCT FROM new.only_known_until) EXECUTE FUNCTION tell_runners();
"""


class Migration(migrations.Migration):
    dependencies = [("devices", "0012_history")]

    operations = [
        migrations.AddField("device", "only_known_until", models.DateTimeField(editable=False, null=True)),
        migrations.AddIndex(
            "device",
            models.Index(
                fields=["only_known_until"],
                name="device_only_known",
                condition=models.Q(("only_known_until__isnull", False)),
            ),
        ),
        migrations.AddField("acknowledgement", "refusals", models.PositiveSmallIntegerField(db_default=0)),
        migrations.AddField("acknowledgement", "refused_at", models.DateTimeField(null=True)),
        migrations.RunSQL(TELL, "DROP TRIGGER device_locked ON devices_device"),
    ]
