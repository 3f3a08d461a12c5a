"""The newest word of a device's link, so that what comes late changes nothing."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("devices", "0008_acknowledgements")]

    operations = [migrations.AddField("webhook", "link_told_at", models.DateTimeField(null=True))]
