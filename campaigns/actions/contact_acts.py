"""What a person does to contacts and labels: one function an act, with its one audit entry (see `jobs.actions`)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from accounts import audit
from accounts.audit import Actor
from accounts.constraints import is_breach_of
from accounts.needed import unless_forced
from campaigns.audience import needs
from campaigns.contacts import consent, labels, people
from campaigns.contacts.consent_history import Statement, Told
from campaigns.models import AttributeName, ConsentRecord, Contact, Label
from campaigns.states import Channel


def save(actor: Actor, contact: Contact, values: Mapping[str, Any], channel: Channel) -> Contact:
    """Make a new contact, or change a known one where `values` differ from it; their keys are `people.save`'s.
    Consent that they say came through `channel`.

    Raises PhoneTaken and PhoneErased; then nothing has changed, and the contact is as it was.
    """
    was_out = contact.opted_out_at is not None
    before = {**{name: getattr(contact, name) for name in values if name != "opted_out"}, "opted_out": was_out}
    changed = {name: value for name, value in values.items() if contact.pk is None or before[name] != value}
    if changed.get("opted_out") == was_out:
        del changed["opted_out"]
    if contact.pk is not None and not changed:
        return contact
    verb = "created" if contact.pk is None else "changed"
    if contact.pk is not None and set(changed) == {"opted_out"}:
        verb = "opted_out" if changed["opted_out"] else "opted_in"
    try:
        with transaction.atomic():
            people.save(contact, changed, _told_by(actor, channel))
            audit.record(actor, f"contact.{verb}", contact, id=contact.pk, fields=sorted(changed))
    except (people.PhoneTaken, people.PhoneErased):
        for name in changed.keys() - {"opted_out"}:
            setattr(contact, name, before[name])
        raise
    return contact


def _told_by(actor: Actor, channel: Channel) -> Told:
    """That the actor told us of a consent; its source on the contact is who they are, or the API."""
    user_id, email = (None, "") if actor.user is None else (actor.user.pk, actor.user.email)
    return Told(channel, "API" if channel == Channel.API else email[:100], user_id=user_id)


def delete(actor: Actor, contact: Contact) -> None:
    """Delete a contact; campaigns under way write to them no more."""
    with transaction.atomic():
        audit.record(actor, "contact.deleted", contact, id=contact.pk)
        people.delete(contact)


def exported(actor: Actor, **whose: Any) -> None:
    """Note that somebody takes contacts away as a file: how many, or by which filters. Called before its first line."""
    audit.record(actor, "contacts.exported", "contacts", **whose)


def record_consent(actor: Actor, said: Statement) -> ConsentRecord:
    """Keep what a person said of being written to, and do what it asks for. Raises PhoneErased."""
    with transaction.atomic():
        kept = consent.record(actor.account.pk, said)
        details = {"revoked": kept.is_revocation, "kind": kept.kind, "basis": kept.basis}
        audit.record(actor, "consent.recorded", f"#{kept.pk}", id=kept.pk, contact=kept.contact_id, **details)
    return kept


# --- Many contacts at once: each act leaves one entry, with counts -----------------------------------------


class ContactsUnknown(Exception):
    """Some of the contacts that were named are not the account's."""


def put_on(
    actor: Actor, contacts: QuerySet[Contact], names: Sequence[str], expected: int | None = None
) -> tuple[int, int]:
    """Label the contacts; return how many were meant and how many changed.

    Raises ContactsUnknown where fewer than `expected` are meant; then nothing has changed.
    """
    return _label(actor, labels.put_on, "contacts.labelled", contacts, names, expected)


def take_off(
    actor: Actor, contacts: QuerySet[Contact], names: Sequence[str], expected: int | None = None
) -> tuple[int, int]:
    """Take labels off the contacts; the rest as `put_on`."""
    return _label(actor, labels.take_off, "contacts.unlabelled", contacts, names, expected)


def _label(
    actor: Actor,
    act: Callable[[int, QuerySet[Contact], list[str]], tuple[int, int]],
    code: str,
    contacts: QuerySet[Contact],
    names: Sequence[str],
    expected: int | None,
) -> tuple[int, int]:
    with transaction.atomic():
        matched, changed = act(actor.account.pk, contacts, list(names))
        if expected is not None and matched < expected:
            raise ContactsUnknown  # and rolled back
        if changed:
            audit.record(actor, code, ", ".join(names), matched=matched, changed=changed)
    return matched, changed


def opt_out(actor: Actor, contacts: QuerySet[Contact]) -> int:
    """Note that these contacts want no messages; return for how many that was new."""
    return _consent(actor, consent.opt_out, "contacts.opted_out", contacts)


def opt_in(actor: Actor, contacts: QuerySet[Contact]) -> int:
    """Note that these contacts agreed, perhaps again; return for how many that was new."""
    return _consent(actor, consent.opt_in, "contacts.opted_in", contacts)


def _consent(
    actor: Actor, act: Callable[[int, QuerySet[Contact], Told], int], code: str, contacts: QuerySet[Contact]
) -> int:
    with transaction.atomic():
        # All of them or none, as the entry says: whoever else changes many contacts waits.
        labels.take_turns(actor.account.pk)
        changed = act(actor.account.pk, contacts, _told_by(actor, Channel.ADMIN))
        if changed:
            audit.record(actor, code, "contacts", changed=changed)
    return changed


# By the name that the list's buttons have; each returns how many contacts changed.
BULK: Final[dict[str, Callable[[Actor, QuerySet[Contact], Sequence[str]], int]]] = {
    "label": lambda actor, contacts, names: put_on(actor, contacts, names)[1],
    "unlabel": lambda actor, contacts, names: take_off(actor, contacts, names)[1],
    "opt_out": lambda actor, contacts, names: opt_out(actor, contacts),
    "opt_in": lambda actor, contacts, names: opt_in(actor, contacts),
}


# --- Attributes ------------------------------------------------------------------------------------------


def say_kind(actor: Actor, attribute: AttributeName, kind: str) -> None:
    """Say what an attribute's values are (`contacts.kinds`); the values themselves stay as they are."""
    with transaction.atomic():
        if AttributeName.unscoped.filter(pk=attribute.pk).exclude(kind=kind).update(kind=kind):
            audit.record(actor, "attribute.changed", attribute.name, id=attribute.pk, fields=["kind"])
    attribute.kind = kind


# --- Labels ----------------------------------------------------------------------------------------------


def create_label(actor: Actor, label: Label) -> Label:
    """Keep a new label of the account. Raises LabelTaken."""
    label.account = actor.account
    try:
        with transaction.atomic():
            label.save(force_insert=True)
            audit.record(actor, "label.created", label.name, id=label.pk)
    except IntegrityError as error:
        if not is_breach_of("label_once_per_account", error):
            raise
        raise labels.LabelTaken from None
    return label


def rename_label(actor: Actor, label: Label, name: str) -> None:
    """Give it another name, on its contacts and in the audiences too. Raises LabelTaken."""
    with transaction.atomic():
        old, changed = labels.rename(label, name)
        if name != old:
            audit.record(actor, "label.renamed", name, id=label.pk, old=old, contacts=changed)


def delete_label(actor: Actor, label: Label, *, force: bool = False) -> None:
    """Delete it, and take it off its contacts.

    Raises StillNeeded where a waiting campaign includes or excludes it, unless `force` is given.
    """
    number = label.pk
    with transaction.atomic():
        labels.take_turns(label.account_id)
        forced = unless_forced(needs.who_needs_label(label), force=force)
        changed = labels.delete(label)
        audit.record(actor, "label.deleted", label.name, id=number, contacts=changed, **forced)
