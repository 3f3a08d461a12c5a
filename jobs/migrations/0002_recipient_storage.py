from django.db import migrations


class Migration(migrations.Migration):
    """Every recipient is updated about twice: leave room on its page, so that no index is touched (HOT)."""

    dependencies = [("jobs", "0001_initial")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE jobs_recipient SET (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05)",
            "ALTER TABLE jobs_recipient RESET (fillfactor, autovacuum_vacuum_scale_factor)",
        ),
        # One row a job and a device, updated many times a second.
        migrations.RunSQL(
            "ALTER TABLE jobs_job SET (fillfactor = 50)", "ALTER TABLE jobs_job RESET (fillfactor)"
        ),
        migrations.RunSQL(
            "ALTER TABLE devices_lane SET (fillfactor = 20)", "ALTER TABLE devices_lane RESET (fillfactor)"
        ),
    ]
