"""Devices in the admin: the form, the connection check, the notice, and the token that never comes back."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry, Role
from devices.models import Device
from devices.states import DeviceStatus
from tests.accounts import people
from tests.devices import arrange

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("loopback_is_open")]
LIST = "/admin/devices/device/"
ADD = f"{LIST}add/"
SECRET = "hush-hush-token"


@pytest.fixture
def admin():
    return people.member()


@pytest.fixture
def client(admin):
    return people.browser(admin)


@pytest.fixture
def submit(client, django_capture_on_commit_callbacks):
    """Post a form, let the commit happen, and return the page that is shown then."""

    def post(address, **more):
        with django_capture_on_commit_callbacks(execute=True):
            return client.post(address, {**form(), **more}, follow=True)

    return post


def form(**more):
    fields = {
        "name": "Ventas",
        "enabled": "on",
        "provider": "evolution",
        "base_url": "http://127.0.0.1:9",
        "instance_name": "demo-1",
        "token": SECRET,
        "messages_per_minute": "12",
        "max_in_flight": "1",
        "jitter_percent": "0",
        "daily_limit": "",
        "new_people_a_day": "",
    }
    return {**fields, **more}


def change(device):
    return reverse("admin:devices_device_change", args=[device.pk])


def test_opening_a_device_has_it_asked_again_where_its_last_word_is_old(client, admin):
    device = arrange.device(admin.account, status_checked_at=timezone.now() - timedelta(minutes=4))
    foreign = arrange.device(status_checked_at=device.status_checked_at)
    later = timezone.now() + timedelta(minutes=1)
    Device.unscoped.update(next_check_at=later)
    client.get(LIST)
    assert not Device.unscoped.exclude(next_check_at=later).exists()
    client.get(change(device))
    client.get(change(foreign))
    assert list(Device.unscoped.exclude(next_check_at=later)) == [device]


def test_a_device_is_made_in_ones_own_account_and_checked(submit, admin, simulator):
    submit(ADD, base_url=simulator.url, token=simulator.token)
    device = Device.unscoped.get()
    assert (device.account, device.status) == (admin.account, DeviceStatus.CONNECTED)
    assert AuditEntry.unscoped.get().action == "device.created"


@pytest.mark.django_db(transaction=True)
def test_one_that_cannot_be_reached_is_made_and_the_next_page_says_why(client):
    page = client.post(ADD, form(), follow=True, headers={"Accept-Language": "en"})
    assert Device.unscoped.get().status_reason == "unreachable"
    assert page.content.decode().count("The gateway cannot be reached.") == 2  # the message, and the list


def test_the_token_is_on_no_page(submit, client, admin):
    submit(ADD)
    device = Device.unscoped.get()
    viewer = people.browser(people.member(admin.account, Role.VIEWER))
    pages = [
        client.get(LIST),
        client.get(change(device)),
        client.get(reverse("admin:devices_device_history", args=[device.pk])),
        client.get(reverse("admin:devices_device_delete", args=[device.pk])),
        client.post(change(device), form(name="", token="hush-again")),  # refused: shown again
        client.post(ADD, form(name="", token="hush-again")),
        viewer.get(LIST),
        viewer.get(change(device)),
        client.get("/admin/accounts/auditentry/"),
    ]
    for page in pages:
        assert page.status_code == 200
        assert "hush" not in page.content.decode()
        assert device.name in page.content.decode() or "errorlist" in page.content.decode()


def test_an_empty_token_keeps_the_one_there_is_and_a_new_one_replaces_it(submit):
    submit(ADD)
    device = Device.unscoped.get()
    submit(change(device), name="Soporte", token="")
    device.refresh_from_db()
    assert (device.name, device.token) == ("Soporte", SECRET)
    submit(change(device), name="Soporte", token="a-new-one")
    device.refresh_from_db()
    assert device.token == "a-new-one"
    changed = AuditEntry.unscoped.filter(action="device.changed").order_by("pk")
    assert [entry.details["fields"] for entry in changed] == [["name"], ["token"]]


def test_a_new_device_needs_a_token(submit):
    submit(ADD, token="")
    assert not Device.unscoped.present().exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"base_url": "ftp://gateway.example.com"},
        {"base_url": "http://user:secret@gateway.example.com"},
        {"instance_name": "a/b"},
        {"token": "a b"},
        {"max_in_flight": "257"},
        {"max_in_flight": "0"},
        {"messages_per_minute": "0"},
        {"daily_limit": "0"},
        {"new_people_a_day": "-1"},
    ],
)
def test_the_form_refuses_what_the_api_refuses(submit, wrong):
    page = submit(ADD, **wrong)
    assert page.status_code == 200
    assert not Device.unscoped.present().exists()


def test_a_name_another_device_has_is_refused_without_an_error_page(submit, admin):
    submit(ADD)
    page = submit(ADD)
    assert page.status_code == 200
    assert Device.unscoped.count() == 1
    other = people.member()
    people.browser(other).post(ADD, form(instance_name="demo-2"))
    assert Device.unscoped.count() == 2


def test_an_instance_that_another_account_sends_through_is_refused_without_an_error_page(submit):
    arrange.device(base_url="http://127.0.0.1:9/", instance_name="demo-1")
    page = submit(ADD)
    assert page.status_code == 200
    assert "Otro dispositivo ya envía con esta instancia" in page.content.decode()
    assert Device.unscoped.count() == 1


def test_no_limit_is_said_in_words(submit, client):
    submit(ADD, messages_per_minute="", max_in_flight="64")
    assert Device.unscoped.get().messages_per_minute is None
    assert client.get(LIST).status_code == 200


def test_saving_leaves_alone_what_the_engine_wrote_meanwhile(client, admin, monkeypatch):
    from devices.admin import DeviceForm

    device = arrange.device(admin.account, name="Ventas", token=SECRET)
    clean = DeviceForm.clean_base_url

    def meanwhile(self):
        Device.unscoped.filter(pk=device.pk).update(status=DeviceStatus.BLOCKED, status_reason="unauthorized")
        return clean(self)

    monkeypatch.setattr(DeviceForm, "clean_base_url", meanwhile)
    client.post(change(device), form(name="Soporte", token=""))
    device.refresh_from_db()
    assert (device.name, device.status, device.status_reason) == ("Soporte", DeviceStatus.BLOCKED, "unauthorized")


def test_the_connection_is_checked_on_demand(client, admin, simulator):
    device = arrange.device(admin.account, simulator)
    address = reverse("admin:devices_device_check_connection", args=[device.pk])
    page = client.get(address, follow=True)
    assert page.redirect_chain[-1][0] == change(device)
    device.refresh_from_db()
    assert device.status == DeviceStatus.CONNECTED
    simulator.set_state("demo-1", "close")
    client.get(address)
    device.refresh_from_db()
    assert device.status_reason == "instance_closed"


def test_device_pages_say_that_evolution_api_is_in_use(client, admin):
    """Its licence asks for the notice."""
    device = arrange.device(admin.account)
    for address in (LIST, ADD, change(device)):
        assert "evolution-foundation/evolution-api" in client.get(address).content.decode()


def test_deleting_asks_and_is_noted(client, admin):
    device = arrange.device(admin.account)
    address = reverse("admin:devices_device_delete", args=[device.pk])
    assert client.get(address).status_code == 200
    assert Device.unscoped.present().exists()
    client.post(address, {"post": "yes"})
    assert not Device.unscoped.present().exists()
    assert AuditEntry.unscoped.get().action == "device.deleted"


def test_deleting_several_is_one_act(client, admin):
    devices = [arrange.device(admin.account) for _ in range(3)]
    data = {"action": "delete_selected", "_selected_action": [one.pk for one in devices], "post": "yes"}
    client.post(LIST, data)
    assert not Device.unscoped.present().exists()
    entry = AuditEntry.unscoped.get(action="device.deleted")
    assert (entry.details["count"], len(entry.details["ids"])) == (3, 3)


@pytest.mark.parametrize("role", [Role.AGENT, Role.VIEWER])
def test_who_is_no_administrator_sees_the_page_and_no_button(admin, role):
    device = arrange.device(admin.account)
    client = people.browser(people.member(admin.account, role))
    assert client.get(LIST).status_code == 200
    page = client.get(change(device)).content.decode()
    assert "check_connection" not in page
    assert client.get(reverse("admin:devices_device_check_connection", args=[device.pk])).status_code == 403
    assert client.get(ADD).status_code == 403


@pytest.mark.parametrize("language", ["es", "en", "pt-br"])
def test_every_page_renders_in_every_language(client, admin, language):
    device = arrange.device(admin.account, status_reason="unreachable", status="disconnected")
    for address in (LIST, ADD, change(device)):
        assert client.get(address, headers={"Accept-Language": language}).status_code == 200


def test_a_deleted_device_is_on_no_page_and_in_no_choice(client, admin):
    device = arrange.device(admin.account, name="Vanished")
    device.delete()
    assert "Vanished" not in client.get(LIST).content.decode()
    assert "Vanished" not in client.get(LIST + "?q=vanished&all=").content.decode()
    assert client.get(change(device)).status_code == 302
    client.post(change(device), form(name="Back"))
    assert Device.unscoped.get(pk=device.pk).name == "Vanished"


def test_the_name_of_a_deleted_device_is_free(submit, admin):
    arrange.device(admin.account, name="Ventas").delete()
    submit(ADD)
    assert Device.unscoped.present().get().name == "Ventas"
