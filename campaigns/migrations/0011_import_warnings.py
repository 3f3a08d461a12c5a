from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0010_label_once_whatever_its_case"),
    ]

    operations = [
        migrations.AddField(
            model_name="contactimport",
            name="warning_count",
            field=models.PositiveIntegerField(default=0, verbose_name="with something left out"),
        ),
        migrations.AddField(
            model_name="contactimport",
            name="warnings",
            field=models.JSONField(default=list, verbose_name="warnings"),
        ),
    ]
