"""What contacts and the list of suppressed numbers say becomes the first records: through what it came is not known."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0022_consent_records_stay"),
        ("jobs", "0022_job_kind"),
    ]

    operations = [
        migrations.RunSQL(
            """
            INSERT INTO campaigns_consentrecord (
                account_id, contact_id, phone_key, phone, is_revocation, kind, basis, source, given_at
            )
            SELECT account_id, id, coalesce(phone_key, ''), coalesce(phone, ''), is_revocation,
                CASE WHEN is_revocation THEN '' ELSE 'commercial' END, CASE WHEN is_revocation THEN '' ELSE 'consent' END,
                source, at
            FROM campaigns_contact, LATERAL (
                VALUES (false, opted_in_at, opted_in_source), (true, opted_out_at, opted_out_source)
            ) AS said (is_revocation, at, source)
            WHERE at IS NOT NULL
            ORDER BY at;

            INSERT INTO campaigns_consentrecord (
                account_id, contact_id, phone_key, phone, is_revocation, source, given_at
            )
            SELECT ban.account_id, contact.id, ban.phone_key, ban.phone, true, ban.reason,
                coalesce(ban.since, ban.created_at)
            FROM jobs_suppression AS ban
            LEFT JOIN campaigns_contact AS contact USING (account_id, phone_key)
            WHERE contact.opted_out_at IS NULL
            ORDER BY ban.id;
            """,
            "SET LOCAL pregonero.erasing = 'on';"
            "DELETE FROM campaigns_consentrecord WHERE channel = '' AND evidence = '{}'",
        ),
    ]
