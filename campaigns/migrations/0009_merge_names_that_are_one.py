import unicodedata
from collections.abc import Iterable
from typing import Any

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# What belongs together, by what name: {"vip": "VIP"}
Twins = dict[str, str]


def folded(text: str) -> str:
    """As `accounts.written.folding.same_name` was when this was written: the code's own may change."""
    composed = unicodedata.normalize("NFC", text)
    return unicodedata.normalize("NFC", " ".join(composed.casefold().split()))


def merge(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Make labels and attributes that differ by case or composition one, the one that most contacts carry."""
    accounts = apps.get_model("accounts", "Account")
    with schema_editor.connection.cursor() as cursor:
        for account_id in accounts.objects.order_by("pk").values_list("pk", flat=True):
            labels = _merge_labels(apps, cursor, account_id)
            attributes = _merge_attributes(apps, cursor, account_id)
            if labels or attributes:
                _rewrite_audiences(apps, account_id, labels, attributes)


def _merge_labels(apps: Apps, cursor: Any, account_id: int) -> Twins:
    model = apps.get_model("campaigns", "Label")
    rows = list(model._base_manager.filter(account_id=account_id).order_by("pk"))
    cursor.execute(
        "SELECT one.name, count(*) FROM campaigns_contact AS contact, unnest(contact.labels) AS one (name)"
        " WHERE contact.account_id = %s GROUP BY one.name",
        [account_id],
    )
    twins = _twins([row.name for row in rows], dict(cursor.fetchall()))
    for row in rows:
        if row.name in twins:
            row.delete()
        else:
            row.folded = folded(row.name)
            row.save(update_fields=["folded"])
    if not twins:
        return {}
    cursor.execute(
        """
        UPDATE campaigns_contact AS contact SET updated_at = now(), labels = ARRAY(
            SELECT coalesce(own.name, one.name) FROM unnest(contact.labels) WITH ORDINALITY AS one (name, place)
            LEFT JOIN unnest(%s::varchar[], %s::varchar[]) AS own (twin, name) ON own.twin = one.name
            GROUP BY 1 ORDER BY min(one.place)
        )
        WHERE account_id = %s AND labels && %s::varchar[]
        """,
        [list(twins), list(twins.values()), account_id, list(twins)],
    )
    for own in sorted(set(twins.values())):
        merged = sorted(twin for twin, name in twins.items() if name == own)
        _record(apps, account_id, "label.merged", own, merged)
    return twins


def _merge_attributes(apps: Apps, cursor: Any, account_id: int) -> Twins:
    cursor.execute(
        "SELECT key, count(*) FROM campaigns_contact, jsonb_object_keys(custom_attributes) AS key"
        " WHERE account_id = %s AND jsonb_typeof(custom_attributes) = 'object' GROUP BY key",
        [account_id],
    )
    counts = dict(cursor.fetchall())
    names = sorted(name for name in counts if folded(name) and len(name) <= 200)
    twins = _twins(names, counts)
    model = apps.get_model("campaigns", "AttributeName")
    model._base_manager.bulk_create(
        [model(account_id=account_id, name=name, folded=folded(name)) for name in names if name not in twins]
    )
    for twin, own in sorted(twins.items()):
        # Who has both keeps the value under the name that stays.
        cursor.execute(
            """
            UPDATE campaigns_contact SET updated_at = now(), custom_attributes =
                jsonb_build_object(%s::text, custom_attributes -> %s::text) || (custom_attributes - %s::text)
            WHERE account_id = %s AND custom_attributes ? %s::text
            """,
            [own, twin, twin, account_id, twin],
        )
    for own in sorted(set(twins.values())):
        _record(apps, account_id, "attribute.merged", own, sorted(twin for twin, name in twins.items() if name == own))
    return twins


def _twins(names: Iterable[str], counts: dict[str, int]) -> Twins:
    by_fold: dict[str, list[str]] = {}
    for name in names:
        by_fold.setdefault(folded(name), []).append(name)
    own = {fold: max(same, key=lambda name: counts.get(name, 0)) for fold, same in by_fold.items()}
    return {name: own[fold] for fold, same in by_fold.items() for name in same if name != own[fold]}


def _rewrite_audiences(apps: Apps, account_id: int, labels: Twins, attributes: Twins) -> None:
    for model in (apps.get_model("campaigns", "Segment"), apps.get_model("campaigns", "Campaign")):
        for row in model._base_manager.filter(account_id=account_id).iterator():
            written = _in_one_spelling(row.audience, labels, attributes)
            if written != row.audience:
                model._base_manager.filter(pk=row.pk).update(audience=written)


def _in_one_spelling(audience: Any, labels: Twins, attributes: Twins) -> Any:
    if not isinstance(audience, dict):
        return audience
    said = dict(audience)
    if isinstance(said.get("labels"), list):
        said["labels"] = list(dict.fromkeys(labels.get(name, name) for name in said["labels"]))
    if isinstance(said.get("custom_attributes"), dict):
        conditions = {attributes.get(key, key): value for key, value in said["custom_attributes"].items()}
        if len(conditions) == len(said["custom_attributes"]):  # else both must hold: read as one when it is asked
            said["custom_attributes"] = conditions
    if "exclude" in said:
        said["exclude"] = _in_one_spelling(said["exclude"], labels, attributes)
    return said


def _record(apps: Apps, account_id: int, action: str, own: str, merged: list[str]) -> None:
    entries = apps.get_model("accounts", "AuditEntry")._base_manager
    entries.create(account_id=account_id, action=action, subject=own[:200], details={"merged": merged})


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0008_names_in_one_spelling")]

    operations = [migrations.RunPython(merge, migrations.RunPython.noop)]
