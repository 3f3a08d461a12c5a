import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.manager
from django.db import migrations, models


# As the index by message id: nobody asks for an order. What was sent before has no key, and is not found by it.
ANSWERED = """
    ALTER TABLE jobs_sentmessage ADD COLUMN phone_key varchar(16) NOT NULL DEFAULT '';
    CREATE INDEX sent_message_by_phone ON jobs_sentmessage USING hash (phone_key) WHERE phone_key <> '';
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_replies"),
        ("devices", "0012_history"),
        ("jobs", "0018_backfill_job_parts"),
    ]

    operations = [
        migrations.AddField(
            model_name="job",
            name="purpose",
            field=models.CharField(
                choices=[
                    ("send", "to many"),
                    ("answer", "a person's answer"),
                    ("confirmation", "confirmation of an opt-out"),
                ],
                db_default="send",
                default="send",
                max_length=12,
            ),
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(ANSWERED, "ALTER TABLE jobs_sentmessage DROP COLUMN phone_key")],
            state_operations=[
                migrations.AddField("sentmessage", "phone_key", models.CharField(max_length=16, db_default="")),
            ],
        ),
        migrations.CreateModel(
            name="Answer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("phone_key", models.CharField(max_length=16)),
                ("text", models.TextField()),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="accounts.account"
                    ),
                ),
                (
                    "job",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="answer", to="jobs.job"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["account", "phone_key", "-id"], name="answer_to_person")],
            },
            managers=[
                ("unscoped", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="Identity",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("lid", models.CharField(max_length=20)),
                ("phone", models.CharField(max_length=20)),
                ("phone_key", models.CharField(max_length=16)),
                ("learned_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="accounts.account"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["account", "phone_key"], name="identity_by_phone")],
                "constraints": [models.UniqueConstraint(fields=("account", "lid"), name="identity_once_per_account")],
            },
        ),
        migrations.CreateModel(
            name="IncomingMessage",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("message_id", models.CharField(editable=False, max_length=80)),
                ("phone", models.CharField(blank=True, max_length=20, verbose_name="phone")),
                ("phone_key", models.CharField(blank=True, editable=False, max_length=16)),
                ("lid", models.CharField(blank=True, editable=False, max_length=20)),
                ("name", models.CharField(blank=True, max_length=120, verbose_name="name")),
                ("kind", models.CharField(max_length=16, verbose_name="kind")),
                ("text", models.TextField(blank=True, verbose_name="text")),
                ("quoted_id", models.CharField(blank=True, editable=False, max_length=80)),
                ("recipient_id", models.BigIntegerField(editable=False, null=True)),
                (
                    "wish",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("out", "wants no more messages"),
                            ("in", "wants messages again"),
                            ("in_after_out", "wants messages again"),
                            ("near_out", "perhaps wants no more messages"),
                            ("", "none"),
                        ],
                        max_length=16,
                        verbose_name="wish",
                    ),
                ),
                ("at", models.DateTimeField(verbose_name="written")),
                (
                    "received_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("edited_at", models.DateTimeField(editable=False, null=True)),
                ("settled_at", models.DateTimeField(editable=False, null=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="incoming_messages",
                        to="accounts.account",
                        verbose_name="account",
                    ),
                ),
                (
                    "device",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="devices.device",
                        verbose_name="device",
                    ),
                ),
            ],
            options={
                "verbose_name": "incoming message",
                "verbose_name_plural": "incoming messages",
                "ordering": ("-id",),
                "indexes": [
                    models.Index(fields=["account", "-id"], name="incoming_newest_first"),
                    models.Index(fields=["account", "phone_key", "-id"], name="incoming_of_person"),
                    models.Index(
                        condition=models.Q(
                            ("settled_at", None), models.Q(("wish", "near_out"), ("phone", ""), _connector="OR")
                        ),
                        fields=["account", "-id"],
                        name="incoming_unsettled",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("device", "message_id"), name="incoming_once_per_message")
                ],
            },
            managers=[
                ("unscoped", django.db.models.manager.Manager()),
            ],
        ),
    ]
