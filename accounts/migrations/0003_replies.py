from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_time_zone_country_and_window"),
    ]

    operations = [
        migrations.AddField(
            model_name="account",
            name="opt_out_words",
            field=models.JSONField(blank=True, db_default={}, default=dict, verbose_name="opt-out words"),
        ),
    ]
