from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0013_attributes_of_before_may_be_anything"),
    ]

    operations = [
        migrations.AddField(
            model_name="contactimport",
            name="opted_out_count",
            field=models.PositiveIntegerField(default=0, verbose_name="opted out"),
        ),
        migrations.AddField(
            model_name="contactimport",
            name="opted_in_count",
            field=models.PositiveIntegerField(default=0, verbose_name="opted in"),
        ),
    ]
