"""Whether a campaign sends to a few first, where it is large."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0016_notifications_of_devices")]

    operations = [
        migrations.AddField(
            model_name="campaign",
            name="canary",
            field=models.BooleanField(db_default=True, default=True),
        ),
    ]
