from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0006_drop_stored_sentences")]

    operations = [
        migrations.AddField(
            model_name="campaign",
            name="allow_missing",
            field=models.BooleanField(default=False, verbose_name="send unknown variables"),
        ),
    ]
