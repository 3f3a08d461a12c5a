"""The exports of other programs that are recognised whole: what their headers mean where words alone do not say it.

Most phones need no row here: `columns.phone_score` knows them in every layout, and the first mobile of a line is taken.
"""

from typing import Final, NamedTuple


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


def layout_of(headers: list[str]) -> Layout | None:
    """The program whose export these folded headers are."""
    there = set(headers)
    return next((layout for layout in LAYOUTS if layout.signs <= there), None)
