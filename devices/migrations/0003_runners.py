"""One row for each process that sends, instead of its name, session and lease on each lane it holds.

No runner may be at work while this runs: those of the old program are stopped by the upgrade. What one that was killed
had in flight would be known to nobody any more; each lane that still says who held it is given a runner that is dead,
which the next to come buries.
"""

from django.db import migrations, models

HELD = "holder <> ''"

# Every door tells: the table does it. What a person, a health check or the breaker changes holds at once.
_COLUMNS = (
    "enabled, deleted_at, status, provider, base_url, instance_name, token,"
    " messages_per_minute, max_in_flight, daily_limit, jitter_percent, warm_up_since"
)
TELL = f"""
    CREATE FUNCTION tell_runners() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_notify('runners', '');
        RETURN NULL;
    END $$;
    CREATE TRIGGER device_changed AFTER UPDATE OF {_COLUMNS} ON devices_device FOR EACH ROW
    WHEN (({", ".join(f"old.{name.strip()}" for name in _COLUMNS.split(","))})
        IS DISTINCT FROM ({", ".join(f"new.{name.strip()}" for name in _COLUMNS.split(","))}))
    EXECUTE FUNCTION tell_runners();
"""
TELL_NOT = "DROP TRIGGER device_changed ON devices_device; DROP FUNCTION tell_runners();"


class Migration(migrations.Migration):
    dependencies = [("devices", "0002_next_check")]

    operations = [
        migrations.CreateModel(
            name="Runner",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100)),
                ("session_pid", models.IntegerField()),
                ("session_started_at", models.DateTimeField(null=True)),
                ("expires_at", models.DateTimeField()),
            ],
            options={"db_table": "devices_runner"},
        ),
        migrations.AddField(
            model_name="lane",
            name="runner",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=models.DO_NOTHING,
                to="devices.runner",
            ),
        ),
        migrations.RunSQL(
            f"""
            INSERT INTO devices_runner (name, session_pid, expires_at)
            SELECT DISTINCT holder, 0, 'epoch'::timestamptz FROM devices_lane WHERE {HELD};
            UPDATE devices_lane AS lane SET runner_id = runner.id FROM devices_runner AS runner
            WHERE runner.name = lane.holder AND {HELD};
            """,
            migrations.RunSQL.noop,
        ),
        migrations.RemoveField("lane", "holder"),
        migrations.RemoveField("lane", "session_pid"),
        migrations.RemoveField("lane", "session_started_at"),
        migrations.RemoveField("lane", "expires_at"),
        migrations.RunSQL(TELL, TELL_NOT),
    ]
