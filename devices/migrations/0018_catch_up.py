"""What gateways told in vain: since when something may be missed, and how far their stores were read for it."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("devices", "0017_knocks"),
    ]

    operations = [
        migrations.CreateModel(
            name="CatchUp",
            fields=[
                (
                    "device",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="catch_up",
                        serialize=False,
                        to="devices.device",
                    ),
                ),
                ("missed_since", models.DateTimeField(null=True)),
                ("began_at", models.DateTimeField(null=True)),
                ("read_back_to", models.DateTimeField(null=True)),
                ("look_at", models.DateTimeField(null=True)),
                ("looks_in_vain", models.PositiveSmallIntegerField(db_default=0)),
                ("problem", models.CharField(blank=True, db_default="", max_length=40)),
            ],
            options={
                "db_table": "devices_catchup",
            },
        ),
        migrations.CreateModel(
            name="Presence",
            fields=[
                ("id", models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("open_at", models.DateTimeField()),
            ],
            options={
                "db_table": "devices_presence",
            },
        ),
        migrations.AddIndex(
            model_name="outage",
            index=models.Index(fields=["over_at"], name="outage_over"),
        ),
        migrations.AddIndex(
            model_name="catchup",
            index=models.Index(
                models.OrderBy(models.F("look_at"), nulls_first=True),
                condition=models.Q(("missed_since__isnull", False)),
                name="catch_up_due",
            ),
        ),
        migrations.AddConstraint(
            model_name="presence",
            constraint=models.CheckConstraint(condition=models.Q(("id", 1)), name="presence_is_one_row"),
        ),
    ]
