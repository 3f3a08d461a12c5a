"""What people write, the account's own systems are told: many at once, as they are kept."""

from django.db import migrations

TELL = """
    CREATE FUNCTION tell_of_messages() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM devices_webhookendpoint WHERE enabled) THEN
            PERFORM tell_outside(account_id, 'message.received', jsonb_build_object(
                'message_id', id, 'device_id', device_id, 'phone', phone, 'lid', lid, 'name', name, 'kind', kind,
                'text', left("text", 4000), 'answers_recipient_id', recipient_id, 'wish', wish, 'written_at', at
            )) FROM (SELECT * FROM came ORDER BY id) AS message;
        END IF;
        RETURN NULL;
    END $$;
    CREATE TRIGGER messages_told_outside AFTER INSERT ON jobs_incomingmessage REFERENCING NEW TABLE AS came
    FOR EACH STATEMENT EXECUTE FUNCTION tell_of_messages();
"""
TELL_NOT = "DROP TRIGGER messages_told_outside ON jobs_incomingmessage; DROP FUNCTION tell_of_messages()"


class Migration(migrations.Migration):
    dependencies = [("jobs", "0026_told_outside")]

    operations = [migrations.RunSQL(TELL, TELL_NOT)]
