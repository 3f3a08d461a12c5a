import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.manager
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_replies"),
        ("campaigns", "0020_campaign_kind"),
    ]

    operations = [
        migrations.AddField(
            model_name="contact",
            name="other_basis",
            field=models.CharField(blank=True, db_default="", default="", editable=False, max_length=20),
        ),
        migrations.AddConstraint(
            model_name="contact",
            constraint=models.CheckConstraint(
                condition=models.Q(("other_basis__in", ["", "legitimate_interest", "contract"])),
                name="contact_other_basis_is_known",
            ),
        ),
        migrations.CreateModel(
            name="ConsentRecord",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("contact_id", models.BigIntegerField(null=True)),
                ("phone_key", models.CharField(blank=True, db_default="", max_length=16)),
                ("phone", models.CharField(blank=True, db_default="", max_length=20)),
                ("is_revocation", models.BooleanField(db_default=False)),
                (
                    "kind",
                    models.CharField(
                        blank=True,
                        choices=[("commercial", "commercial"), ("service", "service")],
                        db_default="",
                        max_length=10,
                    ),
                ),
                (
                    "basis",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("consent", "consent"),
                            ("legitimate_interest", "legitimate interest"),
                            ("contract", "contract"),
                        ],
                        db_default="",
                        max_length=20,
                    ),
                ),
                (
                    "channel",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("file", "file"),
                            ("api", "API"),
                            ("admin", "admin"),
                            ("reply", "WhatsApp"),
                            ("form", "form"),
                            ("phone", "telephone"),
                            ("in_person", "in person"),
                            ("other", "another way"),
                        ],
                        db_default="",
                        max_length=10,
                    ),
                ),
                ("source", models.CharField(blank=True, db_default="", max_length=200)),
                ("evidence", models.JSONField(blank=True, db_default={}, default=dict)),
                ("text_version", models.CharField(blank=True, db_default="", max_length=100)),
                ("user_id", models.BigIntegerField(null=True)),
                ("given_at", models.DateTimeField()),
                (
                    "recorded_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="accounts.account",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["account", "phone_key", "id"], name="consent_of_number"),
                    models.Index(
                        condition=models.Q(("contact_id__isnull", False)),
                        fields=["account", "contact_id", "id"],
                        name="consent_of_contact",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["", "commercial", "service"])), name="consent_kind_is_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("basis__in", ["", "consent", "legitimate_interest", "contract"])),
                        name="consent_basis_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "channel__in",
                                ["", "file", "api", "admin", "reply", "form", "phone", "in_person", "other"],
                            )
                        ),
                        name="consent_channel_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("basis", ""), ("is_revocation", True)),
                            models.Q(("is_revocation", False), models.Q(("basis", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="consent_has_a_basis",
                    ),
                ],
            },
            managers=[
                ("unscoped", django.db.models.manager.Manager()),
            ],
        ),
    ]
