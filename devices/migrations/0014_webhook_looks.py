"""When each device's webhook is seen to again."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("devices", "0013_time_lock")]

    operations = [
        migrations.AddField("webhook", "looked_at", models.DateTimeField(null=True)),
        migrations.AddField("webhook", "look_at", models.DateTimeField(null=True)),
        migrations.AddField("webhook", "looks_in_vain", models.PositiveSmallIntegerField(db_default=0)),
        migrations.AddField("webhook", "public_url", models.CharField(db_default="", max_length=500)),
        migrations.AddIndex(
            "webhook",
            models.Index(models.OrderBy(models.F("look_at"), nulls_first=True), name="webhook_look"),
        ),
    ]
