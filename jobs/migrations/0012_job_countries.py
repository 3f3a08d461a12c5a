"""How a file's numbers without "+" were read, and how many of them are of which country."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0011_job_cancelled_to")]

    operations = [
        migrations.AddField(
            model_name="job",
            name="default_country",
            field=models.CharField(blank=True, db_default="", default="", max_length=2),
        ),
        migrations.AddField(
            model_name="job",
            name="countries",
            field=models.JSONField(blank=True, db_default={}, default=dict),
        ),
    ]
