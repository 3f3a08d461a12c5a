"""The admin's pages of webhook endpoints."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Membership, Role
from devices.endpoints import outbox
from devices.endpoints.event_types import EVENT_TYPES
from devices.models import Delivery, DeliveryAttempt, WebhookEndpoint
from devices.states import DeliveryState
from tests.accounts import people
from tests.acts.device_doors import endpoint_form
from tests.devices.endpoints.arrange import endpoint

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(db: None) -> Membership:
    return people.member()


@pytest.fixture
def client(admin: Membership) -> Client:
    return people.browser(admin)


@pytest.fixture
def place(admin: Membership) -> WebhookEndpoint:
    return endpoint(admin.account, "https://example.com/hooks", headers='{"X-Key": "sesame"}')


def at(name: str, *ids: Any) -> str:
    return reverse(f"admin:devices_webhookendpoint_{name}", args=ids)


def test_the_secret_of_a_new_one_is_shown_this_once(client: Client) -> None:
    form = endpoint_form(types=["job.completed"], header_lines="Authorization: Bearer a:b\nX-Key: sesame\n")
    answer = client.post(at("add"), form)
    row = WebhookEndpoint.unscoped.get()
    assert row.secret in answer.text
    assert (row.types, row.headers) == (["job.completed"], '{"Authorization": "Bearer a:b", "X-Key": "sesame"}')
    page = client.get(at("change", row.pk)).text
    assert row.secret not in page
    assert "sesame" not in page
    assert "Authorization, X-Key" in page


def test_headers_stay_where_nothing_is_written_and_go_where_that_is_said(
    client: Client, place: WebhookEndpoint
) -> None:
    for written, kept in (("", '{"X-Key": "sesame"}'), ("-", "")):
        client.post(at("change", place.pk), endpoint_form(header_lines=written))
        place.refresh_from_db()
        assert place.headers == kept


def test_all_events_ticked_are_all_there_will_be(client: Client, place: WebhookEndpoint) -> None:
    client.post(at("change", place.pk), endpoint_form(types=list(EVENT_TYPES)))
    place.refresh_from_db()
    assert place.types == []


def test_what_it_may_not_be_is_said_in_the_form(client: Client) -> None:
    answer = client.post(at("add"), endpoint_form(url="http://8.8.8.8", header_lines="Host: a\nnonsense"))
    assert answer.status_code == 200
    assert "debe empezar con https://" in answer.text
    assert "hasta 20 nombres" in answer.text
    assert not WebhookEndpoint.unscoped.exists()


def test_what_it_was_told_shows_with_each_call(client: Client, place: WebhookEndpoint) -> None:
    failed, waiting = outbox.tell_test(place), outbox.tell_test(place)
    Delivery.unscoped.filter(pk=failed.pk).update(state=DeliveryState.FAILED, due_at=None)
    DeliveryAttempt.objects.create(delivery=failed, status=500, milliseconds=12, answer="<script>alert(1)</script>")
    page = client.get(at("deliveries", place.pk))
    assert "&lt;script&gt;alert(1)" in page.text
    assert "<script>alert(1)" not in page.text
    assert page.text.count("msg_") == 2
    assert client.get(at("deliveries", place.pk) + "?state=failed").text.count("msg_") == 1
    assert client.get(at("deliveries", place.pk) + f"?before={waiting.pk}").text.count("msg_") == 1
    client.post(at("replay", place.pk), {})
    failed.refresh_from_db()
    assert failed.state == "waiting"


@pytest.mark.parametrize("role", [Role.AGENT, Role.VIEWER])
def test_they_are_for_administrators(role: Role, place: WebhookEndpoint, admin: Membership) -> None:
    client = people.browser(people.member(admin.account, role))
    for path in (at("changelist"), at("change", place.pk), at("deliveries", place.pk)):
        assert client.get(path).status_code in {302, 403}
    assert client.post(at("replay", place.pk), {}).status_code == 403


def test_another_accounts_endpoint_is_not_there(place: WebhookEndpoint) -> None:
    client = people.browser(people.member())
    assert client.get(at("deliveries", place.pk)).status_code == 404
    assert client.post(at("replay", place.pk), {}).status_code == 404
