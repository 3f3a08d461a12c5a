"""How many of a file's numbers are landlines; of jobs of before nobody counted."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0012_job_countries")]

    operations = [
        migrations.AddField(
            model_name="job",
            name="landlines",
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
    ]
