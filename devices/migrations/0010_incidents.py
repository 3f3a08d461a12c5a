"""Devices that were found not to be what they seem, and whether people were told."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models.functions import Now


class Migration(migrations.Migration):
    dependencies = [("devices", "0009_link_told_at")]

    operations = [
        migrations.CreateModel(
            "Incident",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "device",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="incidents", to="devices.device"
                    ),
                ),
                ("reason", models.CharField(max_length=40)),
                ("began_at", models.DateTimeField(db_default=Now())),
                ("over_at", models.DateTimeField(null=True)),
                ("began_told_at", models.DateTimeField(null=True)),
                ("over_told_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["id"],
                        name="incident_untold",
                        condition=models.Q(
                            ("began_told_at", None),
                            models.Q(("over_at__isnull", False), ("over_told_at", None)),
                            _connector="OR",
                        ),
                    ),
                    models.Index(fields=["device"], name="incident_open", condition=models.Q(("over_at", None))),
                ]
            },
        )
    ]
