"""Of which messages a device's gateway told last: where that is long ago, it is behind."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("devices", "0014_webhook_looks")]

    operations = [
        migrations.AddField("acknowledgement", "told_of", models.DateTimeField(null=True)),
        migrations.AddField("acknowledgement", "told_at", models.DateTimeField(null=True)),
    ]
