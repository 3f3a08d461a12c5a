"""How far a cancelled job's recipients have been gone through, so that nobody goes through them all again."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0010_tell_runners")]

    operations = [migrations.AddField("job", "cancelled_to", models.PositiveIntegerField(db_default=0))]
