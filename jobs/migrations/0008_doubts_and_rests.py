"""What is kept of tries that may have gone out, since when and through which devices; and of jobs that rest."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0007_backfill_suppression_reason_code")]

    operations = [
        migrations.AddField("job", "resume_at", models.DateTimeField(editable=False, null=True)),
        migrations.AddField("job", "rests", models.PositiveSmallIntegerField(db_default=0, editable=False)),
        migrations.AddField("job", "sent_again", models.PositiveIntegerField(db_default=0)),
        migrations.AddField("recipient", "doubt_since", models.DateTimeField(null=True)),
        migrations.AddField(
            "recipient",
            "doubt_device_ids",
            django.contrib.postgres.fields.ArrayField(models.BigIntegerField(), null=True),
        ),
    ]
