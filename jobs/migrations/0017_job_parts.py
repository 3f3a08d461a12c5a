"""What became of a job's messages by device and variant."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0016_canary")]

    operations = [
        migrations.CreateModel(
            "JobPart",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("device_id", models.BigIntegerField()),
                ("variant", models.IntegerField()),
                ("total", models.IntegerField(db_default=0)),
                ("sent", models.IntegerField(db_default=0)),
                ("failed", models.IntegerField(db_default=0)),
                ("delivered", models.IntegerField(db_default=0)),
                ("read", models.IntegerField(db_default=0)),
                ("played", models.IntegerField(db_default=0)),
                ("failed_after", models.IntegerField(db_default=0)),
                ("first_receipt_at", models.DateTimeField(null=True)),
                ("last_receipt_at", models.DateTimeField(null=True)),
                (
                    "job",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="parts",
                        to="jobs.job",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("job", "device_id", "variant"), name="part_once_per_job")
                ]
            },
        )
    ]
