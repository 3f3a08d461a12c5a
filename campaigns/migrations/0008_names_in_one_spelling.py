import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.manager
from django.db import migrations, models

import campaigns.models


class Migration(migrations.Migration):
    """Room for the form that all spellings of a label and of an attribute share; 0009 fills it."""

    dependencies = [
        ("accounts", "0002_time_zone_country_and_window"),
        ("campaigns", "0007_campaign_allow_missing"),
    ]

    operations = [
        migrations.AddField(
            model_name="label",
            name="folded",
            field=campaigns.models.FoldedName(default="", editable=False, max_length=400),
            preserve_default=False,
        ),
        migrations.CreateModel(
            name="AttributeName",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=200, verbose_name="name")),
                ("folded", campaigns.models.FoldedName(editable=False, max_length=800)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="created"
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="attribute_names",
                        to="accounts.account",
                        verbose_name="account",
                    ),
                ),
            ],
            options={
                "verbose_name": "attribute",
                "verbose_name_plural": "attributes",
                "ordering": ("name",),
                "constraints": [
                    models.UniqueConstraint(fields=("account", "folded"), name="attribute_once_per_account")
                ],
            },
            managers=[("unscoped", django.db.models.manager.Manager())],
        ),
    ]
