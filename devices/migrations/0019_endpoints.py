"""What the customer's own systems are told, and by which transaction: that of what it tells, by triggers."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.manager
from django.contrib.postgres.functions import RandomUUID
from django.db import migrations, models
from django.db.models.functions import Now

import accounts.encryption

# Asked by every trigger that tells something. Where nobody wants to know, it is one look into a small table.
TELL = """
    CREATE FUNCTION tell_outside(whose bigint, kind text, what jsonb) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
        told bigint;
    BEGIN
        IF NOT EXISTS (
            SELECT FROM devices_webhookendpoint WHERE account_id = whose AND enabled AND (types = '{}' OR kind = ANY(types))
        ) THEN
            RETURN;
        END IF;
        INSERT INTO devices_outgoingevent (account_id, type, data, happened_at)
        VALUES (whose, kind, what, clock_timestamp()) RETURNING id INTO told;
        INSERT INTO devices_delivery (endpoint_id, event_id, due_at)
        SELECT id, told, clock_timestamp() FROM devices_webhookendpoint
        WHERE account_id = whose AND enabled AND (types = '{}' OR kind = ANY(types)) ORDER BY id;
    END $$;
    CREATE FUNCTION tell_of_device() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM tell_outside(new.account_id, 'device.' || new.status, jsonb_build_object(
            'device_id', new.id, 'name', new.name, 'status', new.status, 'reason', new.status_reason,
            'enabled', new.enabled
        ));
        RETURN NULL;
    END $$;
    CREATE TRIGGER device_told_outside AFTER UPDATE OF status ON devices_device FOR EACH ROW
    WHEN (old.status <> new.status AND new.deleted_at IS NULL) EXECUTE FUNCTION tell_of_device();
"""
TELL_NOT = """
    DROP TRIGGER device_told_outside ON devices_device;
    DROP FUNCTION tell_of_device();
    DROP FUNCTION tell_outside(bigint, text, jsonb);
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_replies"), ("devices", "0018_catch_up")]

    operations = [
        migrations.CreateModel(
            name="WebhookEndpoint",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("url", models.CharField(max_length=500, verbose_name="address")),
                ("description", models.CharField(blank=True, max_length=200, verbose_name="description")),
                (
                    "types",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40),
                        blank=True,
                        default=list,
                        size=None,
                        verbose_name="events",
                    ),
                ),
                ("enabled", models.BooleanField(default=True, verbose_name="enabled")),
                ("secret", accounts.encryption.EncryptedTextField()),
                ("secret_before", accounts.encryption.EncryptedTextField(default="")),
                ("rotated_at", models.DateTimeField(db_default=Now())),
                ("headers", accounts.encryption.EncryptedTextField(default="")),
                ("failures", models.PositiveIntegerField(db_default=0)),
                ("failing_since", models.DateTimeField(null=True)),
                ("paused_until", models.DateTimeField(null=True)),
                ("disabled_reason", models.CharField(blank=True, db_default="", default="", max_length=40)),
                ("created_at", models.DateTimeField(db_default=Now(), editable=False, verbose_name="created")),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="webhook_endpoints",
                        to="accounts.account",
                        verbose_name="account",
                    ),
                ),
            ],
            options={
                "verbose_name": "webhook endpoint",
                "verbose_name_plural": "webhook endpoints",
                "ordering": ("id",),
            },
            managers=[("unscoped", django.db.models.manager.Manager())],
        ),
        migrations.CreateModel(
            name="OutgoingEvent",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("uuid", models.UUIDField(db_default=RandomUUID(), editable=False)),
                ("type", models.CharField(max_length=40)),
                ("data", models.JSONField(default=dict)),
                ("happened_at", models.DateTimeField(db_default=Now())),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="accounts.account"
                    ),
                ),
            ],
            options={"indexes": [models.Index(fields=["happened_at"], name="outgoing_event_age")]},
            managers=[("unscoped", django.db.models.manager.Manager())],
        ),
        migrations.CreateModel(
            name="Delivery",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "state",
                    models.CharField(
                        choices=[("waiting", "waiting"), ("delivered", "delivered"), ("failed", "failed")],
                        db_default="waiting",
                        max_length=10,
                    ),
                ),
                ("tries", models.PositiveSmallIntegerField(db_default=0)),
                ("due_at", models.DateTimeField(db_default=Now(), null=True)),
                ("last_status", models.PositiveSmallIntegerField(null=True)),
                ("last_error", models.CharField(blank=True, db_default="", default="", max_length=40)),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "event",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="deliveries",
                        to="devices.outgoingevent",
                    ),
                ),
                (
                    "endpoint",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="deliveries",
                        to="devices.webhookendpoint",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("due_at__isnull", False)),
                        fields=["endpoint", "due_at", "id"],
                        name="delivery_due",
                    ),
                    models.Index(fields=["endpoint", "-id"], name="delivery_newest_first"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["waiting", "delivered", "failed"])),
                        name="delivery_state_is_known",
                    )
                ],
            },
            managers=[("unscoped", django.db.models.manager.Manager())],
        ),
        migrations.CreateModel(
            name="DeliveryAttempt",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField(db_default=Now())),
                ("status", models.PositiveSmallIntegerField(null=True)),
                ("error", models.CharField(blank=True, db_default="", default="", max_length=40)),
                ("milliseconds", models.PositiveIntegerField()),
                ("answer", models.TextField(blank=True)),
                (
                    "delivery",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="attempts", to="devices.delivery"
                    ),
                ),
            ],
        ),
        migrations.RunSQL(TELL, TELL_NOT),
    ]
