"""Is a device fit to send? What the gateway's word means for the device, and who is asked when."""

import socket
from concurrent import futures
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from devices import breaker, health, reasons
from devices.gateway.base import Link, Probe
from devices.gateway.evolution import EvolutionGateway
from devices.models import Device
from devices.states import DeviceStatus
from devices.tasks import check_devices
from tests.devices import arrange
from tests.waiting import GIVE_UP_SECONDS

pytestmark = pytest.mark.usefixtures("loopback_is_open")
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("probe", "expected"),
    [
        (Probe(Link.OPEN), ("connected", "")),
        (Probe(Link.OPENING, "instance_connecting"), ("connecting", "instance_connecting")),
        (Probe(Link.CLOSED, "instance_closed"), ("disconnected", "instance_closed")),
        *((Probe(Link.CLOSED, reason), ("blocked", reason)) for reason in sorted(breaker.FOR_A_PERSON)),
    ],
)
def test_what_a_gateway_says_of_a_device(probe, expected, monkeypatch):
    monkeypatch.setattr(EvolutionGateway, "probe", lambda *_: probe)
    found = health.probe(Device(base_url="http://gateway.example", instance_name="x", token="t"))
    assert (found.status, found.reason) == expected


@pytest.mark.django_db
def test_a_device_of_a_provider_nobody_knows_is_blocked_and_the_others_are_not_concerned(simulator):
    strange = arrange.device(simulator=simulator, provider="pigeon")
    well = arrange.device(simulator=simulator)
    assert health.check_due(NOW) == 2
    rows = {row.pk: (row.status, row.status_reason) for row in Device.unscoped.all()}
    assert rows == {strange.pk: ("blocked", "unknown_provider"), well.pk: ("connected", "")}


@pytest.mark.django_db
def test_what_was_found_at_one_provider_is_not_noted_for_another():
    device = arrange.device()
    Device.unscoped.filter(pk=device.pk).update(provider="pigeon")
    assert not health.record(device, health.Health(DeviceStatus.CONNECTED), NOW)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("open", DeviceStatus.CONNECTED),
        ("connecting", DeviceStatus.CONNECTING),
        ("close", DeviceStatus.DISCONNECTED),
        ("not-loaded", DeviceStatus.DISCONNECTED),
    ],
)
def test_the_simulators_states_are_understood_and_stored(simulator, state, expected):
    device = arrange.device(simulator=simulator)
    simulator.set_state("demo-1", state)
    assert health.check(device, NOW) == expected
    row = Device.unscoped.get(pk=device.pk)
    assert (row.status, row.status_checked_at) == (expected, NOW)
    assert (row.status_reason == "") is (state == "open")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"token": "nonsense"}, "unauthorized"),
        ({"instance_name": "nobody"}, "unknown_instance"),
        ({"base_url": "{url}/somewhere"}, "wrong_address"),
    ],
)
def test_a_device_that_only_a_person_can_mend_is_blocked(simulator, wrong, reason):
    fields = {name: value.format(url=simulator.url) for name, value in wrong.items()}
    device = arrange.device(simulator=simulator, **fields)
    assert health.check(device, NOW) == DeviceStatus.BLOCKED
    assert Device.unscoped.get(pk=device.pk).status_reason == reason


@pytest.mark.django_db
def test_an_unlicensed_gateway_blocks(simulator):
    simulator.faults({"license": 1})
    device = arrange.device(simulator=simulator)
    assert (health.check(device, NOW), device.status_reason) == (DeviceStatus.BLOCKED, "licence_required")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("base_url", "status", "reason"),
    [
        ("http://127.0.0.1:9", "disconnected", "unreachable"),
        ("http://gateway.invalid", "disconnected", "unknown_host"),
        ("http://10.255.0.1", "blocked", "egress_refused"),
        ("http://169.254.169.254/latest/meta-data", "blocked", "egress_refused"),
    ],
)
def test_a_gateway_that_cannot_be_reached(base_url, status, reason):
    device = arrange.device(base_url=base_url)
    health.check(device, NOW)
    row = Device.unscoped.get(pk=device.pk)
    assert (row.status, row.status_reason) == (status, reason)


@pytest.mark.django_db
def test_the_instance_name_stays_one_segment_of_the_path(simulator):
    simulator.reset()
    health.check(arrange.device(simulator=simulator, instance_name="a b?c#d%2F"), NOW)
    assert simulator.last_requests(1)[0]["path"].endswith("/instance/connectionState/a%20b%3Fc%23d%252F")


@pytest.mark.django_db
def test_what_was_found_before_an_edit_is_not_noted_after_it():
    device = arrange.device()
    Device.unscoped.filter(pk=device.pk).update(base_url="http://127.0.0.1:10")
    assert not health.record(device, health.Health(DeviceStatus.CONNECTED), NOW)


@pytest.mark.django_db
def test_an_older_finding_does_not_replace_a_newer_one():
    device = arrange.device()
    assert health.record(device, health.Health(DeviceStatus.BLOCKED, "unauthorized"), NOW)
    assert not health.record(device, health.Health(DeviceStatus.CONNECTED), NOW - timedelta(seconds=1))
    assert Device.unscoped.get(pk=device.pk).status == DeviceStatus.BLOCKED


# --- The round ------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_round_checks_what_is_enabled_and_due(simulator):
    never = arrange.device(simulator=simulator)
    old = arrange.device(simulator=simulator, next_check_at=NOW)
    fresh = arrange.device(simulator=simulator, next_check_at=NOW + timedelta(seconds=1))
    off = arrange.device(simulator=simulator, enabled=False)
    assert health.check_due(NOW) == 2
    connected = set(Device.unscoped.filter(status=DeviceStatus.CONNECTED))
    assert connected == {never, old}
    assert {fresh, off} & connected == set()


@pytest.mark.django_db
def test_a_device_that_hangs_delays_no_other(simulator, monkeypatch):
    """The round's time is over once the others have answered, however long that takes here."""
    asked = []

    def until_the_time_is_over(probes, timeout):
        asked.append(timeout)
        yield from islice(futures.as_completed(probes, timeout=GIVE_UP_SECONDS), 5)
        hang.extend(probe for probe in probes if not probe.done())
        raise TimeoutError

    hang = []
    monkeypatch.setattr(health, "as_completed", until_the_time_is_over)
    monkeypatch.setattr(health, "PROBE_SECONDS", 2 * GIVE_UP_SECONDS)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, never answers
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        hanging = [arrange.device(base_url=url) for _ in range(3)]
        well = [arrange.device(simulator=simulator) for _ in range(5)]
        assert health.check_due(NOW) == 5
        assert asked == [health.SLICE_SECONDS]
        assert len(hang) == 3
        assert not any(probe.done() for probe in hang)  # nobody waited for them
        assert set(Device.unscoped.filter(status=DeviceStatus.CONNECTED)) == set(well)
        assert not Device.unscoped.filter(pk__in=[one.pk for one in hanging], status_checked_at=NOW).exists()
    futures.wait(hang, GIVE_UP_SECONDS)  # the server is gone: their threads end
    assert all(probe.done() for probe in hang)


@pytest.mark.django_db
def test_the_longest_due_comes_first(monkeypatch):
    monkeypatch.setattr(health, "ROUND_SIZE", 2)
    due_at = [NOW - timedelta(minutes=minutes) for minutes in (1, 3, 2)]
    devices = [arrange.device(next_check_at=at) for at in due_at]
    never = arrange.device()
    health.check_due(NOW)
    assert set(Device.unscoped.filter(status_checked_at=NOW)) == {never, devices[1]}


@pytest.mark.django_db
def test_beats_task_checks_devices(simulator):
    device = arrange.device(simulator=simulator)
    check_devices()
    assert Device.unscoped.get(pk=device.pk).status == DeviceStatus.CONNECTED


def test_beat_fires_it_and_lets_late_ones_expire(settings):
    entry = settings.CELERY_BEAT_SCHEDULE["check devices"]
    assert entry["task"] == check_devices.name
    assert entry["options"]["expires"] <= 30


# --- When it is asked next -----------------------------------------------------------------------------------------


def found(device, reason, at):
    """Note what a check of now found: "" for well."""
    status = DeviceStatus.DISCONNECTED if reason else DeviceStatus.CONNECTED
    device.refresh_from_db()
    assert health.record(device, health.Health(status, reason), at)
    device.refresh_from_db()
    return (device.next_check_at - at).total_seconds()


@pytest.mark.django_db
def test_what_passes_is_asked_about_soon_and_then_less_and_less_often():
    device = arrange.device()
    waits = [found(device, "unreachable", NOW + timedelta(minutes=minute)) for minute in range(9)]
    assert waits == [1, 2, 5, 10, 20, 40, 60, 60, 60]


@pytest.mark.django_db
@pytest.mark.parametrize("reason", ["", "instance_closed", "unknown_host", "unauthorized"])
def test_what_is_well_or_waits_for_a_person_is_asked_every_half_minute(reason):
    device = arrange.device()
    assert found(device, reason, NOW) == found(device, reason, NOW + timedelta(minutes=1)) == 30


@pytest.mark.django_db
def test_a_check_that_finds_it_well_does_not_forget_the_trouble_a_message_does():
    """Its gateway says "open" and takes nothing: each time it is out for longer."""
    device = arrange.device(status=DeviceStatus.CONNECTED)
    waits = []
    for minute in range(3):
        assert breaker.take_out(device.pk, "rate_limited")
        before = datetime.now(tz=UTC)
        device.refresh_from_db()
        waits.append(round((device.next_check_at - before).total_seconds()))
        found(device, "", before + timedelta(minutes=1 + minute))
    assert waits == [1, 2, 5]
    breaker.is_well(device.pk)
    assert breaker.take_out(device.pk, "rate_limited", wait=timedelta(seconds=30))
    device.refresh_from_db()
    assert (device.trouble_count, device.status_reason) == (1, "rate_limited")
    assert 28 < (device.next_check_at - datetime.now(tz=UTC)).total_seconds() <= 30


@pytest.mark.django_db
def test_who_is_out_for_what_passes_and_was_well_lately_is_expected_back():
    now = datetime.now(tz=UTC)
    out = {"status": DeviceStatus.DISCONNECTED, "status_reason": "connection_closed", "last_well_at": now}
    back_soon = arrange.device(**out)
    arrange.device(**{**out, "status_reason": "instance_closed"})
    arrange.device(**{**out, "last_well_at": now - breaker.WELL_LATELY - timedelta(seconds=5)})
    arrange.device(**{**out, "last_well_at": None})
    arrange.device(**{**out, "enabled": False})
    arrange.device(**{**out, "status": DeviceStatus.CONNECTED})
    arrange.device(**out).delete()
    assert list(breaker.expected(Device.unscoped.all())) == [back_soon]


@pytest.mark.django_db
def test_rounds_that_overlap_ask_each_device_once(simulator):
    devices = [arrange.device(simulator=simulator) for _ in range(3)]
    asked = []

    def ask_and_look_again(device):
        asked.append(device.pk)
        return health.Health(DeviceStatus.CONNECTED)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(health, "_check_all", lambda due, now: [ask_and_look_again(device) for device in due])
        assert len(health.check_due(NOW)) == 3
        assert health.check_due(NOW) == []
        # Its checker died: it is due again soon.
        assert len(health.check_due(NOW + health.TAKEN_FOR)) == 3
    assert sorted(set(asked)) == sorted(device.pk for device in devices)


@pytest.mark.django_db
def test_a_device_that_was_heard_from_is_well_and_is_not_asked_for_a_while():
    before = datetime.now(tz=UTC)
    sending = [arrange.device(status=DeviceStatus.CONNECTED, next_check_at=before) for _ in range(20)]
    out = arrange.device(status=DeviceStatus.DISCONNECTED, status_reason="connection_closed", next_check_at=before)
    silent = arrange.device(status=DeviceStatus.CONNECTED, next_check_at=before)
    assert breaker.heard([*(device.pk for device in sending), out.pk, 0]) == 20
    rows = list(Device.unscoped.filter(pk__in=[device.pk for device in sending]))
    waits = {(row.next_check_at - before) / breaker.HEARD_HOLDS for row in rows}
    assert len(waits) > 10  # they are not all due in one moment
    assert all(0.9 <= wait < 1.2 for wait in waits)
    assert all(row.last_well_at >= before for row in rows)
    assert not Device.unscoped.filter(pk__in=[out.pk, silent.pk]).exclude(next_check_at=before).exists()


@pytest.mark.django_db
def test_what_was_heard_does_not_hide_what_is_being_found_out():
    """It was accepted a while ago; a check that began since knows more."""
    device = arrange.device(status=DeviceStatus.CONNECTED)
    began = datetime.now(tz=UTC)
    breaker.heard([device.pk])
    assert health.record(device, health.Health(DeviceStatus.DISCONNECTED, "instance_closed"), began)


def test_every_reason_that_passes_or_waits_for_a_person_has_its_sentence():
    assert reasons.SENTENCES.keys() >= breaker.PASSING | breaker.FOR_A_PERSON
    assert not breaker.PASSING & breaker.FOR_A_PERSON
