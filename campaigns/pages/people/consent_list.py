"""What a contact's page shows of what was said of its consent: newest first, ten at a time."""

import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from django.utils.translation import gettext as _

from campaigns.contacts import consent_history
from campaigns.models import ConsentRecord, Contact

SHOWN: Final = 10
EVIDENCE_CHARACTERS: Final = 300


class Shown(NamedTuple):
    """One record, and what shows it, in words."""

    record: ConsentRecord
    evidence: str


class Page(NamedTuple):
    """Some of the records; `next` is the id below which those that follow are, or None."""

    rows: list[Shown]
    next: int | None
    is_first: bool


def page_of(contact: Contact, below: int | None) -> Page:
    rows = consent_history.of_contact(contact)
    found = list((rows if below is None else rows.filter(pk__lt=below))[: SHOWN + 1])
    following = found[SHOWN - 1].pk if len(found) > SHOWN else None
    return Page([Shown(one, _evidence(one.evidence)) for one in found[:SHOWN]], following, below is None)


def _evidence(evidence: Mapping[str, Any]) -> str:
    match evidence:
        case {"file": file, "line": line, "import": _number}:
            return _("%(file)s, line %(line)s") % {"file": file, "line": line}
        case {"message": message, "device": _device}:
            return _("message %(number)s") % {"number": message}
        case {"suppression": _row}:
            return _("put on the list of suppressed numbers")
    return json.dumps(evidence, ensure_ascii=False)[:EVIDENCE_CHARACTERS] if evidence else ""
