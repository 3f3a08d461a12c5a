from django.db import migrations, models


class Migration(migrations.Migration):
    """Why we ourselves suppress a number is stored as a code; `reason` is what people write."""

    dependencies = [("jobs", "0005_suppression_phone_key")]

    operations = [
        migrations.AddField(
            model_name="suppression",
            name="reason_code",
            field=models.CharField(blank=True, db_default="", default="", editable=False, max_length=40),
        ),
    ]
