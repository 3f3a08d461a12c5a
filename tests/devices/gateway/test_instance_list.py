"""How all instances of an Evolution API server are, by what it answers to fetchInstances."""

import json

import pytest

from devices.gateway.base import Link, Probe
from devices.gateway.evolution import instance_list
from devices.gateway.evolution.instance_list import InstanceList
from devices.gateway.http import Response
from tests.devices import recorded
from tests.simulator_process import Simulator

OPEN = Probe(Link.OPEN)
CLOSED = Probe(Link.CLOSED, "instance_closed")
OPENING = Probe(Link.OPENING, "instance_connecting")


def said(body, status=200):
    return instance_list.read(Response(status, json.dumps(body).encode()))


def row(name, state):
    return {"name": name, "connectionStatus": state, "token": "hush"}


def old_row(name, state):
    return {"instance": {"instanceName": name, "status": state, "apikey": "hush"}}


@pytest.mark.parametrize("shape", [row, old_row], ids=["2.x", "1.x"])
def test_each_instance_by_its_name(shape):
    states = {"a": "open", "b": "connecting", "c": "close", "d": "refused", "e": "brand new", "f": None}
    rows = [shape(name, state) for name, state in states.items()]
    assert said(rows) == {"a": OPEN, "b": OPENING, "c": CLOSED, "d": CLOSED}


def test_the_recorded_list_is_understood():
    (real,) = [real for real in recorded.answers() if real.situation == "an instance as the list shows it"]
    assert said(real.body) == {"one": OPEN}


def test_a_name_that_stands_twice_says_nothing():
    assert said([row("a", "open"), row("a", "close"), old_row("b", "open")]) == {"b": OPEN}


@pytest.mark.parametrize("body", [{}, None, "open", {"instance": {"instanceName": "a", "status": "open"}}])
def test_what_is_no_list_is_none(body):
    assert said(body) is None


@pytest.mark.parametrize("status", [201, 302, 401, 403, 404, 429, 500, 503])
def test_a_refusal_is_no_list(status):
    assert said([row("a", "open")], status) is None


def test_rows_that_are_none_are_passed_over():
    assert said(
        [None, 1, [], {}, {"instance": "a"}, {"name": ["a"], "connectionStatus": "open"}, row("a", "open")]
    ) == {"a": OPEN}


# --- Of the simulator ---------------------------------------------------------------------------------------------

pytestmark = pytest.mark.usefixtures("loopback_is_open")


def test_the_servers_key_lists_all_and_an_instances_key_those_that_have_it(simulator: Simulator) -> None:
    simulator.set_state("demo-2", "close", token="ITS-OWN")
    try:
        assert InstanceList(simulator.url, simulator.global_key).call(30) == {
            "demo-1": OPEN,
            "demo-2": CLOSED,
            "demo-3": OPEN,
        }
        assert InstanceList(simulator.url, "ITS-OWN").call(30) == {"demo-2": CLOSED}
        assert InstanceList(simulator.url, "nobody's").call(30) is None
    finally:
        simulator.set_state("demo-2", "open", token=simulator.token)


@pytest.mark.parametrize("fault", ["502", "401", "429", "license", "list-refused", "giant-list"])
def test_a_list_that_cannot_be_had(simulator: Simulator, fault: str) -> None:
    simulator.faults({fault: 1})
    assert InstanceList(simulator.url, simulator.global_key).call(30) is None


def test_a_list_that_does_not_come_in_time(simulator: Simulator) -> None:
    simulator.faults({"slow-list": 1})
    assert InstanceList(simulator.url, simulator.global_key).call(0.2) is None


def test_a_list_may_be_longer_than_any_other_answer(simulator: Simulator) -> None:
    simulator.faults({"giant-list": "1:3000000"})
    assert len(InstanceList(simulator.url, simulator.global_key).call(30) or {}) == 3


def test_its_key_is_not_shown() -> None:
    assert "hush" not in repr(InstanceList("http://gateway.example", "hush"))
