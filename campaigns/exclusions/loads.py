"""The files of exclusion lists: written chunk by chunk where nobody looks, and put in force as a whole."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Now

from campaigns.exclusions import hits
from campaigns.models import ContactImport
from campaigns.states import ImportStatus
from jobs.models import ExclusionList, ExclusionLoad

Cursor = Any

# Whoever reads the numbers of a file names it in one statement and reads it in another.
KEPT_AFTER: Final = timedelta(minutes=5)
_WAITING: Final = (ImportStatus.CHECKING, ImportStatus.READY, ImportStatus.RUNNING)


def of_import(row: ContactImport) -> ExclusionLoad | None:
    """What an import's numbers become; None where the list was deleted meanwhile."""
    return ExclusionLoad.objects.filter(imports=row, exclusion_list__isnull=False).first()


def write(cursor: Cursor, load: ExclusionLoad, entries: Collection[tuple[str, int]]) -> int:
    """Keep these (form, digest); returns how many were not there."""
    forms = sorted({form for form, _ in entries} - set(load.forms))
    if forms:
        load.forms = [*load.forms, *forms]
        ExclusionLoad.objects.filter(pk=load.pk).update(forms=load.forms)
    cursor.execute("CREATE TEMP TABLE incoming_entry (digest bigint) ON COMMIT DROP")
    with cursor.copy("COPY incoming_entry FROM STDIN") as copy:
        copy.write("".join([f"{digest}\n" for _, digest in entries]))
    # In the order of the index, which then is written page by page.
    cursor.execute(
        "INSERT INTO jobs_exclusionentry (load_id, digest) SELECT %s, digest FROM incoming_entry ORDER BY digest"
        " ON CONFLICT DO NOTHING",
        (load.pk,),
    )
    added = int(cursor.rowcount)
    cursor.execute("DROP TABLE incoming_entry")
    ExclusionLoad.objects.filter(pk=load.pk).update(numbers=F("numbers") + added)
    return added


def put_in_force(cursor: Cursor, load: ExclusionLoad, row: ContactImport) -> None:
    """Have a whole file hold instead of the list's one before, unless a newer one does by now."""
    # Before it holds: whoever asks by the hits then finds them all.
    load.default_country = row.mapping["default_country"]
    cursor.execute("ANALYZE jobs_exclusionentry")
    hits.find(cursor, load, row.account_id)
    hits.find_waiting(cursor, load, row.account_id)
    cursor.execute("ANALYZE jobs_exclusionhit")
    ExclusionLoad.objects.filter(pk=load.pk).update(default_country=load.default_country, loaded_at=Now())
    ExclusionList.unscoped.filter(Q(load=None) | Q(load__lt=load.pk), loads=load).update(load=load)


def sweep() -> int:
    """Delete the numbers of files that hold no more and never will; returns of how many files."""
    waiting = ContactImport.unscoped.filter(exclusion_load=OuterRef("pk"), status__in=_WAITING)
    old = (
        Q(exclusion_list=None)
        | Q(exclusion_list__load=None)
        | Q(exclusion_list__load__loaded_at__lt=Now() - KEPT_AFTER)
    )
    gone: Sequence[int] = list(
        ExclusionLoad.objects.filter(old, ~Exists(waiting), in_force_of=None).values_list("pk", flat=True)
    )
    for load_id in gone:
        with transaction.atomic(), connection.cursor() as cursor:
            for table in ("jobs_exclusionentry", "jobs_exclusionhit"):
                cursor.execute(f"DELETE FROM {table} WHERE load_id = %s", (load_id,))  # noqa: S608 - constants
            ExclusionLoad.objects.filter(pk=load_id).delete()
    return len(gone)
