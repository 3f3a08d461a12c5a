"""When receipts of a device's messages came last: one that goes silent is taken out."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("devices", "0007_webhook_setting")]

    operations = [
        migrations.CreateModel(
            "Acknowledgement",
            [
                (
                    "device",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="devices.device",
                    ),
                ),
                ("connects_to", models.CharField(max_length=32)),
                ("heard_at", models.DateTimeField()),
                ("unanswered", models.PositiveIntegerField(db_default=0)),
                ("silent_since", models.DateTimeField(null=True)),
                ("spells", models.PositiveSmallIntegerField(db_default=0)),
                ("out_until", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["silent_since"],
                        name="device_silent",
                        condition=models.Q(silent_since__isnull=False),
                    )
                ]
            },
        ),
    ]
