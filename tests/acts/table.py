"""Every act by every door: what is done in `*_doors`, each entry through the real door, on rows it makes itself."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.test import Client
from django.urls import reverse

from accounts.models import Account, AuditEntry, Membership, Role
from devices.models import Device
from tests.accounts import people
from tests.factories import make_account, make_device

Route = tuple[str, str]  # an HTTP method and the name of an address of the API


class Scene:
    """An account with campaigns and one connected device, and an administrator at the API and in the admin."""

    def __init__(self) -> None:
        self.account: Account = make_account(whatsapp_api_campaigns=True, default_country="PE")
        self.device: Device = make_device(self.account)
        self.member: Membership = people.member(self.account, Role.ADMINISTRATOR)

    @cached_property
    def api(self) -> Client:
        return people.api(self.member)

    @cached_property
    def admin(self) -> Client:
        return people.browser(self.member)

    def call(self, method: str, name: str, body: Any = None, **ids: Any) -> Any:
        """Call an address of the API; a body is JSON, or a form where it is a `Form`."""
        # Addresses of seed 000 name no account.
        path = reverse(name, kwargs={**ids, **({} if name.startswith(_WITHOUT_ACCOUNT) else self._id)})
        if isinstance(body, Form):
            return self.api.post(path, body)
        return self.api.generic(method, path, *_json(body))

    def forget(self) -> None:
        """What was done to arrange the scene is not what the test is about."""
        AuditEntry.unscoped.all().delete()

    def entries(self) -> int:
        return AuditEntry.unscoped.count()

    @property
    def _id(self) -> dict[str, int]:
        return {"account_id": self.account.pk}

    def press(self, address: str, form: Any = None, *ids: Any) -> Any:
        """POST to a page of the admin, named as in `admin:jobs_job_delete`."""
        return self.admin.post(reverse(f"admin:{address}", args=ids), {"post": "yes"} if form is None else form)


class Form(dict[str, Any]):
    """A body that is sent as a form, with its files."""


_WITHOUT_ACCOUNT = ("job_", "send_bulk_file")


def _json(body: Any) -> tuple[Any, ...]:
    return () if body is None else (json.dumps(body), "application/json")


@dataclass(frozen=True)
class Door:
    """One way to one act."""

    act: str  # the function: "jobs.actions.pause"
    code: str  # the entry it leaves
    name: str  # "api", "admin", the command's, or what fires it
    route: Route | None  # of the API
    perform: Callable[[Scene], Any]
    by_person: bool = True
    also: tuple[str, ...] = ()  # what further acts the same command performs

    def __str__(self) -> str:
        return f"{self.perform.__name__}:{self.code}"


DOORS: list[Door] = []
Perform = Callable[[Scene], Any]


def api(act: str, code: str, method: str, name: str) -> Callable[[Perform], Perform]:
    return _door(act, code, "api", (method, name))


def admin(act: str, code: str) -> Callable[[Perform], Perform]:
    return _door(act, code, "admin", None)


def command(act: str, code: str, name: str, also: tuple[str, ...] = ()) -> Callable[[Perform], Perform]:
    return _door(act, code, name, None, by_person=False, also=also)


def by_itself(act: str, code: str, name: str) -> Callable[[Perform], Perform]:
    """What the engine does on somebody's earlier word."""
    return _door(act, code, name, None, by_person=False)


def _door(
    act: str, code: str, name: str, route: Route | None, by_person: bool = True, also: tuple[str, ...] = ()
) -> Callable[[Perform], Perform]:
    def entered(perform: Perform) -> Perform:
        DOORS.append(Door(act, code, name, route, perform, by_person, also))
        return perform

    return entered
