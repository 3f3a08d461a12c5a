"""What became of a message after the gateway took it: times on its recipient, counts on its job, and whose it was."""

from django.db import migrations, models
from django.db.models.functions import Now

# A row for each acceptance, never changed: there is nothing to vacuum. By hash: ids are random and only ever asked for
# one by one, and so the index is half as large.
SENT_MESSAGES = """
    CREATE TABLE jobs_sentmessage (
        recipient_id bigint NOT NULL,
        device_id bigint NOT NULL,
        slot smallint NOT NULL,
        message_id varchar(80) NOT NULL
    ) PARTITION BY LIST (slot);
    CREATE TABLE jobs_sentmessage_0 PARTITION OF jobs_sentmessage FOR VALUES IN (0);
    CREATE TABLE jobs_sentmessage_1 PARTITION OF jobs_sentmessage FOR VALUES IN (1);
    CREATE INDEX sent_message_by_id ON jobs_sentmessage USING hash (message_id);
    INSERT INTO devices_turn (name) VALUES ('sent_messages');
"""


class Migration(migrations.Migration):
    dependencies = [("jobs", "0014_suppression_since"), ("devices", "0005_webhooks")]

    operations = [
        migrations.AddField("recipient", "delivered_at", models.DateTimeField(null=True, verbose_name="delivered")),
        migrations.AddField("recipient", "read_at", models.DateTimeField(null=True, verbose_name="read")),
        migrations.AddField("recipient", "played_at", models.DateTimeField(null=True, verbose_name="played")),
        migrations.AddField(
            "recipient",
            "failed_after_at",
            models.DateTimeField(null=True, verbose_name="refused after acceptance"),
        ),
        migrations.AddField(
            "job", "delivered", models.PositiveIntegerField(db_default=0, default=0, verbose_name="delivered")
        ),
        migrations.AddField("job", "read", models.PositiveIntegerField(db_default=0, default=0, verbose_name="read")),
        migrations.AddField(
            "job", "played", models.PositiveIntegerField(db_default=0, default=0, verbose_name="played")
        ),
        migrations.AddField(
            "job",
            "failed_after",
            models.PositiveIntegerField(db_default=0, default=0, verbose_name="refused after acceptance"),
        ),
        migrations.AddField("job", "first_receipt_at", models.DateTimeField(editable=False, null=True)),
        migrations.AddField("job", "last_receipt_at", models.DateTimeField(editable=False, null=True)),
        migrations.CreateModel(
            "ParkedReceipt",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("device_id", models.BigIntegerField()),
                ("message_id", models.CharField(max_length=80)),
                ("delivered_at", models.DateTimeField(null=True)),
                ("read_at", models.DateTimeField(null=True)),
                ("played_at", models.DateTimeField(null=True)),
                ("refused_at", models.DateTimeField(null=True)),
                ("parked_at", models.DateTimeField(db_default=Now())),
                ("due_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("device_id", "message_id"), name="parked_once_per_message")
                ],
                "indexes": [models.Index(fields=["due_at"], name="parked_receipt_due")],
            },
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    SENT_MESSAGES, "DROP TABLE jobs_sentmessage; DELETE FROM devices_turn WHERE name = 'sent_messages'"
                )
            ],
            state_operations=[
                migrations.CreateModel(
                    "SentMessage",
                    [
                        ("recipient_id", models.BigIntegerField(primary_key=True, serialize=False)),
                        ("device_id", models.BigIntegerField()),
                        ("slot", models.PositiveSmallIntegerField()),
                        ("message_id", models.CharField(max_length=80)),
                    ],
                    options={"db_table": "jobs_sentmessage"},
                )
            ],
        ),
    ]
