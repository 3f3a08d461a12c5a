"""docs/erasing.md says of every column that may hold a text how it forgets a person: a new one must say so, too."""

import re

from django.apps import apps
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

TEXTS = (models.CharField, models.TextField, models.JSONField, models.BinaryField, models.FileField, ArrayField)


def said() -> dict[str, set[str]]:
    """By table: the columns that the document names."""
    text = (settings.BASE_DIR / "docs" / "erasing.md").read_text()
    found: dict[str, set[str]] = {}
    for line in text.split("## Where something of a person may stand")[1].splitlines():
        cells = line.split(" | ")
        if line.startswith("| `") and len(cells) == 3:
            for table in re.findall(r"`(\w+\.\w+)`", cells[0]):
                found.setdefault(table, set()).update(re.findall(r"`(\w+)`", cells[1]))
    return found


def there_are() -> dict[str, set[str]]:
    return {
        model._meta.label: names
        for model in apps.get_models()
        if (names := {field.name for field in model._meta.concrete_fields if isinstance(field, TEXTS)})
    }


def test_every_column_of_text_is_in_the_list():
    known = said()

    missing = {table: names - known.get(table, set()) for table, names in there_are().items()}

    assert {table: names for table, names in missing.items() if names} == {}


def test_the_list_names_no_table_that_there_is_not():
    assert said().keys() <= there_are().keys()
