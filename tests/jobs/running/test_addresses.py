"""A gateway that moves: its name is looked up anew, beside everything else."""

import time

import pytest

from devices import egress
from devices.egress import CheckedAddress, EgressRefused, Unresolvable
from jobs.running.addresses import EVERY_SECONDS, Addresses
from tests.waiting import eventually

BY_NAME = CheckedAddress("http", "gateway.example", 8080, "203.0.113.5")
BY_NUMBER = CheckedAddress("https", "203.0.113.6", 443, "203.0.113.6")


@pytest.fixture
def asked(monkeypatch):
    """What the name service is asked; `answer` is what it says."""
    calls = []

    def resolve_all(urls, _seconds):
        calls.append(sorted(urls))
        return dict.fromkeys(urls, resolve_all.answer)

    resolve_all.answer = BY_NAME
    monkeypatch.setattr(egress, "resolve_all", resolve_all)
    calls.append(resolve_all)
    return calls


@pytest.fixture
def addresses():
    addresses = Addresses()
    yield addresses
    addresses.close()


def look(addresses, now):
    """Ask, and take the answer when it is there."""
    addresses.moved([BY_NAME, BY_NUMBER], now)
    found = {}
    eventually(lambda: found.update(addresses.moved([BY_NAME, BY_NUMBER], now)) or addresses._asked is None)
    return found


NOW = 1000.0 + EVERY_SECONDS


@pytest.mark.parametrize("answer", [BY_NAME, Unresolvable("silent")])
def test_who_did_not_move_or_cannot_be_found_now_stays_where_it_was(addresses, asked, answer):
    asked[0].answer = answer
    assert look(addresses, NOW) == {}
    assert asked[1] == ["http://gateway.example:8080"]  # an address by number does not move


def test_a_gateway_that_moved_is_told(addresses, asked):
    asked[0].answer = CheckedAddress("http", "gateway.example", 8080, "203.0.113.9")
    assert look(addresses, NOW) == {BY_NAME: asked[0].answer}


def test_one_that_leads_where_it_may_not_is_told_as_refused(addresses, asked):
    asked[0].answer = EgressRefused("egress_refused")
    assert look(addresses, NOW) == {BY_NAME: asked[0].answer}


def test_names_are_looked_up_now_and_then_only(addresses, asked):
    look(addresses, NOW)
    for seconds in range(int(EVERY_SECONDS)):
        assert addresses.moved([BY_NAME], NOW + seconds) == {}
    assert len(asked) == 2


def test_a_name_service_that_is_silent_holds_nobody_up(addresses, monkeypatch):
    monkeypatch.setattr(egress, "resolve_all", lambda urls, _seconds: time.sleep(0.5) or dict.fromkeys(urls, BY_NAME))
    began = time.monotonic()
    for _ in range(10):
        assert addresses.moved([BY_NAME], NOW) == {}
    assert time.monotonic() - began < 0.4
