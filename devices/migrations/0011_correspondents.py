"""Who has written to a device."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("devices", "0010_incidents")]

    operations = [
        migrations.CreateModel(
            "Correspondent",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "device",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="correspondents",
                        to="devices.device",
                    ),
                ),
                ("phone_key", models.CharField(max_length=16)),
                ("first_at", models.DateTimeField()),
                ("last_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("device", "phone_key"), name="correspondent_once_per_device")
                ],
            },
        )
    ]
