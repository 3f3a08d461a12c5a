"""`manage.py simulated_device`: what `make run` and `make demo` send through."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from devices.management.commands import simulated_device
from devices.models import Device
from devices.webhooks import header_secrets
from tests.accounts import people

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("loopback_is_open")]


@pytest.fixture(autouse=True)
def pauses(monkeypatch):
    """The times it waited, without waiting."""
    waited = []
    monkeypatch.setattr(simulated_device.time, "sleep", waited.append)
    return waited


@pytest.fixture
def account():
    return people.account("Demo")


@pytest.fixture
def run(account, simulator):
    def command(*arguments, url=simulator.url, token=simulator.token):
        out = StringIO()
        given = ["--account", "Demo", "--url", url, "--instance", "demo-1", "--token", token, "--json"]
        call_command("simulated_device", *given, *arguments, stdout=out)
        return json.loads(out.getvalue())

    return command


def test_it_makes_a_connected_device_at_the_default_pace(run, account):
    made = run()
    device = Device.unscoped.get()
    assert made == {"device_id": device.pk, "name": "Simulador", "status": "connected"}
    assert (device.account, device.messages_per_minute, device.max_in_flight) == (account, 12, 1)


def test_the_simulator_tells_it_what_becomes_of_its_messages(run, simulator, settings):
    settings.PUBLIC_URL = "http://127.0.0.1:1"
    run()
    device = Device.unscoped.get()
    found = simulator.get("/webhook/find/demo-1").json()
    assert (found["url"], found["events"]) == (
        f"http://127.0.0.1:1/webhooks/evolution/{device.uuid}",
        ["MESSAGES_UPSERT", "MESSAGES_UPDATE", "CONNECTION_UPDATE"],
    )
    assert found["headers"] == {"X-Webhook-Secret": header_secrets.secret_of(device)}
    simulator.renew()


def test_a_second_run_finds_it_and_follows_the_simulator_to_its_new_address(run):
    run(url="http://127.0.0.1:9/old", token="old")
    assert run()["status"] == "connected"
    assert Device.unscoped.count() == 1


def test_a_pace_that_a_person_changed_stays(run):
    run()
    Device.unscoped.update(messages_per_minute=30, max_in_flight=4)
    run()
    device = Device.unscoped.get()
    assert (device.messages_per_minute, device.max_in_flight) == (30, 4)


def test_unlimited_is_asked_for(run):
    run("--unlimited", "--max-in-flight", "64")
    device = Device.unscoped.get()
    assert (device.messages_per_minute, device.max_in_flight) == (None, 64)


def test_a_simulator_that_is_not_there_is_waited_for_and_then_reported(run, pauses):
    assert run(url="http://127.0.0.1:9")["status"] == "disconnected"
    assert len(pauses) == simulated_device.TRIES


@pytest.mark.parametrize(
    "arguments",
    [["--account", "Nobody"], ["--url", "ftp://x"], ["--instance", "a/b"], ["--token", ""], ["--max-in-flight", "300"]],
)
def test_wrong_arguments_are_said_plainly(run, arguments, monkeypatch):
    monkeypatch.delenv("SIMULATOR_TOKEN", raising=False)
    with pytest.raises(CommandError):
        run(*arguments)
    assert not Device.unscoped.exists()


def test_one_that_was_deleted_stays_so_and_another_is_made(run):
    first = run()
    Device.unscoped.get().delete()
    second = run()
    assert second["device_id"] != first["device_id"]
    assert Device.unscoped.present().get().pk == second["device_id"]
