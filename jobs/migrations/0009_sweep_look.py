"""When the sweep last looked at all devices and jobs under way, and which those were."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("jobs", "0008_doubts_and_rests")]

    operations = [
        migrations.CreateModel(
            "SweepLook",
            [
                ("id", models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("looked_at", models.DateTimeField()),
                ("saw", models.TextField()),
            ],
            options={"constraints": [models.CheckConstraint(condition=Q(id=1), name="sweep_look_is_one_row")]},
        )
    ]
