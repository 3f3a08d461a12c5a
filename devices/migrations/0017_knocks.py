"""What came of it when we went a webhook's way ourselves."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("devices", "0016_new_people")]

    operations = [
        migrations.AddField(
            "webhook", "knock_problem", models.CharField(blank=True, db_default="", default="", max_length=40)
        ),
        migrations.AddField("webhook", "knocked_at", models.DateTimeField(null=True)),
    ]
