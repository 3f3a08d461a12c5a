"""Which contacts the files of exclusion lists name: looked for once, and of those who came since when they are needed.

An audience is counted and frozen by these hits, whatever the size of the lists. What they do not know yet, a contact of
a moment ago or one whose number was corrected, is asked when somebody's turn comes (`jobs.sending.reading`).
"""

from collections.abc import Sequence
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import Max

from campaigns.models import Contact
from devices.phone_numbers import key_of
from jobs.exclusions import matching
from jobs.models import ExclusionList, ExclusionLoad, Job, JobPurpose, MessageSyntax, Recipient
from jobs.states import RecipientState

Cursor = Any

BATCH_ROWS: Final = 20_000


def find(cursor: Cursor, load: ExclusionLoad, account_id: int) -> int:
    """Look for the account's contacts after those that were looked for; note whom the load names. Returns how many.

    In the caller's transaction, which holds the load's row.
    """
    found = 0
    while rows := _contacts_after(cursor, account_id, load.matched_to):
        found += _note(cursor, load, [phone for _, phone in rows])
        load.matched_to = rows[-1][0]
    ExclusionLoad.objects.filter(pk=load.pk).update(matched_to=load.matched_to)
    return found


def find_waiting(cursor: Cursor, load: ExclusionLoad, account_id: int) -> None:
    """Look for those who wait in the account's jobs of files, too: some were read ahead, and may be no contacts."""
    jobs = Job.objects.for_account(account_id).filter(
        finished_at=None, purpose=JobPurpose.SEND, syntax=MessageSyntax.FILE
    )
    for job_id, total in jobs.order_by("pk").values_list("pk", "total"):
        for start in range(0, total, BATCH_ROWS):
            waiting = Recipient.objects.filter(
                job_id=job_id,
                position__gte=start,
                position__lt=start + BATCH_ROWS,
                state=RecipientState.QUEUED,
            )
            _note(cursor, load, list(waiting.values_list("phone", flat=True)))


def _note(cursor: Cursor, load: ExclusionLoad, phones: Sequence[str]) -> int:
    """Note whom of these the load names; returns how many."""
    wanted = matching.Load(load.pk, tuple(load.forms), load.default_country)
    keys = {key_of(phone) for phone in matching.named(cursor, [wanted], phones)}
    if keys:
        cursor.execute(
            "INSERT INTO jobs_exclusionhit (load_id, person)"
            " SELECT %s, hashtextextended(phone_key, 0) FROM unnest(string_to_array(%s, ' ')) AS phone_key"
            " ON CONFLICT DO NOTHING",
            (load.pk, " ".join(sorted(keys))),
        )
    return len(keys)


def _contacts_after(cursor: Cursor, account_id: int, last_id: int) -> list[tuple[int, str]]:
    cursor.execute(
        "SELECT id, phone FROM campaigns_contact"
        " WHERE account_id = %s AND id > %s AND phone <> '' ORDER BY id LIMIT %s",
        (account_id, last_id, BATCH_ROWS),
    )
    return list(cursor.fetchall())


def catch_up(account_id: int, *, waits: bool = True) -> None:
    """Look for the contacts who came since, in all lists of the account that hold; where another is at a list, after
    that one, or (`waits` is False) not at all."""
    newest = Contact.objects.for_account(account_id).aggregate(newest=Max("id"))["newest"]
    lists = ExclusionList.objects.for_account(account_id).filter(load__matched_to__lt=newest or 0)
    for load_id in lists.order_by("load_id").values_list("load_id", flat=True):
        with transaction.atomic(), connection.cursor() as cursor:
            rows = ExclusionLoad.objects.select_for_update(no_key=True, skip_locked=not waits)
            load = rows.filter(pk=load_id).first()
            if load is not None and find(cursor, load, account_id):
                cursor.execute("ANALYZE jobs_exclusionhit")


def catch_up_all() -> None:
    """The same for every account that has lists."""
    accounts = ExclusionList.unscoped.filter(load__isnull=False).order_by("account_id")
    for account_id in accounts.values_list("account_id", flat=True).distinct():
        catch_up(account_id, waits=False)
