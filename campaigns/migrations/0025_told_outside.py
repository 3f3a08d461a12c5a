"""What happens to campaigns, contacts and imports, the account's own systems are told: in the transaction of it."""

from django.db import migrations

TELL = """
    CREATE FUNCTION tell_of_launch() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM tell_outside(campaign.account_id, 'campaign.launched', jsonb_build_object(
            'campaign_id', campaign.id, 'title', campaign.title, 'job_id', job.uuid, 'scheduled_at', new.scheduled_at
        )) FROM campaigns_campaign AS campaign, jobs_job AS job
        WHERE campaign.id = new.campaign_id AND job.id = new.job_id;
        RETURN NULL;
    END $$;
    CREATE TRIGGER launch_told_outside AFTER INSERT ON campaigns_campaignrun
    FOR EACH ROW EXECUTE FUNCTION tell_of_launch();

    CREATE FUNCTION tell_of_run() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM tell_outside(new.account_id, 'campaign.' || new.status, jsonb_build_object(
            'campaign_id', campaign.id, 'title', campaign.title, 'job_id', new.uuid, 'reason', new.state_reason,
            'total', new.total, 'sent', new.sent, 'failed', new.failed, 'delivered', new.delivered, 'read', new.read,
            'replied', new.replied
        )) FROM campaigns_campaignrun AS run JOIN campaigns_campaign AS campaign ON campaign.id = run.campaign_id
        WHERE run.job_id = new.id;
        RETURN NULL;
    END $$;
    CREATE TRIGGER run_told_outside AFTER UPDATE OF status ON jobs_job FOR EACH ROW
    WHEN (old.status <> new.status AND new.status IN ('completed', 'cancelled', 'failed') AND new.purpose = 'send')
    EXECUTE FUNCTION tell_of_run();

    CREATE FUNCTION tell_of_consent() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM devices_webhookendpoint WHERE enabled) THEN
            PERFORM tell_outside(
                account_id, CASE WHEN is_revocation THEN 'contact.opted_out' ELSE 'contact.opted_in' END,
                jsonb_build_object(
                    'contact_id', contact_id, 'phone', phone, 'kind', kind, 'basis', basis, 'channel', channel,
                    'source', source, 'given_at', given_at
                )
            ) FROM (SELECT * FROM added ORDER BY id) AS record;
        END IF;
        RETURN NULL;
    END $$;
    CREATE TRIGGER consent_told_outside AFTER INSERT ON campaigns_consentrecord REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION tell_of_consent();

    CREATE FUNCTION tell_of_import() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM tell_outside(new.account_id, 'import.' || new.status, jsonb_build_object(
            'import_id', new.id, 'kind', new.kind, 'file_name', new.file_name, 'rows', new.rows,
            'created', new.created_count, 'updated', new.updated_count, 'skipped', new.skipped_count,
            'errors', new.error_count
        ));
        RETURN NULL;
    END $$;
    CREATE TRIGGER import_told_outside AFTER UPDATE OF status ON campaigns_contactimport FOR EACH ROW
    WHEN (old.status <> new.status AND new.status IN ('completed', 'failed')) EXECUTE FUNCTION tell_of_import();
"""
TELL_NOT = """
    DROP TRIGGER launch_told_outside ON campaigns_campaignrun; DROP FUNCTION tell_of_launch();
    DROP TRIGGER run_told_outside ON jobs_job; DROP FUNCTION tell_of_run();
    DROP TRIGGER consent_told_outside ON campaigns_consentrecord; DROP FUNCTION tell_of_consent();
    DROP TRIGGER import_told_outside ON campaigns_contactimport; DROP FUNCTION tell_of_import();
"""


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0024_exclusion_lists"), ("jobs", "0026_told_outside")]

    operations = [migrations.RunSQL(TELL, TELL_NOT)]
