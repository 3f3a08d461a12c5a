from typing import Any

from django.db import migrations


def say_so(apps: Any, schema_editor: Any) -> None:
    apps.get_model("campaigns", "AttributeName")._base_manager.filter(kind="").update(kind="mixed")


class Migration(migrations.Migration):
    """Nobody has looked at the values of before: audiences compare them by what each is, until a person says more."""

    dependencies = [("campaigns", "0012_attribute_kind")]

    operations = [migrations.RunPython(say_so, migrations.RunPython.noop)]
