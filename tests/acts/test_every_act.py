"""The audit log knows of every act, whichever door it came through, and of each once."""

import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import AuditEntry
from tests.acts import account_doors, campaign_doors, contact_doors, device_doors, job_doors  # noqa: F401 - they fill the table
from tests.acts.table import DOORS, Door, Route, Scene

MODULES = (
    "accounts.actions",
    "devices.actions",
    "jobs.actions",
    "campaigns.actions.campaign_acts",
    "campaigns.actions.contact_acts",
    "campaigns.actions.import_acts",
    "campaigns.actions.segment_acts",
)
# Calls of the API that change nothing that belongs in the log.
NO_ACT: dict[Route, str] = {
    ("POST", "ws_tickets"): "a ticket opens a socket for a minute; reading is no act",
    ("POST", "device_check"): "looks at the gateway: what it finds is the device's state, nobody's act",
    ("POST", "campaign_preview"): "counts, and changes nothing",
}


@pytest.fixture(autouse=True)
def own_directories(settings: Any, tmp_path: Path) -> None:
    settings.UPLOAD_DIR = tmp_path / "uploads"
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "incoming"
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.UPLOAD_DIR.mkdir()
    settings.FILE_UPLOAD_TEMP_DIR.mkdir()


@pytest.mark.django_db
@pytest.mark.parametrize("door", DOORS, ids=str)
def test_an_act_leaves_exactly_one_entry(door: Door) -> None:
    scene = Scene()
    answer = door.perform(scene)
    if answer is not None:
        assert answer.status_code < 400, answer.content
    entries = list(AuditEntry.unscoped.order_by("pk"))
    assert [entry.action for entry in entries] == [door.code, *door.also]
    for entry in entries:
        assert entry.account == scene.account
        assert entry.user == (scene.member.user if door.by_person else None)
    if door.route is not None:
        method, name = door.route
        assert (answer.request["REQUEST_METHOD"], answer.resolver_match.url_name) == (method, name)


def test_every_act_is_in_the_table() -> None:
    acts = {
        f"{module}.{name}"
        for module in MODULES
        for name, value in inspect.getmembers(importlib.import_module(module), inspect.isfunction)
        if value.__module__ == module and not name.startswith("_")
    }
    assert acts == {door.act for door in DOORS}


def test_every_call_of_the_api_that_changes_something_is_an_act() -> None:
    entered = {door.route for door in DOORS if door.route}
    called = set(_calls(get_resolver()))
    assert called - entered - NO_ACT.keys() == set()
    assert NO_ACT.keys() <= called, "an address that is no more"
    assert not NO_ACT.keys() & entered


def _calls(resolver: URLResolver) -> Iterator[Route]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            if entry.namespace != "admin":
                yield from _calls(entry)
            continue
        view = getattr(entry.callback, "view_class", None) or getattr(entry.callback, "cls", None)
        if view is None or not entry.name:
            continue
        name = _name(entry)
        methods = getattr(entry.callback, "actions", None) or [
            one for one in ("get", "post", "put", "patch", "delete") if hasattr(view, one)
        ]
        for method in methods:
            if method not in {"get", "head"} or (method == "get" and "export" in name):
                yield method.upper(), name


def _name(entry: URLPattern) -> str:
    """Addresses of seed 000 stand below an account's address a second time."""
    return str(entry.name).removeprefix("account_")
