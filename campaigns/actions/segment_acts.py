"""What a person does to segments: one function an act, with its one audit entry (see `jobs.actions`)."""

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from accounts import audit
from accounts.audit import Actor
from accounts.constraints import is_breach_of
from accounts.needed import StillNeeded, unless_forced
from campaigns.audience import needs
from campaigns.models import Campaign, Segment


class SegmentNameTaken(Exception):
    """Another segment of the account has this name."""


def save(actor: Actor, segment: Segment, fields: dict[str, Any]) -> Segment:
    """Make a new segment of valid fields, or change a known one. Raises SegmentNameTaken."""
    is_new = segment.pk is None
    changed = sorted(name for name, value in fields.items() if is_new or getattr(segment, name) != value)
    for name in changed:
        setattr(segment, name, fields[name])
    try:
        with transaction.atomic():
            if is_new:
                segment.account = actor.account
                segment.save(force_insert=True)
                audit.record(actor, "segment.created", segment, id=segment.pk)
            elif changed:
                segment.save(update_fields=changed)
                audit.record(actor, "segment.changed", segment, id=segment.pk, fields=changed)
    except IntegrityError as error:
        if not is_breach_of("segment_once_per_account", error):
            raise
        raise SegmentNameTaken from None
    return segment


def delete(actor: Actor, segment: Segment, *, force: bool = False) -> None:
    """Delete a segment; campaigns that are over, or all of them by `force`, keep its audience as their own.

    Raises StillNeeded where a waiting campaign is for it, unless `force` is given.
    """
    try:
        with transaction.atomic():
            forced = unless_forced(needs.who_needs_segment(segment), force=force)
            audit.record(actor, "segment.deleted", segment, id=segment.pk, **forced)
            Campaign.unscoped.filter(segment=segment).update(segment=None, audience=segment.audience)
            segment.delete()
    except (ProtectedError, IntegrityError):  # a campaign took it up this very moment
        raise StillNeeded(needs.who_needs_segment(segment)) from None
