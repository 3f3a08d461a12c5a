"""Which device is asked next how it is."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("devices", "0003_runners")]

    operations = [
        migrations.AddIndex(
            "device",
            models.Index(
                models.F("next_check_at").asc(nulls_first=True),
                name="device_next_check",
                condition=models.Q(enabled=True),
            ),
        ),
    ]
