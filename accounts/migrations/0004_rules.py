from django.db import migrations, models

import accounts.rules.presets


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_replies"),
    ]

    operations = [
        migrations.AddField(
            model_name="account",
            name="country_rules",
            field=models.JSONField(
                blank=True, db_default=[], default=accounts.rules.presets.default, verbose_name="rules of countries"
            ),
        ),
        migrations.AddField(
            model_name="account",
            name="frequency_cap",
            field=models.JSONField(blank=True, db_default={}, default=dict, verbose_name="messages per person"),
        ),
    ]
