"""A job that has work tells the runners: when it starts or goes on, and when it gets devices."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("jobs", "0009_sweep_look"), ("devices", "0003_runners")]

    operations = [
        migrations.RunSQL(
            """
            CREATE TRIGGER job_goes_on AFTER UPDATE OF status ON jobs_job FOR EACH ROW
            WHEN (new.status = 'processing' AND old.status <> 'processing') EXECUTE FUNCTION tell_runners();
            CREATE TRIGGER job_gets_devices AFTER INSERT ON jobs_jobdevice FOR EACH STATEMENT
            EXECUTE FUNCTION tell_runners();
            """,
            "DROP TRIGGER job_goes_on ON jobs_job; DROP TRIGGER job_gets_devices ON jobs_jobdevice",
        ),
    ]
