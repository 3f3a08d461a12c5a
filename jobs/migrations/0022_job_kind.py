from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0021_way_out"),
    ]

    operations = [
        migrations.AddField(
            model_name="job",
            name="kind",
            field=models.CharField(
                blank=True,
                choices=[("commercial", "commercial"), ("service", "service")],
                db_default="",
                default="",
                editable=False,
                max_length=10,
                verbose_name="kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="job",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["", "commercial", "service"])), name="job_kind_is_known"
            ),
        ),
    ]
