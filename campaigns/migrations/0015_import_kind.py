from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0014_import_consent_counts"),
    ]

    operations = [
        migrations.AddField(
            model_name="contactimport",
            name="kind",
            field=models.CharField(
                choices=[("contacts", "contacts"), ("suppressions", "suppressed numbers")],
                default="contacts",
                max_length=16,
                verbose_name="kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="contactimport",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["contacts", "suppressions"])), name="contact_import_kind_is_known"
            ),
        ),
    ]
