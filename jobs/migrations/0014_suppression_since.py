from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0013_job_landlines"),
    ]

    operations = [
        migrations.AddField(
            model_name="suppression",
            name="since",
            field=models.DateTimeField(editable=False, null=True, verbose_name="since"),
        ),
    ]
