import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

KINDS = [("contacts", "contacts"), ("suppressions", "suppressed numbers"), ("exclusions", "exclusion list")]


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0023_backfill_consent_records"), ("jobs", "0024_exclusion_lists")]

    operations = [
        migrations.RemoveConstraint("contactimport", "contact_import_kind_is_known"),
        migrations.AlterField(
            "contactimport",
            "kind",
            models.CharField(choices=KINDS, default="contacts", max_length=16, verbose_name="kind"),
        ),
        migrations.AddConstraint(
            "contactimport",
            models.CheckConstraint(
                condition=Q(kind__in=[kind for kind, _ in KINDS]), name="contact_import_kind_is_known"
            ),
        ),
        migrations.AddField(
            "contactimport",
            "exclusion_list",
            models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="imports",
                to="jobs.exclusionlist",
            ),
        ),
        migrations.AddField(
            "contactimport",
            "exclusion_load",
            models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="imports",
                to="jobs.exclusionload",
            ),
        ),
    ]
