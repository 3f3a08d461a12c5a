"""What becomes of a job, its account's own systems are told, in the transaction that makes it so."""

from django.db import migrations

TELL = """
    CREATE FUNCTION tell_of_job() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM tell_outside(new.account_id, 'job.' || CASE
            WHEN new.status <> 'processing' THEN new.status
            WHEN old.status = 'pending' THEN 'started'
            ELSE 'resumed'
        END, jsonb_build_object(
            'job_id', new.uuid, 'title', new.title, 'status', new.status, 'reason', new.state_reason,
            'total', new.total, 'sent', new.sent, 'failed', new.failed, 'delivered', new.delivered, 'read', new.read,
            'replied', new.replied
        ));
        RETURN NULL;
    END $$;
    CREATE TRIGGER job_told_outside AFTER UPDATE OF status ON jobs_job FOR EACH ROW
    WHEN (old.status <> new.status AND new.purpose = 'send') EXECUTE FUNCTION tell_of_job();
"""


class Migration(migrations.Migration):
    dependencies = [("jobs", "0025_last_written"), ("devices", "0019_endpoints")]

    operations = [
        migrations.RunSQL(TELL, "DROP TRIGGER job_told_outside ON jobs_job; DROP FUNCTION tell_of_job()"),
    ]
