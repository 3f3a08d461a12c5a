"""Lists of numbers that come by file: what is in force, what each file held, and which contacts it names."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.manager
from django.conf import settings
from django.db import migrations, models
from django.db.models import Q
from django.db.models.functions import Now

KINDS = [
    ("repep", "REPEP (Mexico, Profeco)"),
    ("rne", "RNE (Colombia, CRC)"),
    ("no_llame", "No Llame (Argentina)"),
    ("robinson", "Lista Robinson (Spain)"),
    ("other", "another registry"),
    ("own", "our own list"),
]
# Two numbers a row, asked for by both; a million rows are a load, which goes as a whole.
TABLES = """
    CREATE TABLE jobs_exclusionentry (
        load_id bigint NOT NULL, digest bigint NOT NULL, PRIMARY KEY (load_id, digest)
    );
    CREATE TABLE jobs_exclusionhit (
        load_id bigint NOT NULL, person bigint NOT NULL, PRIMARY KEY (load_id, person)
    );
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_replies"),
        ("jobs", "0023_erasure"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            "ExclusionList",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100, verbose_name="name")),
                ("kind", models.CharField(choices=KINDS, max_length=12, verbose_name="registry")),
                ("is_on", models.BooleanField(default=True, verbose_name="in use")),
                ("created_at", models.DateTimeField(db_default=Now(), editable=False, verbose_name="created")),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="exclusion_lists",
                        to="accounts.account",
                        verbose_name="account",
                    ),
                ),
            ],
            options={
                "verbose_name": "exclusion list",
                "verbose_name_plural": "exclusion lists",
                "ordering": ("name", "id"),
                "constraints": [
                    models.UniqueConstraint(fields=("account", "name"), name="exclusion_list_once_per_name"),
                    models.CheckConstraint(
                        condition=Q(kind__in=[kind for kind, _ in KINDS]), name="exclusion_list_kind_is_known"
                    ),
                ],
            },
            managers=[("unscoped", django.db.models.manager.Manager())],
        ),
        migrations.CreateModel(
            "ExclusionLoad",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("file_date", models.DateField(null=True, verbose_name="date of the file")),
                ("default_country", models.CharField(blank=True, max_length=2)),
                (
                    "forms",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=8), default=list, size=None
                    ),
                ),
                ("numbers", models.PositiveIntegerField(default=0, verbose_name="numbers")),
                ("matched_to", models.BigIntegerField(default=0)),
                ("loaded_at", models.DateTimeField(null=True, verbose_name="loaded")),
                ("created_at", models.DateTimeField(db_default=Now())),
                (
                    "exclusion_list",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="loads",
                        to="jobs.exclusionlist",
                    ),
                ),
                (
                    "loaded_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="loaded by",
                    ),
                ),
            ],
        ),
        migrations.AddField(
            "exclusionlist",
            "load",
            models.OneToOneField(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="in_force_of",
                to="jobs.exclusionload",
            ),
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(TABLES, "DROP TABLE jobs_exclusionhit; DROP TABLE jobs_exclusionentry")
            ],
            state_operations=[
                migrations.CreateModel(
                    "ExclusionEntry",
                    [
                        ("digest", models.BigIntegerField(primary_key=True, serialize=False)),
                        ("load_id", models.BigIntegerField()),
                    ],
                    options={"db_table": "jobs_exclusionentry"},
                ),
                migrations.CreateModel(
                    "ExclusionHit",
                    [
                        ("person", models.BigIntegerField(primary_key=True, serialize=False)),
                        ("load_id", models.BigIntegerField()),
                    ],
                    options={"db_table": "jobs_exclusionhit"},
                ),
            ],
        ),
    ]
