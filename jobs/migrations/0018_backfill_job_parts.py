"""The parts of jobs of before, from their rows: some seconds for each million recipients."""

from django.db import migrations

BACKFILL = """
    INSERT INTO jobs_jobpart (job_id, device_id, variant, total, sent, failed, delivered, read, played, failed_after,
        first_receipt_at, last_receipt_at)
    SELECT recipient.job_id, coalesce(device_id, 0), coalesce(variant, 0), count(*),
        count(*) FILTER (WHERE state IN ('sent', 'delivered', 'read')),
        count(*) FILTER (WHERE state IN ('failed', 'cancelled')),
        count(delivered_at), count(read_at), count(played_at), count(failed_after_at),
        min(least(delivered_at, failed_after_at)), max(greatest(delivered_at, read_at, played_at, failed_after_at))
    FROM jobs_recipient AS recipient JOIN jobs_job AS job ON job.id = recipient.job_id
    WHERE state <> 'suppressed' AND (job.finished_at IS NOT NULL OR delivered_at IS NOT NULL OR failed_after_at IS NOT NULL)
    GROUP BY 1, 2, 3
    ON CONFLICT DO NOTHING
"""


class Migration(migrations.Migration):
    dependencies = [("jobs", "0017_job_parts")]

    operations = [migrations.RunSQL(BACKFILL, migrations.RunSQL.noop)]
