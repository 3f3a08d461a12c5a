from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0019_replies"),
    ]

    operations = [
        migrations.AddField(
            model_name="incomingmessage",
            name="answered_id",
            field=models.CharField(blank=True, db_default="", editable=False, max_length=80),
        ),
        migrations.AddField(
            model_name="job",
            name="replied",
            field=models.PositiveIntegerField(db_default=0, default=0, verbose_name="answered"),
        ),
        migrations.AddField(
            model_name="jobpart",
            name="replied",
            field=models.IntegerField(db_default=0),
        ),
        migrations.AddField(
            model_name="parkedreceipt",
            name="replied_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="recipient",
            name="replied_at",
            field=models.DateTimeField(null=True, verbose_name="answered"),
        ),
    ]
