"""The exports of other programs that are recognised whole: what their headers mean where words alone do not say it.

Most phones need no row here: `columns.phone_score` knows them in every layout, and the first mobile of a line is taken.
"""

from typing import Any, Final, NamedTuple

from accounts.written.cells import text_of
from campaigns.contacts.export import CONSENT
from campaigns.contacts.type_marks import type_in


class Layout(NamedTuple):
    """One program's export, by folded headers (`folding.slug`)."""

    program: str
    signs: frozenset[str]  # all of them are there, and in no other program's file
    fields: dict[str, tuple[str, ...]]  # several: joined in this order
    phones: tuple[str, ...] = ()  # where it is these alone, whatever others are called


_FIRST_MIDDLE_LAST: Final = ("first_name", "middle_name", "last_name")

LAYOUTS: Final = (
    # An attribute may be called celular; the number that we have written to is the phone.
    Layout(
        "Pregonero",
        frozenset({"id", "name", "phone", "labels", "opted_out"}),
        {"name": ("name",), "email": ("email",), "labels": ("labels",)},
        phones=("phone",),
    ),
    Layout(
        "Google Contacts",
        frozenset({"first_name", "last_name", "phone_1_value"}),
        {"name": _FIRST_MIDDLE_LAST, "email": ("e_mail_1_value",), "labels": ("labels",)},
    ),
    Layout(
        "Google Contacts, until 2024",
        frozenset({"name", "given_name", "phone_1_value"}),
        {"name": ("name",), "email": ("e_mail_1_value",), "labels": ("group_membership",)},
    ),
    Layout(
        "Outlook",
        frozenset({"first_name", "last_name", "mobile_phone", "e_mail_address"}),
        {"name": _FIRST_MIDDLE_LAST, "email": ("e_mail_address",), "labels": ("categories",)},
    ),
    Layout(
        "Odoo",
        frozenset({"display_name", "phone", "mobile"}),
        {"name": ("display_name",), "email": ("email",), "labels": ("tags",)},
    ),
    Layout(
        "Salesforce",
        frozenset({"first_name", "last_name", "account_name"}),
        {"name": ("first_name", "last_name"), "email": ("email",)},
    ),
    Layout(
        "HubSpot",
        frozenset({"record_id", "first_name", "last_name", "phone_number"}),
        {"name": ("first_name", "last_name"), "email": ("email",)},
    ),
    Layout(
        "Mailchimp",
        frozenset({"email_address", "first_name", "last_name", "member_rating"}),
        {"name": ("first_name", "last_name"), "email": ("email_address",), "labels": ("tags",)},
    ),
    Layout(
        "Chatwoot",
        frozenset({"name", "email", "phone_number", "identifier"}),
        {"name": ("name",), "email": ("email",)},
    ),
)


# What our export has of the contact itself. `id` is ours to say; the rest is what it is called.
_OWN_SIGNS: Final = frozenset(["id", "name", "phone", "labels", "opted_out"])
_OWN_FIELDS: Final = ("name", "phone", "email", "labels", *CONSENT)


def own_columns(headers: list[str]) -> dict[str, Any] | None:
    """What the columns of our own export are, to the letter; None where it is another file.

    The first of each name is the contact's; all others are attributes, be they called as they may.
    """
    names = [text_of(header) for header in headers]
    if not _OWN_SIGNS.issubset(names):
        return None
    places = {name: names.index(name) for name in ("id", *_OWN_FIELDS) if name in names}
    others = (place for place in range(len(names)) if place not in places.values() and names[place])
    return {
        **{field: places[field] for field in _OWN_FIELDS if field in places},
        "custom_attributes": {type_in(names[place])[0]: place for place in others},
    }


def layout_of(headers: list[str]) -> Layout | None:
    """The program whose export these folded headers are."""
    there = set(headers)
    return next((layout for layout in LAYOUTS if layout.signs <= there), None)
