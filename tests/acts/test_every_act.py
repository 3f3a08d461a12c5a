"""The audit log knows of every act, whichever door it came through, and of each once."""

import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Task
from django.conf import settings
from django.db import connection
from django.urls import URLPattern, URLResolver, get_resolver
from kombu.exceptions import OperationalError

from accounts import audit
from accounts.audit import Actor
from accounts.models import AuditEntry
from tests.acts import (  # noqa: F401 - they fill the table
    account_doors,
    campaign_doors,
    contact_doors,
    device_doors,
    exclusion_doors,
    job_doors,
    message_doors,
    person_doors,
)
from tests.acts.no_acts import NOTHING, Nothing
from tests.acts.table import DOORS, Door, Route, Scene

MODULES = (
    "accounts.actions",
    "devices.actions",
    "jobs.actions",
    "campaigns.actions.campaign_acts",
    "campaigns.actions.contact_acts",
    "campaigns.actions.exclusion_acts",
    "campaigns.actions.import_acts",
    "campaigns.actions.message_acts",
    "campaigns.actions.person_acts",
    "campaigns.actions.segment_acts",
)
NOTED_ALONE = {"job.exported", "contacts.exported", "campaign.exported", "person.exported", "account.entered"}
# What the engine does with nobody at a door, and is an act all the same.
BY_ITSELF = {"campaigns.launch.schedule.launch_due"}
# Calls of the API that change nothing that belongs in the log.
NO_ACT: dict[Route, str] = {
    ("POST", "ws_tickets"): "a ticket opens a socket for a minute; reading is no act",
    ("POST", "device_check"): "looks at the gateway: what it finds is the device's state, nobody's act",
    ("POST", "campaign_preview"): "counts, and changes nothing",
    ("POST", "notifications_read"): "a person's own bell: having seen it changes nothing of the account's",
}


@pytest.fixture(autouse=True)
def own_directories(settings: Any, tmp_path: Path) -> None:
    settings.UPLOAD_DIR = tmp_path / "uploads"
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "incoming"
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.UPLOAD_DIR.mkdir()
    settings.FILE_UPLOAD_TEMP_DIR.mkdir()


@pytest.fixture
def broker_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OperationalError("no broker")

    monkeypatch.setattr(Task, "apply_async", refuse)


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """The codes of the entries, and whether each was written in a transaction (besides the test's own)."""
    codes: list[tuple[str, bool]] = []
    record = audit.record
    outside = len(connection.savepoint_ids)

    def watched(actor: Actor, action: str, subject: Any, **details: Any) -> AuditEntry:
        codes.append((action, len(connection.savepoint_ids) > outside))
        return record(actor, action, subject, **details)

    monkeypatch.setattr(audit, "record", watched)
    return codes


@pytest.mark.django_db
@pytest.mark.usefixtures("broker_is_away")
@pytest.mark.parametrize("door", DOORS, ids=str)
def test_an_act_leaves_exactly_one_entry(
    door: Door, noted: list[tuple[str, bool]], django_capture_on_commit_callbacks: Any
) -> None:
    scene = Scene()
    with django_capture_on_commit_callbacks(execute=True):
        answer = door.perform(scene)
    if answer is not None:
        assert answer.status_code < 400, answer.content
    entries = list(AuditEntry.unscoped.order_by("pk"))
    assert [entry.action for entry in entries] == [door.code, *door.also]
    for entry in entries:
        assert entry.account == scene.account
        assert entry.user == (scene.member.user if door.by_person else None)
    # Nothing changes with an export, and nobody's entering is undone.
    assert {code for code, is_in_transaction in noted if not is_in_transaction} <= NOTED_ALONE
    if door.route is not None:
        method, name = door.route
        assert (answer.request["REQUEST_METHOD"], answer.resolver_match.url_name) == (method, name)


@pytest.mark.django_db
@pytest.mark.parametrize("perform", NOTHING, ids=lambda perform: perform.__name__)
def test_what_is_refused_or_changes_nothing_leaves_no_entry(perform: Nothing) -> None:
    scene = Scene()
    perform(scene)
    assert not AuditEntry.unscoped.exists()


def test_edges_neither_audit_nor_wake_by_themselves() -> None:
    root = Path(settings.BASE_DIR)
    edges = [
        path
        for app in ("accounts", "devices", "jobs", "campaigns")
        for pattern in ("api/*.py", "pages/**/*.py", "management/commands/*.py", "admin.py")
        for path in (root / app).glob(pattern)
    ]
    assert len(edges) > 20
    loose = [
        str(path.relative_to(root))
        for path in edges
        if re.search(
            r"audit\.record\(|\.delay\(|apply_async\(|campaign_changed\(|AuditEntry\.\w+\.create", path.read_text()
        )
    ]
    assert loose == []


def test_every_act_is_in_the_table() -> None:
    acts = {
        f"{module}.{name}"
        for module in MODULES
        for name, value in inspect.getmembers(importlib.import_module(module), inspect.isfunction)
        if value.__module__ == module and not name.startswith("_")
    }
    assert acts | BY_ITSELF == {door.act for door in DOORS}


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
