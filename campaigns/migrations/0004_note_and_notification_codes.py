from django.db import migrations, models


class Migration(migrations.Migration):
    """What a campaign notes and tells is stored as a code with details, no longer as a Spanish sentence."""

    dependencies = [("campaigns", "0003_last_sent")]

    operations = [
        migrations.AddField(
            model_name="campaign",
            name="note_code",
            field=models.CharField(blank=True, default="", editable=False, max_length=40),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="campaign", name="note_details", field=models.JSONField(default=dict, editable=False)
        ),
        migrations.AddField(
            model_name="notification",
            name="code",
            field=models.CharField(default="as_written", max_length=40),
            preserve_default=False,
        ),
        migrations.AddField(model_name="notification", name="details", field=models.JSONField(default=dict)),
    ]
