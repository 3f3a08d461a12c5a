"""Endpoints are told what happens: in whose transaction, how often, and without one delaying another."""

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils import timezone
from standardwebhooks.webhooks import Webhook

from accounts.models import Account
from devices.endpoints import caller as calling
from devices.endpoints import outbox, outcomes, signatures
from devices.endpoints.caller import Caller
from devices.models import Delivery, DeliveryAttempt, Device, OutgoingEvent, WebhookEndpoint
from tests.devices.endpoints.arrange import customer, endpoint
from tests.factories import make_account, make_device
from tests.waiting import eventually

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("loopback_is_open")]


@pytest.fixture
def account(transactional_db: None) -> Account:
    return make_account()


@pytest.fixture
def caller(monkeypatch: pytest.MonkeyPatch) -> Iterator[Caller]:
    monkeypatch.setattr(calling, "KNOWN_FOR_SECONDS", 0.0)
    made = Caller()
    yield made
    made.close()


def happen(account: Account, number: int = 1) -> None:
    """Something that endpoints are told of."""
    with connection.cursor() as cursor:
        for place in range(number):
            cursor.execute("SELECT tell_outside(%s, 'job.started', jsonb_build_object('n', %s))", [account.pk, place])


def is_answered(caller: Caller) -> bool:
    """Go on, and tell whether nothing is in flight any more."""
    caller.run(0.5)
    return not caller._calls


def due_now() -> None:
    Delivery.unscoped.filter(due_at__isnull=False).update(due_at=Now())
    WebhookEndpoint.unscoped.update(paused_until=None)


def test_an_event_is_told_as_the_standard_has_it(account: Account, caller: Caller) -> None:
    with customer() as theirs:
        place = endpoint(account, theirs.url, headers='{"Authorization": "Bearer x"}')
        happen(account)
        caller.run(10)
        headers, body = theirs.told[0]
    said: Any = Webhook(place.secret).verify(body, headers)
    event = OutgoingEvent.unscoped.get()
    assert (said["type"], said["data"], said["account_id"], said["seq"]) == (
        "job.started",
        {"n": 0},
        account.pk,
        event.pk,
    )
    assert headers["content-type"] == "application/json"
    assert headers["authorization"] == "Bearer x"
    assert headers["webhook-id"] == f"msg_{event.uuid.hex}"
    delivery = Delivery.unscoped.get()
    assert (delivery.state, delivery.tries, delivery.due_at, delivery.last_status) == ("delivered", 1, None, 204)
    assert delivery.ended_at is not None
    assert DeliveryAttempt.objects.get().status == 204


def test_what_is_rolled_back_is_told_to_nobody(account: Account, caller: Caller) -> None:
    with customer() as theirs:
        endpoint(account, theirs.url)
        with transaction.atomic():
            happen(account)
            transaction.set_rollback(True)
        caller.run(5)
        assert theirs.told == []
    assert not OutgoingEvent.unscoped.exists()


def test_only_what_is_asked_for_is_told_and_only_to_whose_it_is(account: Account, caller: Caller) -> None:
    device = make_device(account)
    with customer() as theirs, customer() as others:
        endpoint(account, theirs.url, types=["device.blocked"])
        endpoint(make_account(), others.url)
        happen(account)
        assert not OutgoingEvent.unscoped.exists()
        Device.unscoped.filter(pk=device.pk).update(status="disconnected", status_reason="unreachable")
        Device.unscoped.filter(pk=device.pk).update(status="blocked", status_reason="unauthorized")
        Device.unscoped.filter(pk=device.pk).update(name="Otra")
        caller.run(5)
        assert [event["type"] for event in theirs.events] == ["device.blocked"]
        data = theirs.events[0]["data"]
        assert others.told == []
    assert data == {
        "device_id": device.pk,
        "name": device.name,
        "status": "blocked",
        "reason": "unauthorized",
        "enabled": True,
    }


def test_what_failed_is_told_again_with_the_same_id_and_body_and_signed_anew(account: Account, caller: Caller) -> None:
    with customer(lambda number: (204 if number == 3 else 500, {})) as theirs:
        place = endpoint(account, theirs.url)
        happen(account)
        for number in range(1, 4):
            due_now()
            caller.run(5)
            place.refresh_from_db()
            assert len(theirs.told) == number
            assert place.failures == (number if number < 3 else 0)
            assert (place.failing_since is None) is (number == 3)
        assert len(set(theirs.ids)) == 1
        assert len({body for _, body in theirs.told}) == 1
    delivery = Delivery.unscoped.get()
    assert (delivery.state, delivery.tries) == ("delivered", 3)
    assert [one.status for one in delivery.attempts.order_by("pk")] == [500, 500, 204]


def test_after_the_tenth_try_it_is_given_up_and_can_be_told_again(account: Account, caller: Caller) -> None:
    with customer(lambda number: (500 if number <= outcomes.MOST_TRIES else 200, {})) as theirs:
        place = endpoint(account, theirs.url)
        happen(account)
        for _ in range(outcomes.MOST_TRIES + 2):
            due_now()
            caller.run(5)
        delivery = Delivery.unscoped.get()
        assert (delivery.state, delivery.tries, len(theirs.told)) == ("failed", 10, 10)
        assert outbox.replay(outbox.failed_since(place, timezone.now() - timedelta(hours=1))) == 1
        due_now()
        caller.run(5)
        delivery.refresh_from_db()
        assert (delivery.state, delivery.tries) == ("delivered", 1)
        assert len(set(theirs.ids)) == 1


def test_one_that_fails_gets_one_at_a_time_and_all_of_them_once_it_is_back(account: Account, caller: Caller) -> None:
    is_down = [True]
    with customer(lambda number: (503 if is_down[0] else 204, {})) as theirs:
        place = endpoint(account, theirs.url)
        happen(account, 40)
        caller.run(0.3)
        eventually(lambda: is_answered(caller))
        before = len(theirs.told)
        assert before < 40 + 2  # the first window, and no more: it is left alone
        place.refresh_from_db()
        assert place.failures >= 1
        WebhookEndpoint.unscoped.update(paused_until=None)
        Delivery.unscoped.update(due_at=Now())
        caller._looked_at = 0.0
        caller.run(0.0)
        assert len(caller._calls) <= 1
        is_down[0] = False
        eventually(
            lambda: [due_now(), caller.run(1), Delivery.unscoped.exclude(state="delivered").exists()][-1] is False
        )
        assert len(set(theirs.ids)) == 40


def test_a_dead_one_delays_nobody(account: Account, caller: Caller) -> None:
    def hang(number: int) -> tuple[int, dict[str, str]]:
        time.sleep(3)
        return 204, {}

    with customer(hang) as slow, customer() as quick:
        endpoint(account, slow.url)
        endpoint(account, "http://127.0.0.1:1/closed")
        good = endpoint(account, quick.url)
        happen(account, 30)
        caller.run(2)
        assert len(quick.told) == 30
        assert not good.deliveries.exclude(state="delivered").exists()
        eventually(lambda: is_answered(caller))


def test_one_that_asks_to_wait_is_not_called_before(account: Account, caller: Caller) -> None:
    with customer(lambda number: (429, {"Retry-After": "120"})) as theirs:
        place = endpoint(account, theirs.url)
        happen(account)
        caller.run(5)
        Delivery.unscoped.update(due_at=Now())
        caller.run(2)
        assert len(theirs.told) == 1
    place.refresh_from_db()
    assert timedelta(seconds=110) < place.paused_until - timezone.now() < timedelta(seconds=121)


def test_one_that_is_gone_is_switched_off_and_what_waits_stays(account: Account, caller: Caller) -> None:
    with customer(lambda number: (410, {})) as theirs:
        place = endpoint(account, theirs.url)
        happen(account)
        caller.run(5)
        place.refresh_from_db()
        assert (place.enabled, place.disabled_reason) == (False, outcomes.GONE)
        due_now()
        caller.run(2)
        assert len(theirs.told) == 1
        happen(account)
    assert Delivery.unscoped.filter(due_at__isnull=False).count() == 1


def test_no_redirect_is_followed_and_no_inner_address_called(account: Account, caller: Caller, settings: Any) -> None:
    with customer() as inner, customer(lambda number: (307, {"Location": inner.url})) as theirs:
        endpoint(account, theirs.url)
        happen(account)
        caller.run(5)
        assert (len(theirs.told), inner.told) == (1, [])
    settings.EGRESS_ALLOWED_CIDRS = []
    due_now()
    fresh = Caller()
    fresh.run(5)
    fresh.close()
    assert len(theirs.told) == 1
    assert Delivery.unscoped.get().last_error == "egress_refused"


def test_what_a_dead_process_had_taken_is_due_again(account: Account, caller: Caller) -> None:
    with customer() as theirs:
        place = endpoint(account, theirs.url)
        happen(account)
        assert len(outbox.take({place.pk: 5})) == 1  # and it died
        assert outbox.take({place.pk: 5}) == []
        Delivery.unscoped.update(due_at=Now() - timedelta(seconds=1))
        caller.run(5)
        assert len(theirs.told) == 1


def test_a_secret_that_cannot_be_read_signs_nothing(account: Account, caller: Caller) -> None:
    with customer() as theirs:
        endpoint(account, theirs.url)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE devices_webhookendpoint SET secret = 'of another key'")
        happen(account)
        caller.run(5)
        assert theirs.told == []
    assert Delivery.unscoped.get().last_error == "token_unreadable"


def test_after_a_rotation_both_secrets_are_taken(account: Account, caller: Caller) -> None:
    before = signatures.new_secret()
    with customer() as theirs:
        place = endpoint(account, theirs.url, secret_before=before, rotated_at=timezone.now())
        happen(account)
        caller.run(5)
        headers, body = theirs.told[0]
    for secret in (before, place.secret):
        assert Webhook(secret).verify(body, headers)


def test_an_endpoint_that_is_deleted_meanwhile_takes_its_deliveries_along(account: Account, caller: Caller) -> None:
    def slowly(number: int) -> tuple[int, dict[str, str]]:
        time.sleep(0.5)
        return 204, {}

    with customer(slowly) as theirs:
        place = endpoint(account, theirs.url)
        happen(account)
        caller.run(0.2)
        assert caller._calls
        place.delete()
        eventually(lambda: is_answered(caller))
    assert not Delivery.unscoped.exists()
    assert not DeliveryAttempt.objects.exists()


def test_old_events_are_forgotten(account: Account) -> None:
    endpoint(account, "http://127.0.0.1:1/")
    happen(account, 3)
    OutgoingEvent.unscoped.filter(data={"n": 0}).update(happened_at=timezone.now() - timedelta(days=31))
    assert outbox.forget_old(timezone.now()) == 1
    assert (OutgoingEvent.unscoped.count(), Delivery.unscoped.count()) == (2, 2)
