from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0018_place_of_imports"),
    ]

    operations = [
        migrations.AddField(
            model_name="campaign",
            name="way_out",
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
