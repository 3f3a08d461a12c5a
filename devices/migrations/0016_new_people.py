"""How many strangers a device may write to in a day, and to how many it has."""

from django.db import migrations, models

TELL = """
    CREATE TRIGGER device_strangers AFTER UPDATE OF new_people_a_day ON devices_device FOR EACH ROW
    WHEN (old.new_people_a_day IS DISTINCT FROM new.new_people_a_day) EXECUTE FUNCTION tell_runners();
"""


class Migration(migrations.Migration):
    dependencies = [("devices", "0015_told_of")]

    operations = [
        migrations.AddField(
            "device",
            "new_people_a_day",
            models.PositiveIntegerField(
                blank=True,
                help_text=(
                    "Of people who never wrote to this number, it writes to no more than this in a day. 0 means no "
                    "limit; empty, as the server is set."
                ),
                null=True,
                verbose_name="new people per day",
            ),
        ),
        migrations.AddField("lane", "strangers_day", models.DateField(null=True)),
        migrations.AddField("lane", "strangers_count", models.IntegerField(db_default=0)),
        migrations.RunSQL(TELL, "DROP TRIGGER device_strangers ON devices_device"),
    ]
