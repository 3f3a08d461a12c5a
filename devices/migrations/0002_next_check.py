"""When a device is asked next, when it was well, and how often in a row it was not."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("devices", "0001_initial")]

    operations = [
        migrations.AddField("device", "next_check_at", models.DateTimeField(editable=False, null=True)),
        migrations.AddField("device", "last_well_at", models.DateTimeField(editable=False, null=True)),
        migrations.AddField("device", "trouble_count", models.PositiveSmallIntegerField(db_default=0, editable=False)),
    ]
