from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0020_replied"),
    ]

    operations = [
        migrations.AddField(
            model_name="job",
            name="way_out",
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
