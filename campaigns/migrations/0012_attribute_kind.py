from django.db import migrations, models


class Migration(migrations.Migration):
    """Room for what an attribute's values are; 0013 says it of those that there are."""

    dependencies = [("campaigns", "0011_import_warnings")]

    operations = [
        migrations.AddField(
            model_name="attributename",
            name="kind",
            field=models.CharField(
                blank=True,
                choices=[
                    ("", "unknown"),
                    ("text", "text"),
                    ("number", "number"),
                    ("boolean", "yes or no"),
                    ("date", "date"),
                    ("mixed", "of several kinds"),
                ],
                db_default="",
                default="",
                max_length=8,
                verbose_name="type",
            ),
        ),
        migrations.AddConstraint(
            model_name="attributename",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["", "text", "number", "boolean", "date", "mixed"])),
                name="attribute_kind_is_known",
            ),
        ),
    ]
