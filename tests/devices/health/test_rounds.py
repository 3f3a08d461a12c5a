"""Who is asked how they are, when and with whom: rounds against real gateways, and silent ones."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from devices import needs
from devices.gateway import registry
from devices.gateway.evolution import EvolutionGateway
from devices.health import breaker, probes, rounds
from devices.models import Device
from devices.states import DeviceStatus
from devices.tasks import check_devices
from tests.devices import arrange
from tests.devices.raw_servers import Connection, serve
from tests.simulator_process import Simulator, start_simulator
from tests.waiting import GIVE_UP_SECONDS

pytestmark = [pytest.mark.usefixtures("loopback_is_open"), pytest.mark.django_db]
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NAMES = [f"shop-{number}" for number in range(12)]
WELL = {"status": DeviceStatus.CONNECTED, "next_check_at": NOW}
STATE = b'{"instance": {"instanceName": "x", "state": "open"}}'
OPEN = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(STATE), STATE)


@pytest.fixture(autouse=True)
def _every_list_may_be_asked_for(monkeypatch):
    monkeypatch.setattr(rounds, "_without", {})


@pytest.fixture(scope="module")
def _crowd() -> Iterator[Simulator]:
    with start_simulator(*(f"{name}:TOKEN-OF-{name}" for name in NAMES)) as simulator:
        yield simulator


@pytest.fixture
def crowd(_crowd: Simulator) -> Simulator:
    """A gateway with twelve open instances, each with a token of its own."""
    _crowd.renew()
    _crowd.faults({})
    return _crowd


def of_the_crowd(crowd, token=None, names=NAMES, **fields):
    """A device for each of these instances, by default with the server's own key, well and due."""
    return [
        arrange.device(
            **{"base_url": crowd.url, "instance_name": name, "token": token or crowd.global_key, **WELL, **fields}
        )
        for name in names
    ]


def asked(simulator):
    """How often each call was made, by the name of its route."""
    return Counter(request["path"].split("?")[0].split("/")[2] for request in simulator.last_requests())


def found(devices):
    """What the rows say of devices, in their order."""
    rows = Device.unscoped.in_bulk([device.pk for device in devices])
    return [(rows[device.pk].status, rows[device.pk].status_reason) for device in devices]


# --- Who is due -------------------------------------------------------------------------------------------------------


def test_a_round_checks_what_is_enabled_and_due(simulator):
    never = arrange.device(simulator=simulator)
    old = arrange.device(simulator=simulator, next_check_at=NOW)
    fresh = arrange.device(simulator=simulator, next_check_at=NOW + timedelta(hours=1))
    off = arrange.device(simulator=simulator, enabled=False)
    assert rounds.check_due(NOW) == 2
    connected = set(Device.unscoped.filter(status=DeviceStatus.CONNECTED))
    assert connected == {never, old}
    assert {fresh, off} & connected == set()


def test_the_longest_due_come_first(crowd, monkeypatch):
    monkeypatch.setattr(rounds, "AT_ONE_GATEWAY", 1)
    monkeypatch.setattr(rounds, "HELD", 2)
    names = NAMES[:4]
    for name, minutes in zip(names, (1, 3, None, 2), strict=True):
        due_at = None if minutes is None else NOW - timedelta(minutes=minutes)
        of_the_crowd(crowd, names=[name], status=DeviceStatus.CONNECTING, next_check_at=due_at)
    assert rounds.check_due(NOW) == 4
    paths = [request["path"].rpartition("/")[2] for request in crowd.last_requests()]
    assert paths == [names[2], names[1], names[3], names[0]]


def test_beats_task_checks_devices(simulator):
    device = arrange.device(simulator=simulator)
    check_devices()
    assert found([device]) == [("connected", "")]


def test_beat_fires_it_and_lets_late_ones_expire(settings):
    entry = settings.CELERY_BEAT_SCHEDULE["check devices"]
    assert entry["task"] == check_devices.name
    assert entry["options"]["expires"] <= 30


def test_where_nobody_is_due_one_look_at_an_index_is_all(django_assert_num_queries):
    device = arrange.device()
    Device.unscoped.bulk_create(
        Device(
            account=device.account,
            name=f"many {number}",
            base_url="http://127.0.0.1:9",
            instance_name="x",
            token="t",
            next_check_at=NOW + timedelta(seconds=1 + number % 300),
        )
        for number in range(5000)
    )
    device.delete()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE devices_device")
    with django_assert_num_queries(1) as queries:
        assert rounds.check_due(NOW) == 0
    plan = explained(queries[0]["sql"])
    assert "device_next_check" in plan
    assert "Sort" not in plan
    assert "Seq Scan" not in plan
    with django_assert_num_queries(1) as queries:
        assert rounds._due(NOW) == []
    assert "Seq Scan" not in explained(queries[0]["sql"])


def explained(sql):
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {sql}")
        return "\n".join(line for (line,) in cursor.fetchall())


@pytest.mark.django_db(transaction=True)
def test_there_is_one_round_at_a_time(simulator):
    device = arrange.device(simulator=simulator)
    seen = []

    def another():
        seen.append(rounds.check_due(NOW))
        connection.close()

    with rounds._alone() as is_alone:
        assert is_alone
        thread = threading.Thread(target=another)
        thread.start()
        thread.join(GIVE_UP_SECONDS)
    assert seen == [0]
    assert rounds.check_due(NOW) == 1
    assert found([device]) == [("connected", "")]


# --- How many at once -------------------------------------------------------------------------------------------------


class Gateway:
    """Answers "open" to whoever asks, once `gate` is open, and counts who waits."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()

    def behave(self, accepted: Connection) -> None:
        accepted.read_request()
        with self._lock:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        self.gate.wait(GIVE_UP_SECONDS)
        with self._lock:
            self._at_once -= 1
        accepted.send(OPEN)


@contextmanager
def slow_gateway() -> Iterator[tuple[Gateway, str]]:
    gateway = Gateway()
    with serve(gateway.behave) as server:
        try:
            yield gateway, f"http://127.0.0.1:{server.port}"
        finally:
            gateway.gate.set()


def when_all_are_found(devices, gate):
    """Open a gate as soon as the round has noted all of these, and say whether it was shut until then."""
    real = probes.record
    left = {device.pk for device in devices}

    def record(device, *rest, **more):
        done = real(device, *rest, **more)
        left.discard(device.pk)
        if not left:
            gate.set()
        return done

    return record


def test_a_gateway_that_is_slow_delays_no_other(simulator, monkeypatch):
    monkeypatch.setattr(probes, "PROBE_SECONDS", 2 * GIVE_UP_SECONDS)
    monkeypatch.setattr(rounds, "AT_ONCE", 6)
    with slow_gateway() as (gateway, url):
        slow = [arrange.device(base_url=url, next_check_at=NOW - timedelta(hours=1)) for _ in range(9)]
        well = [arrange.device(simulator=simulator, next_check_at=NOW) for _ in range(9)]
        monkeypatch.setattr(probes, "record", when_all_are_found(well, gateway.gate))
        assert rounds.check_due(NOW) == 18  # the others were through before the gate opened, or it never had
    assert found([*slow, *well]) == [("connected", "")] * 18


def test_a_small_gateway_is_not_asked_by_many_at_once(monkeypatch):
    with slow_gateway() as (gateway, url):
        devices = [arrange.device(base_url=url) for _ in range(12)]
        threading.Timer(0.3, gateway.gate.set).start()
        assert rounds.check_due(NOW) == 12
    assert 1 <= gateway.most_at_once <= rounds.AT_ONE_GATEWAY
    assert found(devices) == [("connected", "")] * 12


def test_who_becomes_due_while_something_hangs_is_asked_by_the_same_round(simulator, monkeypatch):
    monkeypatch.setattr(probes, "PROBE_SECONDS", 2 * GIVE_UP_SECONDS)
    monkeypatch.setattr(rounds, "TAKE_EVERY_SECONDS", 0.01)
    with slow_gateway() as (gateway, url):
        arrange.device(base_url=url)
        soon = arrange.device(simulator=simulator, next_check_at=NOW + timedelta(seconds=0.2))
        monkeypatch.setattr(probes, "record", when_all_are_found([soon], gateway.gate))
        assert rounds.check_due(NOW) == 2


def test_nothing_is_begun_that_could_outlast_the_round(simulator, monkeypatch):
    monkeypatch.setattr(rounds, "ROUND_SECONDS", rounds.PROBE_SECONDS)
    device = arrange.device(simulator=simulator)
    assert rounds.check_due(NOW) == 0
    assert Device.unscoped.get(pk=device.pk).next_check_at is None  # it is the next one's


def probed(monkeypatch):
    """Note who is asked."""
    real, who = probes.probe, []
    monkeypatch.setattr(probes, "probe", lambda device: (who.append(device.pk), real(device))[1])
    return who


def test_where_nobody_can_connect_a_few_speak_for_all(monkeypatch, simulator):
    who = probed(monkeypatch)
    gone = [arrange.device(status=DeviceStatus.CONNECTED, token=f"t{number}") for number in range(30)]
    well = arrange.device(simulator=simulator)
    assert rounds.check_due(NOW) == 31
    assert found(gone) == [("disconnected", "unreachable")] * 30
    assert found([well]) == [("connected", "")]
    assert rounds.CANNOT_CONNECT <= len(who) - 1 <= rounds.AT_ONE_GATEWAY + rounds.CANNOT_CONNECT


@pytest.mark.parametrize("held", [rounds.HELD, 10], ids=["all are held", "most are not even read"])
def test_more_that_hang_than_are_asked_at_once_speak_for_all(monkeypatch, held):
    monkeypatch.setattr(probes, "PROBE_SECONDS", 0.05)
    monkeypatch.setattr(rounds, "HELD", held)
    who = probed(monkeypatch)
    with slow_gateway() as (_, url):
        hanging = [arrange.device(base_url=url, status=DeviceStatus.CONNECTED, token=f"t{n}") for n in range(40)]
        assert rounds.check_due(NOW) == 40
    assert rounds.NO_ANSWER <= len(who) <= rounds.NO_ANSWER + rounds.AT_ONE_GATEWAY
    assert {status for status, _ in found(hanging)} == {"disconnected"}
    assert {reason for _, reason in found(hanging)} <= {"no_answer", "unreachable"}


def test_a_few_that_hang_speak_for_themselves_alone(monkeypatch):
    """Evolution API has instances that hang for ever, beside others that are well."""
    hangs = [True] * (rounds.NO_ANSWER - 1) + [False] + [True] * (rounds.NO_ANSWER - 1) + [False] * 10
    devices = [arrange.device() for _ in hangs]
    silent = {device.pk for device, does in zip(devices, hangs, strict=True) if does}
    answers = {
        True: probes.Health(DeviceStatus.DISCONNECTED, "no_answer"),
        False: probes.Health(DeviceStatus.CONNECTED),
    }
    monkeypatch.setattr(probes, "probe", lambda device: answers[device.pk in silent])
    monkeypatch.setattr(rounds, "AT_ONE_GATEWAY", 1)
    assert rounds.check_due(NOW) == len(hangs)
    assert [reason for _, reason in found(devices)] == ["no_answer" if one else "" for one in hangs]


def test_a_device_of_a_provider_nobody_knows_is_blocked_and_the_others_are_not_concerned(simulator):
    strange = arrange.device(simulator=simulator, provider="pigeon")
    well = arrange.device(simulator=simulator)
    assert rounds.check_due(NOW) == 2
    assert found([strange, well]) == [("blocked", "unknown_provider"), ("connected", "")]


def test_a_provider_that_raises_has_one_device_out_and_stops_no_round(simulator, monkeypatch, caplog):
    class Rash(EvolutionGateway):
        def probe(self, timeout_seconds):
            raise ZeroDivisionError

    make = {**registry.GATEWAYS, "rash": lambda device: Rash(device.base_url, device.instance_name, device.token)}
    monkeypatch.setattr(registry, "GATEWAYS", make)
    rash = arrange.device(simulator=simulator, provider="rash")
    well = arrange.device(simulator=simulator)
    assert rounds.check_due(NOW) == 2
    assert found([rash, well]) == [("disconnected", "unexpected_answer"), ("connected", "")]
    assert "raised" in caplog.text


# --- One call for many ------------------------------------------------------------------------------------------------


def test_one_call_answers_for_all_devices_that_share_address_and_key(crowd):
    devices = of_the_crowd(crowd)
    assert rounds.check_due(NOW) == 12
    assert asked(crowd) == {"fetchInstances": 1}
    rows = Device.unscoped.filter(pk__in=[device.pk for device in devices])
    assert found(devices) == [("connected", "")] * 12
    assert len({row.next_check_at for row in rows}) == 12
    assert all(
        NOW + timedelta(minutes=4) <= row.next_check_at <= NOW + timedelta(minutes=5, seconds=30) for row in rows
    )
    assert all(NOW <= row.last_well_at == row.status_checked_at for row in rows)


def test_a_list_is_asked_for_once_a_round_however_many_are_read_at_a_time(crowd, monkeypatch):
    monkeypatch.setattr(rounds, "HELD", 5)
    monkeypatch.setattr(rounds, "TAKE_EVERY_SECONDS", 0.01)
    crowd.faults({"slow-list": "1:500"})
    of_the_crowd(crowd)
    assert rounds.check_due(NOW) == 12
    assert asked(crowd) == {"fetchInstances": 1}


def test_where_no_list_comes_and_nobody_answers_they_are_out_all_the_same(monkeypatch):
    monkeypatch.setattr(rounds, "PROBE_SECONDS", 0.05)
    monkeypatch.setattr(probes, "PROBE_SECONDS", 0.05)
    with slow_gateway() as (_, url):
        hanging = [arrange.device(base_url=url, status=DeviceStatus.CONNECTED) for _ in range(40)]
        assert rounds.check_due(NOW) == 40
    assert {status for status, _ in found(hanging)} == {"disconnected"}


def test_it_answers_for_those_too_who_are_not_due_yet_but_for_nobody_who_was_heard_from(crowd):
    due = of_the_crowd(crowd, names=NAMES[:5])
    later = NOW + timedelta(minutes=4)
    not_yet = of_the_crowd(crowd, names=NAMES[5:9], next_check_at=later, last_well_at=NOW - timedelta(minutes=2))
    heard = of_the_crowd(crowd, names=NAMES[9:], next_check_at=later, last_well_at=NOW - timedelta(seconds=30))
    assert rounds.check_due(NOW) == 9
    assert asked(crowd) == {"fetchInstances": 1}
    untouched = set(Device.unscoped.filter(next_check_at=later))
    assert untouched == set(heard)
    assert not {*due, *not_yet} & untouched


def test_few_are_asked_each_by_itself(crowd):
    of_the_crowd(crowd, names=NAMES[: rounds.ENOUGH_FOR_A_LIST - 1])
    rounds.check_due(NOW)
    assert asked(crowd) == {"connectionState": rounds.ENOUGH_FOR_A_LIST - 1}


def test_devices_with_keys_of_their_own_are_asked_each_by_itself(crowd):
    for name in NAMES:
        of_the_crowd(crowd, token=f"TOKEN-OF-{name}", names=[name])
    assert rounds.check_due(NOW) == 12
    assert asked(crowd) == {"connectionState": 12}


def test_whoever_is_not_as_before_is_asked_itself(crowd):
    """The list confirms, it does not decide: why an instance is not in it, it does not say."""
    devices = of_the_crowd(crowd)
    stranger = of_the_crowd(crowd, names=["nobody"])
    crowd.set_state(NAMES[3], "close")
    assert rounds.check_due(NOW) == 13
    assert asked(crowd) == {"fetchInstances": 1, "connectionState": 2}
    expected = [("connected", "")] * 12
    expected[3] = ("disconnected", "instance_closed")
    assert found(devices) == expected
    assert found(stranger) == [("blocked", "unknown_instance")]
    # As they were now: the list says no less.
    crowd.reset()
    Device.unscoped.update(next_check_at=NOW + timedelta(minutes=5))
    assert rounds.check_due(NOW + timedelta(minutes=5)) == 13
    assert asked(crowd) == {"fetchInstances": 1}
    assert found([*devices, *stranger]) == [*expected, ("blocked", "unknown_instance")]


def test_who_is_in_trouble_that_may_pass_or_was_never_asked_is_asked_itself(crowd):
    """The list says "open" of one that reconnects, and of one that is not loaded."""
    of_the_crowd(crowd, names=NAMES[:6])
    out = {"status": DeviceStatus.DISCONNECTED, "status_reason": "connection_closed"}
    troubled = of_the_crowd(crowd, names=NAMES[6:8], **out)
    new = of_the_crowd(crowd, names=NAMES[8:9], status=DeviceStatus.CONNECTING)
    crowd.set_state(NAMES[6], "connecting")
    crowd.set_state(NAMES[7], "not-loaded")
    assert rounds.check_due(NOW) == 9
    assert asked(crowd) == {"fetchInstances": 1, "connectionState": 3}
    assert found([*troubled, *new]) == [
        ("connecting", "instance_connecting"),
        ("disconnected", "instance_not_loaded"),
        ("connected", ""),
    ]


def test_a_list_counts_only_for_the_instances_it_names(crowd):
    """With an instance's key it names that one alone, whoever else was given the key by mistake."""
    devices = of_the_crowd(crowd, token=f"TOKEN-OF-{NAMES[0]}", names=NAMES[:6])
    assert rounds.check_due(NOW) == 6
    assert found(devices) == [("connected", ""), *[("blocked", "unauthorized")] * 5]


@pytest.mark.parametrize("fault", ["list-refused", "giant-list", "slow-list"])
def test_without_a_list_each_is_asked_by_itself_and_it_is_not_tried_again_soon(crowd, fault, monkeypatch):
    monkeypatch.setattr(rounds, "PROBE_SECONDS", 0.3 if fault == "slow-list" else GIVE_UP_SECONDS)
    monkeypatch.setattr(rounds, "ROUND_SECONDS", 3 * GIVE_UP_SECONDS)
    crowd.faults({fault: 1})
    devices = of_the_crowd(crowd)
    assert rounds.check_due(NOW) == 12
    assert asked(crowd) == {"fetchInstances": 1, "connectionState": 12}
    assert found(devices) == [("connected", "")] * 12
    crowd.reset()
    Device.unscoped.update(next_check_at=NOW)
    assert rounds.check_due(NOW + timedelta(minutes=1)) == 12
    assert asked(crowd) == {"connectionState": 12}
    crowd.reset()
    rounds._without = dict.fromkeys(rounds._without, time.monotonic())
    Device.unscoped.update(next_check_at=NOW)
    assert rounds.check_due(NOW + timedelta(minutes=2)) == 12
    assert asked(crowd)["fetchInstances"] == 1


@pytest.mark.parametrize(("fault", "reason"), [("401", "unauthorized"), ("502", "gateway_error")])
def test_a_gateway_that_refuses_everything_is_as_before(crowd, fault, reason):
    crowd.faults({fault: 1})
    devices = of_the_crowd(crowd)
    rounds.check_due(NOW)
    assert {said for _, said in found(devices)} == {reason}


def test_the_keys_in_a_list_are_neither_logged_nor_kept(crowd, caplog):
    of_the_crowd(crowd)
    with caplog.at_level(logging.DEBUG):
        rounds.check_due(NOW)
    assert "TOKEN-OF" not in caplog.text
    assert crowd.global_key not in caplog.text


def test_who_has_something_to_send_and_is_on_a_list_is_asked_again_in_a_minute(crowd, monkeypatch):
    devices = of_the_crowd(crowd)
    working = {device.pk for device in devices[:2]}
    monkeypatch.setattr(needs, "who_works", [lambda ids: working & set(ids)])
    rounds.check_due(NOW)
    soon = Device.unscoped.filter(next_check_at__lte=NOW + timedelta(seconds=90))
    assert {device.pk for device in soon} == working


# --- What sends well is well ------------------------------------------------------------------------------------------


def test_who_is_heard_from_is_not_asked(crowd):
    now = datetime.now(tz=UTC)
    devices = of_the_crowd(crowd, next_check_at=now)
    breaker.heard([device.pk for device in devices])
    assert rounds.check_due(now + breaker.HEARD_EVERY) == 0
    breaker.heard([device.pk for device in devices[1:]])
    assert rounds.check_due(now + 3 * breaker.HEARD_EVERY) >= 1  # nothing was heard of the first
    assert Device.unscoped.get(pk=devices[0].pk).status_checked_at > now
