"""The API of webhook endpoints."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEntry, Membership, Role
from devices.endpoints import outbox
from devices.models import Delivery, DeliveryAttempt, WebhookEndpoint
from devices.states import DeliveryState
from tests.accounts import people
from tests.devices.endpoints.arrange import endpoint

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("loopback_is_open")]
URL = "https://example.com/hooks"


@pytest.fixture
def admin(db: None) -> Membership:
    return people.member()


@pytest.fixture
def client(admin: Membership) -> Client:
    return people.api(admin)


@pytest.fixture
def base(admin: Membership) -> str:
    return f"/api/v1/accounts/{admin.account_id}/webhook_endpoints"


@pytest.fixture
def place(admin: Membership) -> WebhookEndpoint:
    return endpoint(admin.account, URL, description="CRM")


def post(client: Client, path: str, body: Any = None) -> Any:
    return client.post(path, body if body is not None else {}, content_type="application/json")


def codes(answer: Any) -> list[tuple[str, str]]:
    return [(error["field"], error["code"]) for error in answer.json()["errors"]]


def test_its_secret_is_shown_when_it_is_made_and_never_again(client: Client, base: str) -> None:
    body = {"url": URL, "types": ["job.completed"], "headers": {"X-Key": "open sesame"}, "description": "CRM"}
    made = post(client, base, body)
    assert made.status_code == 201
    assert made.headers["Cache-Control"] == "no-store"
    said = made.json()
    assert said["secret"].startswith("whsec_")
    row = WebhookEndpoint.unscoped.get()
    assert row.secret == said["secret"]
    for answer in (client.get(base), client.get(f"{base}/{row.pk}")):
        assert "whsec_" not in answer.text
        assert "open sesame" not in answer.text
    shown = client.get(f"{base}/{row.pk}").json()
    assert (shown["url"], shown["types"], shown["header_names"], shown["enabled"]) == (
        URL,
        ["job.completed"],
        ["X-Key"],
        True,
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret || headers FROM devices_webhookendpoint")
        assert "whsec_" not in cursor.fetchone()[0]
    assert "sesame" not in str(AuditEntry.unscoped.get().details)


def test_what_it_may_not_be_is_said_by_field(client: Client, base: str, place: WebhookEndpoint) -> None:
    bad = {"url": "http://8.8.8.8", "types": ["job.exploded"], "headers": {"Host": "a"}}
    expected = {("url", "endpoint_https"), ("types", "endpoint_types"), ("headers", "endpoint_headers")}
    assert set(codes(post(client, base, bad))) == expected
    changed = client.patch(f"{base}/{place.pk}", bad, content_type="application/json")
    assert set(codes(changed)) == expected
    assert codes(post(client, base, {})) == [("url", "required")]
    assert WebhookEndpoint.unscoped.count() == 1


def test_switched_on_again_it_begins_without_failures(client: Client, base: str, place: WebhookEndpoint) -> None:
    WebhookEndpoint.unscoped.update(
        enabled=False, failures=9, failing_since=timezone.now(), disabled_reason="endpoint_failing"
    )
    assert "cinco días" in client.get(f"{base}/{place.pk}").json()["disabled_reason"]
    said = client.patch(f"{base}/{place.pk}", {"enabled": True}, content_type="application/json").json()
    assert (said["enabled"], said["failures"], said["failing_since"], said["disabled_reason"]) == (True, 0, None, "")
    entry = AuditEntry.unscoped.get()
    assert (entry.action, entry.details) == ("webhook_endpoint.changed", {"id": place.pk, "fields": ["enabled"]})


def test_a_rotated_secret_is_shown_once(client: Client, base: str, place: WebhookEndpoint) -> None:
    fresh = post(client, f"{base}/{place.pk}/rotate_secret").json()["secret"]
    row = WebhookEndpoint.unscoped.get()
    assert (row.secret, row.secret_before) == (fresh, place.secret)


def test_a_test_is_told_to_this_endpoint_alone(
    client: Client, base: str, place: WebhookEndpoint, admin: Membership
) -> None:
    endpoint(admin.account, URL)
    answer = post(client, f"{base}/{place.pk}/test")
    assert (answer.status_code, answer.json()["type"], answer.json()["state"]) == (202, "webhook.test", "waiting")
    assert Delivery.unscoped.get().endpoint_id == place.pk


def test_deliveries_are_listed_with_what_was_sent_and_answered(
    client: Client, base: str, place: WebhookEndpoint
) -> None:
    first, second = outbox.tell_test(place), outbox.tell_test(place)
    Delivery.unscoped.filter(pk=first.pk).update(state=DeliveryState.FAILED, due_at=None, last_status=500)
    DeliveryAttempt.objects.create(delivery=first, status=500, milliseconds=12, answer="<script>")
    path = f"{base}/{place.pk}/deliveries"
    assert [one["id"] for one in client.get(path).json()["results"]] == [second.pk, first.pk]
    assert [one["id"] for one in client.get(f"{path}?state=failed").json()["results"]] == [first.pk]
    assert client.get(f"{path}?type=job.started").json()["results"] == []
    assert client.get(f"{path}?state=lost").status_code == 400
    whole = client.get(f"{path}/{first.pk}").json()
    assert '"type":"webhook.test"' in whole["body"]
    assert (whole["attempts"][0]["status"], whole["attempts"][0]["answer"]) == (500, "<script>")
    page = client.get(f"{path}?limit=1").json()
    assert [one["id"] for one in client.get(page["next"]).json()["results"]] == [first.pk]


def test_one_or_all_that_were_given_up_are_told_again(client: Client, base: str, place: WebhookEndpoint) -> None:
    first, second = outbox.tell_test(place), outbox.tell_test(place)
    Delivery.unscoped.update(state=DeliveryState.FAILED, due_at=None, tries=10)
    path = f"{base}/{place.pk}/replay"
    since = (timezone.now() - timedelta(hours=1)).isoformat()
    assert post(client, path, {"since": timezone.now().isoformat()}).json() == {"replayed": 0}
    assert post(client, path, {"delivery": first.pk}).json() == {"replayed": 1}
    assert post(client, path, {"since": since}).json() == {"replayed": 1}
    second.refresh_from_db()
    assert (second.state, second.tries, second.due_at is None) == ("waiting", 0, False)
    assert post(client, path, {"delivery": 10**9}).status_code == 404
    for bad in ({}, {"delivery": first.pk, "since": since}, {"since": "soon"}, {"delivery": 0}):
        assert post(client, path, bad).status_code == 400


@pytest.mark.parametrize("role", [Role.AGENT, Role.VIEWER])
def test_endpoints_are_for_administrators(role: Role, base: str, place: WebhookEndpoint, admin: Membership) -> None:
    client = people.api(people.member(admin.account, role))
    delivery = outbox.tell_test(place)
    for path in ("", f"/{place.pk}", f"/{place.pk}/deliveries", f"/{place.pk}/deliveries/{delivery.pk}"):
        assert client.get(base + path).status_code == 403
    for path in ("", f"/{place.pk}/test", f"/{place.pk}/replay", f"/{place.pk}/rotate_secret"):
        assert post(client, base + path, {"url": URL, "delivery": delivery.pk}).status_code == 403
    assert client.delete(f"{base}/{place.pk}").status_code == 403


def test_another_accounts_endpoint_is_not_there(place: WebhookEndpoint) -> None:
    stranger = people.member()
    client = people.api(stranger)
    base = f"/api/v1/accounts/{stranger.account_id}/webhook_endpoints"
    delivery = outbox.tell_test(place)
    mine = endpoint(stranger.account, URL)
    for path in (f"/{place.pk}", f"/{place.pk}/deliveries", f"/{mine.pk}/deliveries/{delivery.pk}"):
        assert client.get(base + path).status_code == 404
    for path in ("test", "replay", "rotate_secret"):
        assert post(client, f"{base}/{place.pk}/{path}", {"delivery": delivery.pk}).status_code == 404
    assert post(client, f"{base}/{mine.pk}/replay", {"delivery": delivery.pk}).status_code == 404
    assert client.delete(f"{base}/{place.pk}").status_code == 404
    assert WebhookEndpoint.unscoped.filter(pk=place.pk).exists()
