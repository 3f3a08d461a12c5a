"""What each device does, day by day, and when it was out."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models.functions import Now

# Every door tells: the table does it, whoever takes a device out or brings it back.
_IS_OUT = "({row}.enabled AND {row}.deleted_at IS NULL AND {row}.status IN ('disconnected', 'blocked'))"
_OLD, _NEW = _IS_OUT.format(row="old"), _IS_OUT.format(row="new")
NOTE = f"""
    CREATE FUNCTION note_outage() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF {_NEW} THEN
            INSERT INTO devices_outage (device_id, reason, began_at)
            VALUES (new.id, new.status_reason, clock_timestamp());
        ELSE
            UPDATE devices_outage SET over_at = clock_timestamp() WHERE device_id = new.id AND over_at IS NULL;
        END IF;
        RETURN NULL;
    END $$;
    CREATE TRIGGER device_out_or_back AFTER UPDATE OF status, enabled, deleted_at ON devices_device FOR EACH ROW
    WHEN ({_OLD} <> {_NEW}) EXECUTE FUNCTION note_outage();
    CREATE TRIGGER device_made_out AFTER INSERT ON devices_device FOR EACH ROW
    WHEN ({_NEW}) EXECUTE FUNCTION note_outage();
    INSERT INTO devices_outage (device_id, reason, began_at)
    SELECT new.id, new.status_reason, coalesce(new.last_well_at, new.created_at) FROM devices_device AS new
    WHERE {_NEW};
"""
NOTE_NOT = """
    DROP TRIGGER device_out_or_back ON devices_device; DROP TRIGGER device_made_out ON devices_device;
    DROP FUNCTION note_outage();
"""


class Migration(migrations.Migration):
    dependencies = [("devices", "0011_correspondents")]

    operations = [
        migrations.CreateModel(
            "DeviceDay",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField()),
                ("accepted", models.IntegerField(db_default=0)),
                ("failed", models.IntegerField(db_default=0)),
                ("delivered", models.IntegerField(db_default=0)),
                ("read", models.IntegerField(db_default=0)),
                ("refused", models.IntegerField(db_default=0)),
                ("last_accepted_at", models.DateTimeField(null=True)),
                ("last_failed_at", models.DateTimeField(null=True)),
                ("failed_in_a_row", models.IntegerField(db_default=0)),
                (
                    "device",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="days",
                        to="devices.device",
                    ),
                ),
            ],
            options={
                "db_table": "devices_day",
                "indexes": [models.Index(fields=["day"], name="device_day_old")],
                "constraints": [models.UniqueConstraint(fields=("device", "day"), name="device_day_once")],
            },
        ),
        migrations.CreateModel(
            "Outage",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("reason", models.CharField(max_length=200)),
                ("began_at", models.DateTimeField(db_default=Now())),
                ("over_at", models.DateTimeField(null=True)),
                (
                    "device",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="outages", to="devices.device"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["device", "began_at"], name="outage_of_device")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("over_at", None)), fields=("device",), name="outage_open_once"
                    )
                ],
            },
        ),
        migrations.RunSQL(NOTE, NOTE_NOT),
    ]
