"""Arranges an account with contacts, and calls to its addresses."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.test import Client

from accounts.models import Account, Membership, Role
from campaigns.contacts import labels
from campaigns.models import Contact, ContactImport
from devices import phone_numbers
from tests.accounts import people
from tests.factories import make_account


@dataclass
class Caller:
    """A member of an account who calls its API: `call.post("contacts", name="Ana")`."""

    role: Role = Role.ADMINISTRATOR
    account: Account = field(default_factory=lambda: make_account(default_country="PE"))

    @cached_property
    def membership(self) -> Membership:
        return people.member(self.account, self.role)

    @cached_property
    def client(self) -> Client:
        return people.api(self.membership)

    def path(self, address: str) -> str:
        return f"/api/v1/accounts/{self.account.pk}/{address}"

    def get(self, address: str, **query: Any) -> Any:
        return self.client.get(self.path(address), query)

    def post(self, address: str, **body: Any) -> Any:
        return self.client.post(self.path(address), body, content_type="application/json")

    def patch(self, address: str, **body: Any) -> Any:
        return self.client.patch(self.path(address), body, content_type="application/json")

    def delete(self, address: str) -> Any:
        return self.client.delete(self.path(address))


def contact(account: Account, phone: str | None = None, **fields: Any) -> Contact:
    labels.ensure(account.pk, fields.get("labels", ()))
    key = phone and phone_numbers.key_of(phone)
    made: Contact = Contact.unscoped.create(account=account, phone=phone, phone_key=key, **fields)
    return made


def imported_file(account: Account, name: str = "lista.csv") -> ContactImport:
    """A checked file of nothing."""
    mapping = {
        "encoding": "utf-8",
        "delimiter": ",",
        "header": True,
        "columns": {"custom_attributes": {}},
        "add_labels": [],
        "default_country": "PE",
        "names": ["phone"],
        "sample": [],
    }
    made: ContactImport = ContactImport.unscoped.create(
        account=account, file_name=name, mapping=mapping, status=ContactImport.Status.READY
    )
    return made


def names(answer: Any) -> list[str]:
    """The names in a list's answer."""
    assert answer.status_code == 200, answer.content
    return [one["name"] for one in answer.json()["results"]]


def refused(answer: Any) -> tuple[int, str]:
    """The status and code of a refusal, or the code of its one field."""
    body = answer.json()
    assert body["status"] == "error"
    assert body["message"]
    code = body["code"] if body["code"] != "invalid" or not body["errors"] else body["errors"][0]["code"]
    return answer.status_code, code
