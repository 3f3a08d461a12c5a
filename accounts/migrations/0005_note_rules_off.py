from django.db import migrations


def note(apps, schema_editor):
    """Accounts that were there before there were rules go on as they did, and their log says so."""
    account = apps.get_model("accounts", "Account")
    entry = apps.get_model("accounts", "AuditEntry")
    # Whatever the columns' defaults made of them.
    account.objects.update(country_rules=[])
    entry.unscoped.bulk_create(
        entry(
            account=one,
            action="account.rules_off_at_upgrade",
            subject=one.name[:200],
            details={"country_rules": []},
        )
        for one in account.objects.iterator()
    )


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_rules"),
    ]

    operations = [migrations.RunPython(note, migrations.RunPython.noop)]
