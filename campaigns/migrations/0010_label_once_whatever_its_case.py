from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0009_merge_names_that_are_one")]

    operations = [
        migrations.RemoveConstraint(model_name="label", name="label_once_per_account"),
        migrations.AddConstraint(
            model_name="label",
            constraint=models.UniqueConstraint(fields=("account", "folded"), name="label_once_per_account"),
        ),
    ]
