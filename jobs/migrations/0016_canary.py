"""Whether a job sends to a few first, where those end, and how they stand."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0015_receipts")]

    operations = [
        migrations.AddField(
            model_name="job",
            name="canary_end",
            field=models.PositiveIntegerField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="job",
            name="canary_state",
            field=models.CharField(
                blank=True,
                choices=[
                    ("", "None"),
                    ("under_way", "Under Way"),
                    ("passed", "Passed"),
                    ("held", "Held"),
                    ("overruled", "Overruled"),
                ],
                db_default="",
                default="",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="job",
            name="canary_told_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="job",
            name="canary_until",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="job",
            name="canary_wanted",
            field=models.BooleanField(db_default=True, default=True),
        ),
        migrations.AddConstraint(
            model_name="job",
            constraint=models.CheckConstraint(
                condition=models.Q(("canary_state__in", ["", "under_way", "passed", "held", "overruled"])),
                name="job_canary_state_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="job",
            constraint=models.CheckConstraint(
                condition=models.Q(("canary_state", ""), ("canary_end__isnull", False), _connector="OR"),
                name="job_canary_has_an_end",
            ),
        ),
    ]
