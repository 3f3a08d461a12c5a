"""What was said stays: the database refuses to change a record of consent, and to delete one but for whoever erases a
person and says so (`contacts.consent_history.erase`)."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0021_consent_records")]

    operations = [
        migrations.RunSQL(
            """
            CREATE FUNCTION consent_record_stays() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF TG_OP = 'DELETE' AND current_setting('pregonero.erasing', true) = 'on' THEN
                    RETURN old;
                END IF;
                RAISE EXCEPTION 'consent records are only added' USING ERRCODE = 'restrict_violation';
            END
            $$;
            CREATE TRIGGER consent_record_stays BEFORE UPDATE OR DELETE ON campaigns_consentrecord
            FOR EACH ROW EXECUTE FUNCTION consent_record_stays();
            """,
            """
            DROP TRIGGER consent_record_stays ON campaigns_consentrecord;
            DROP FUNCTION consent_record_stays();
            """,
        ),
    ]
