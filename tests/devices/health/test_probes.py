"""Is a device fit to send? What the gateway's word means for the device, and when it is asked again."""

from datetime import UTC, datetime, timedelta

import pytest

from devices import needs, reasons
from devices.gateway.base import Link, Probe
from devices.gateway.evolution import EvolutionGateway
from devices.health import breaker, probes
from devices.models import Device
from devices.states import DeviceStatus
from tests.devices import arrange

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
    found = probes.probe(Device(base_url="http://gateway.example", instance_name="x", token="t"))
    assert (found.status, found.reason) == expected


@pytest.mark.django_db
def test_what_was_found_at_one_provider_is_not_noted_for_another():
    device = arrange.device()
    Device.unscoped.filter(pk=device.pk).update(provider="pigeon")
    assert not probes.record(device, probes.Health(DeviceStatus.CONNECTED), NOW)


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
    assert probes.check(device, NOW) == expected
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
    assert probes.check(device, NOW) == DeviceStatus.BLOCKED
    assert Device.unscoped.get(pk=device.pk).status_reason == reason


@pytest.mark.django_db
def test_an_unlicensed_gateway_blocks(simulator):
    simulator.faults({"license": 1})
    device = arrange.device(simulator=simulator)
    assert (probes.check(device, NOW), device.status_reason) == (DeviceStatus.BLOCKED, "licence_required")


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
    probes.check(device, NOW)
    row = Device.unscoped.get(pk=device.pk)
    assert (row.status, row.status_reason) == (status, reason)


@pytest.mark.django_db
def test_the_instance_name_stays_one_segment_of_the_path(simulator):
    simulator.reset()
    probes.check(arrange.device(simulator=simulator, instance_name="a b?c#d%2F"), NOW)
    assert simulator.last_requests(1)[0]["path"].endswith("/instance/connectionState/a%20b%3Fc%23d%252F")


@pytest.mark.django_db
def test_what_was_found_before_an_edit_is_not_noted_after_it():
    device = arrange.device()
    Device.unscoped.filter(pk=device.pk).update(base_url="http://127.0.0.1:10")
    assert not probes.record(device, probes.Health(DeviceStatus.CONNECTED), NOW)


@pytest.mark.django_db
def test_an_older_finding_does_not_replace_a_newer_one():
    device = arrange.device()
    assert probes.record(device, probes.Health(DeviceStatus.BLOCKED, "unauthorized"), NOW)
    assert not probes.record(device, probes.Health(DeviceStatus.CONNECTED), NOW - timedelta(seconds=1))
    assert Device.unscoped.get(pk=device.pk).status == DeviceStatus.BLOCKED


# --- When it is asked next -----------------------------------------------------------------------------------------


def found(device, reason, at, *, at_work=False):
    """Note what a check of now found, "" for well; return the wait for the next in seconds."""
    status = DeviceStatus.DISCONNECTED if reason else DeviceStatus.CONNECTED
    device.refresh_from_db()
    assert probes.record(device, probes.Health(status, reason), at, at_work=at_work)
    device.refresh_from_db()
    return (device.next_check_at - at).total_seconds()


def or_a_fifth_less(seconds):
    """What a wait of so many seconds comes to."""
    return pytest.approx(seconds * 0.9, abs=seconds * 0.1 + 0.001)


@pytest.mark.django_db
def test_what_passes_is_asked_about_soon_and_then_less_and_less_often():
    device = arrange.device()
    waits = [found(device, "unreachable", NOW + timedelta(minutes=minute)) for minute in range(9)]
    assert waits == [or_a_fifth_less(wait) for wait in (1, 2, 5, 10, 20, 40, 60, 60, 60)]


@pytest.mark.django_db
def test_who_has_something_to_send_is_asked_every_half_minute_and_who_has_not_every_five():
    device = arrange.device()
    assert found(device, "", NOW, at_work=True) == or_a_fifth_less(30)
    assert found(device, "", NOW + timedelta(minutes=1)) == or_a_fifth_less(300)


@pytest.mark.django_db
@pytest.mark.parametrize("reason", ["instance_closed", "unknown_host", "unauthorized"])
@pytest.mark.parametrize("never", [False, True], ids=["it was well", "it never was"])
def test_who_waits_for_a_person_is_asked_less_and_less_often(reason, never):
    device = arrange.device(**{"created_at" if never else "last_well_at": NOW})
    waits = [found(device, reason, NOW + timedelta(minutes=minutes)) for minutes in (1, 4, 16, 40, 10_000)]
    assert waits == [or_a_fifth_less(wait) for wait in (30, 30, 120, 300, 300)]


@pytest.mark.django_db
def test_who_waits_for_a_person_and_is_waited_for_by_a_job_is_asked_every_two_minutes():
    device = arrange.device(last_well_at=NOW)
    waits = [found(device, "instance_closed", NOW + timedelta(hours=hours), at_work=True) for hours in (1, 100)]
    assert waits == [or_a_fifth_less(120)] * 2


@pytest.mark.django_db
def test_a_person_who_edits_a_device_at_work_has_it_asked_again_soon(simulator, monkeypatch):
    device = arrange.device(simulator=simulator)
    monkeypatch.setattr(needs, "who_works", [lambda ids: {device.pk} & set(ids)])
    probes.check(device, NOW)
    device.refresh_from_db()
    assert (device.next_check_at - NOW).total_seconds() == or_a_fifth_less(30)


@pytest.mark.django_db
def test_devices_made_together_are_not_asked_together_for_ever():
    devices = [arrange.device() for _ in range(40)]
    assert len({round(found(device, "", NOW)) for device in devices}) > 15


@pytest.mark.django_db
def test_a_check_that_finds_it_well_does_not_forget_the_trouble_a_message_does():
    """Its gateway says "open" and takes nothing: each time it is out for longer."""
    device = arrange.device(status=DeviceStatus.CONNECTED)
    waits = []
    for minute in range(3):
        assert breaker.take_out(device.pk, "rate_limited")
        before = datetime.now(tz=UTC)
        device.refresh_from_db()
        waits.append((device.next_check_at - before).total_seconds())
        found(device, "", before + timedelta(minutes=1 + minute))
    assert [waits[0] * 1.25 >= 1, waits[1] * 1.25 >= 2, waits[2] * 1.25 >= 5] == [True] * 3
    assert waits == sorted(waits)
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
def test_a_device_is_looked_at_soon_where_its_last_word_is_old():
    now = datetime.now(tz=UTC)
    later = {"status_checked_at": now - timedelta(minutes=2), "next_check_at": now + timedelta(minutes=3)}
    old = [arrange.device(**later) for _ in range(20)]
    arrange.device(**{**later, "status_checked_at": now})
    arrange.device(**{**later, "next_check_at": now + timedelta(seconds=20)})
    arrange.device(**{**later, "enabled": False})
    ids = list(Device.unscoped.values_list("pk", flat=True))
    assert breaker.look_soon(ids, after=timedelta(seconds=30)) == 20
    waits = [device.next_check_at - now for device in Device.unscoped.filter(pk__in=[device.pk for device in old])]
    assert all(30 <= wait.total_seconds() < 70 for wait in waits)
    assert len(set(waits)) > 10
    assert breaker.look_soon([old[0].pk]) == 1
    old[0].refresh_from_db()
    assert old[0].next_check_at <= datetime.now(tz=UTC)


@pytest.mark.django_db
def test_a_list_confirms_devices_in_one_statement_but_none_that_has_changed(django_assert_num_queries):
    well = {"status": DeviceStatus.CONNECTED, "status_checked_at": NOW - timedelta(minutes=5)}
    idle, at_work, edited, gone_out, newer = (arrange.device(**well) for _ in range(5))
    closed = arrange.device(
        **{**well, "status": "disconnected", "status_reason": "instance_closed", "created_at": NOW - timedelta(days=1)}
    )
    devices = [idle, at_work, edited, gone_out, newer, closed]
    Device.unscoped.filter(pk=edited.pk).update(instance_name="another")
    Device.unscoped.filter(pk=gone_out.pk).update(status="disconnected", status_reason="unreachable")
    Device.unscoped.filter(pk=newer.pk).update(status_checked_at=NOW)
    with django_assert_num_queries(1):
        assert probes.confirm(devices, NOW, {at_work.pk}) == 3
    noted = Device.unscoped.filter(next_check_at__gt=NOW)
    assert {row.pk: (row.next_check_at - NOW).total_seconds() for row in noted} == {
        idle.pk: or_a_fifth_less(300),
        at_work.pk: or_a_fifth_less(60),
        closed.pk: or_a_fifth_less(300),
    }
    assert set(noted.filter(last_well_at=NOW, status_checked_at=NOW)) == {idle, at_work}


def test_every_reason_that_passes_or_waits_for_a_person_has_its_sentence():
    assert reasons.SENTENCES.keys() >= breaker.PASSING | breaker.FOR_A_PERSON
    assert not breaker.PASSING & breaker.FOR_A_PERSON
