from django.db import migrations


class Migration(migrations.Migration):
    """The sentences are said by the code now, in each reader's language."""

    dependencies = [("campaigns", "0005_backfill_note_and_notification_codes")]

    operations = [
        migrations.RemoveField(model_name="campaign", name="description"),
        migrations.RemoveField(model_name="notification", name="title"),
        migrations.RemoveField(model_name="notification", name="text"),
    ]
