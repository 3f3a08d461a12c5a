"""Labels: names that contacts carry. A contact holds the names themselves: renaming is one statement over them all."""

import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.db import IntegrityError, connection, transaction
from django.db.models import Q, QuerySet
from django.shortcuts import get_object_or_404

from accounts.constraints import is_breach_of
from accounts.models import Account
from accounts.written.folding import same_name
from campaigns.contacts import own_names
from campaigns.models import Campaign, Contact, Label, Segment

MAX_CHARACTERS: Final = 100
MAX_ON_A_CONTACT: Final = 50
FEW: Final = 3
_CHANGING: Final = 0x6C61626C  # "labl": the first key of the advisory locks of changing labels

Cursor = Any


class LabelTaken(Exception):
    """Another label of the account has this name."""


def clean(name: str) -> str | None:
    """Return the name as it is kept, composed and without spaces around it; None where it cannot be a label."""
    name = unicodedata.normalize("NFC", name.strip())
    return name if 0 < len(name) <= MAX_CHARACTERS and name.isprintable() else None


def take_turns(account_id: int) -> None:
    """Wait until nobody else changes labels of many of the account's contacts, and keep them out until our
    transaction ends. Two who met the same contacts in different orders would meet a deadlock.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", (_CHANGING, account_id & 0x7FFFFFFF))


def known(account_id: int, written: Iterable[str]) -> dict[str, str]:
    """By each of these spellings the account's own label; itself where there is none."""
    return own_names.known(Label, account_id, written)


def ensure(account_id: int, written: Iterable[str]) -> dict[str, str]:
    """The same; labels that there are not yet are made."""
    return own_names.ensure(Label, account_id, written)


def each_once(written: Iterable[str], own: Mapping[str, str]) -> list[str]:
    """The labels that are meant, in their order, by what `known` or `ensure` said."""
    return list(dict.fromkeys(own.get(name, name) for name in written))


def count(account_id: int, names: list[str]) -> dict[str, int]:
    """How many contacts carry each of these labels.

    A few by the labels' index, more in one reading of the account's contacts: 0.5 s for a million, where the index
    took 5 s for forty labels.
    """
    contacts: QuerySet[Contact] = Contact.objects.for_account(account_id)
    if len(names) <= FEW:
        return {name: contacts.filter(labels__contains=[name]).count() for name in names}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT one.name, count(*) FROM campaigns_contact AS contact, unnest(contact.labels) AS one (name)
            WHERE contact.account_id = %s GROUP BY one.name
            """,
            (account_id,),
        )
        counted = dict(cursor.fetchall())
    return {name: counted.get(name, 0) for name in names}


def rename(label: Label, name: str) -> tuple[str, int]:
    """Give a label another name, on its contacts and in the audiences that mean it. Returns the one it had, and on how
    many contacts.

    Raises LabelTaken; then nothing has changed. In a transaction.
    """
    _take_as_it_is(label)
    old = label.name
    if name == old:
        return old, 0
    try:
        with transaction.atomic():
            Label.unscoped.filter(pk=label.pk).update(name=name, folded=same_name(name))
    except IntegrityError as error:
        if not is_breach_of("label_once_per_account", error):
            raise
        raise LabelTaken from None
    label.name = name
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE campaigns_contact SET labels = array_replace(labels, %s, %s), updated_at = now()
            WHERE account_id = %s AND labels @> ARRAY[%s]::varchar[]
            """,
            (old, name, label.account_id, old),
        )
        changed: int = cursor.rowcount
    for model in (Segment, Campaign):
        _rename_in_audiences(model, label.account, old, name)
    return old, changed


def delete(label: Label) -> int:
    """Delete a label and take it off its contacts. Returns how many had it. Audiences go on meaning nobody by it.

    In a transaction.
    """
    _take_as_it_is(label)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE campaigns_contact SET labels = array_remove(labels, %s), updated_at = now()
            WHERE account_id = %s AND labels @> ARRAY[%s]::varchar[]
            """,
            (label.name, label.account_id, label.name),
        )
        changed: int = cursor.rowcount
    label.delete()
    return changed


def _take_as_it_is(label: Label) -> None:
    """Keep others from changing the label, and read it again: it may have another name than when it was found, or be
    gone (Http404)."""
    take_turns(label.account_id)
    label.name = get_object_or_404(Label.unscoped, pk=label.pk).name


def put_on(account_id: int, contacts: QuerySet[Contact], names: list[str]) -> tuple[int, int]:
    """Label these contacts, who are the account's. Returns how many were meant and how many did not have them all."""
    take_turns(account_id)
    names = each_once(names, ensure(account_id, names))
    return _change(
        account_id,
        contacts,
        "labels || ARRAY(SELECT name FROM unnest(%s::varchar[]) AS name WHERE name <> ALL (contact.labels))",
        "NOT contact.labels @> %s::varchar[]",
        names,
    )


def take_off(account_id: int, contacts: QuerySet[Contact], names: list[str]) -> tuple[int, int]:
    """Take labels off these contacts, who are the account's. Returns how many were meant and how many had one of
    them."""
    names = each_once(names, known(account_id, names))
    return _change(
        account_id,
        contacts,
        "ARRAY(SELECT name FROM unnest(contact.labels) WITH ORDINALITY AS one (name, place)"
        " WHERE name <> ALL (%s::varchar[]) ORDER BY place)",
        "contact.labels && %s::varchar[]",
        names,
    )


def _change(account_id: int, contacts: QuerySet[Contact], labels: str, where: str, names: list[str]) -> tuple[int, int]:
    """One statement, whoever the contacts are. In a transaction."""
    meant, parameters = contacts.order_by().values("id").query.sql_with_params()
    take_turns(account_id)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH meant AS MATERIALIZED ({meant}), changed AS (
                UPDATE campaigns_contact AS contact SET labels = {labels}, updated_at = now()
                FROM meant WHERE contact.id = meant.id AND {where}
                RETURNING 1
            )
            SELECT (SELECT count(*) FROM meant), (SELECT count(*) FROM changed)
            """,  # noqa: S608 - ours, and Django's
            (*parameters, names, names),
        )
        matched, changed = cursor.fetchone()
    return matched, changed


def _rename_in_audiences(model: type[Segment] | type[Campaign], account: Account, old: str, new: str) -> None:
    meant = Q(audience__labels__contains=[old]) | Q(audience__exclude__labels__contains=[old])
    for row in model.objects.for_account(account).filter(meant).select_for_update():
        for part in (row.audience, row.audience.get("exclude", {})):
            if old in part.get("labels", ()):
                part["labels"] = list(dict.fromkeys(new if name == old else name for name in part["labels"]))
        model.unscoped.filter(pk=row.pk).update(audience=row.audience)
