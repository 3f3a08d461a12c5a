"""What gateways tell of their own accord: each device's secret, and an inbox of two tables in turn."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import accounts.encryption

# Rows are inserted, read once in order, and gone with the whole table: there is nothing to vacuum.
INBOX = """
    CREATE SEQUENCE devices_inbox_id_seq AS bigint;
    CREATE TABLE devices_inbox (
        id bigint NOT NULL DEFAULT nextval('devices_inbox_id_seq'),
        slot smallint NOT NULL,
        device_id bigint NOT NULL,
        received_at timestamptz NOT NULL DEFAULT statement_timestamp(),
        body text NOT NULL,
        PRIMARY KEY (slot, id)
    ) PARTITION BY LIST (slot);
    CREATE TABLE devices_inbox_0 PARTITION OF devices_inbox FOR VALUES IN (0) WITH (autovacuum_enabled = false);
    CREATE TABLE devices_inbox_1 PARTITION OF devices_inbox FOR VALUES IN (1) WITH (autovacuum_enabled = false);
    ALTER SEQUENCE devices_inbox_id_seq OWNED BY devices_inbox.id;
    INSERT INTO devices_turn (name) VALUES ('inbox');
"""


class Migration(migrations.Migration):
    dependencies = [("devices", "0004_index_next_check")]

    operations = [
        migrations.CreateModel(
            "Webhook",
            [
                (
                    "device",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="webhook",
                        serialize=False,
                        to="devices.device",
                    ),
                ),
                ("secret", accounts.encryption.EncryptedTextField(max_length=100)),
                ("secret_before", accounts.encryption.EncryptedTextField(default="", max_length=100)),
                ("rotated_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.CreateModel(
            "Turn",
            [
                ("name", models.CharField(max_length=20, primary_key=True, serialize=False)),
                ("open", models.PositiveSmallIntegerField(db_default=0)),
                ("worked_to", models.BigIntegerField(db_default=0)),
                ("turned_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(INBOX, "DROP TABLE devices_inbox; DELETE FROM devices_turn WHERE name = 'inbox'")
            ],
            state_operations=[
                migrations.CreateModel(
                    "InboxEvent",
                    [
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        ("slot", models.PositiveSmallIntegerField()),
                        (
                            "device",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="+",
                                to="devices.device",
                            ),
                        ),
                        ("received_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                        ("body", models.TextField()),
                    ],
                    options={"db_table": "devices_inbox"},
                )
            ],
        ),
    ]
