"""`/api/v1/accounts/{id}/devices`."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.audit import Actor
from accounts.models import AuditEntry, Role
from devices import actions
from devices.models import Device
from tests.accounts import people
from tests.devices import arrange

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("loopback_is_open")]
SECRET = "hush-hush-token"


@pytest.fixture
def admin():
    return people.member()


@pytest.fixture
def client(admin):
    return people.api(admin)


@pytest.fixture
def address(admin):
    return f"/api/v1/accounts/{admin.account_id}/devices"


def body(**more):
    fields = {"name": "Ventas", "base_url": "http://127.0.0.1:9", "instance_name": "demo-1", "token": SECRET}
    return {name: value for name, value in {**fields, **more}.items() if value is not None}


def post(client, address, **more):
    return client.post(address, body(**more), content_type="application/json")


def patch(client, address, **fields):
    return client.patch(address, fields, content_type="application/json")


def errors(answer):
    assert answer.status_code == 400, answer.content
    return {(one["field"], one["code"]) for one in answer.json()["errors"]}


def test_a_device_is_made_and_its_connection_checked(client, address, admin, simulator):
    answer = post(client, address, base_url=simulator.url + "/", token=simulator.token)
    assert answer.status_code == 201
    assert answer.json() == {
        "id": answer.json()["id"],
        "name": "Ventas",
        "provider": "evolution",
        "base_url": simulator.url,
        "instance_name": "demo-1",
        "messages_per_minute": 12,
        "max_in_flight": 1,
        "daily_limit": None,
        "new_people_a_day": None,
        "only_known_until": None,
        "enabled": True,
        "status": "connected",
        "status_reason": "",
    }
    assert Device.unscoped.get().account == admin.account


def test_one_that_cannot_be_reached_is_made_all_the_same_and_says_why(client, address):
    answer = post(client, address)
    assert answer.status_code == 201
    assert answer.json()["status"] == "disconnected"
    assert "No se pudo conectar" in answer.json()["status_reason"]


def test_a_forbidden_network_is_a_reason_too(client, address):
    answer = post(client, address, base_url="http://169.254.169.254/latest")
    assert (answer.status_code, answer.json()["status"]) == (201, "blocked")
    assert "red privada" in answer.json()["status_reason"]


def test_the_seeds_credentials_are_understood(client, address, simulator):
    credentials = {"base_url": simulator.url, "token": simulator.token, "instance_name": "demo-2"}
    answer = client.post(
        address, {"name": "Seed", "whatsapp_api_credentials": credentials}, content_type="application/json"
    )
    assert (answer.status_code, answer.json()["status"]) == (201, "connected")
    assert answer.json()["instance_name"] == "demo-2"
    assert "whatsapp_api_credentials" not in answer.json()


@pytest.mark.parametrize("credentials", ["x", [], 3, {"base_url": {}}])
def test_credentials_of_another_shape_are_refused(client, address, credentials):
    answer = client.post(
        address, {"name": "Seed", "whatsapp_api_credentials": credentials}, content_type="application/json"
    )
    assert answer.status_code == 400


def test_the_token_never_comes_out(client, address):
    made = post(client, address).json()
    answers = [
        post(client, address, name="Second"),
        client.get(address),
        client.get(f"{address}/{made['id']}"),
        patch(client, f"{address}/{made['id']}", token="another-secret"),
        client.put(f"{address}/{made['id']}", body(), content_type="application/json"),
        client.post(f"{address}/{made['id']}/check"),
        post(client, address, name="Ventas"),
        post(client, address, name="x", token="hush hush"),
        client.options(address),
    ]
    for answer in answers:
        text = answer.content.decode()
        assert SECRET not in text
        assert "another-secret" not in text
        assert "hush" not in text
    assert SECRET not in json.dumps(list(AuditEntry.unscoped.values("action", "subject", "details")))


def test_editing_without_a_token_keeps_it(client, address):
    made = post(client, address).json()
    assert patch(client, f"{address}/{made['id']}", name="Soporte").json()["name"] == "Soporte"
    put = client.put(f"{address}/{made['id']}", body(name="Ventas", token=None), content_type="application/json")
    assert put.status_code == 200
    assert Device.unscoped.get().token == SECRET


def test_editing_checks_the_connection_again(client, address, simulator):
    made = post(client, address).json()
    fixed = patch(client, f"{address}/{made['id']}/", base_url=simulator.url, token=simulator.token)
    assert fixed.json()["status"] == "connected"
    simulator.set_state("demo-1", "close")
    assert client.post(f"{address}/{made['id']}/check").json()["status"] == "disconnected"


def test_looking_at_a_device_has_it_asked_again_where_its_last_word_is_old(client, address, simulator):
    made = post(client, address, base_url=simulator.url, token=simulator.token).json()
    now = timezone.now()
    later = now + timedelta(minutes=3)
    for minutes, due_soon in ((0, False), (2, True)):
        asked = now - timedelta(minutes=minutes)
        Device.unscoped.update(status_checked_at=asked, last_well_at=asked, next_check_at=later)
        assert client.get(f"{address}/{made['id']}").json()["status"] == "connected"
        assert (Device.unscoped.get().next_check_at < later) is due_soon


def test_an_edit_leaves_alone_what_the_engine_wrote_meanwhile(client, address):
    device = Device.unscoped.get(pk=post(client, address).json()["id"])
    Device.unscoped.update(daily_limit=77)
    device.name = "Neu"
    actions.change(Actor(device.account), device, ["name"])
    assert (Device.unscoped.get().name, Device.unscoped.get().daily_limit) == ("Neu", 77)


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"name": None}, ("name", "required")),
        ({"name": ""}, ("name", "blank")),
        ({"name": "x" * 121}, ("name", "max_length")),
        ({"token": None}, ("token", "required")),
        ({"token": ""}, ("token", "blank")),
        ({"token": "a b"}, ("token", "token_characters")),
        ({"token": "a\r\nX-Evil: 1"}, ("token", "token_characters")),
        ({"base_url": None}, ("base_url", "required")),
        ({"base_url": "gateway.example.com"}, ("base_url", "address_scheme")),
        ({"base_url": "ftp://gateway.example.com"}, ("base_url", "address_scheme")),
        ({"base_url": "http://u:p@gateway.example.com"}, ("base_url", "address_credentials")),
        ({"base_url": "http://2130706433"}, ("base_url", "address_host")),
        ({"base_url": "http://x.example/?a=1"}, ("base_url", "address_extra")),
        ({"base_url": "http://x.example/#"}, ("base_url", "address_extra")),
        ({"base_url": "http://x.example/" + "a" * 500}, ("base_url", "max_length")),
        ({"instance_name": "a/b"}, ("instance_name", "instance_characters")),
        ({"instance_name": ".."}, ("instance_name", "instance_characters")),
        ({"instance_name": "  "}, ("instance_name", "blank")),
        ({"messages_per_minute": 0}, ("messages_per_minute", "min_value")),
        ({"messages_per_minute": -1}, ("messages_per_minute", "min_value")),
        ({"messages_per_minute": "fast"}, ("messages_per_minute", "invalid")),
        ({"messages_per_minute": 10**30}, ("messages_per_minute", "max_value")),
        ({"max_in_flight": 0}, ("max_in_flight", "min_value")),
        ({"max_in_flight": 257}, ("max_in_flight", "max_value")),
        ({"daily_limit": 0}, ("daily_limit", "min_value")),
        ({"daily_limit": 10**12}, ("daily_limit", "max_value")),
        ({"new_people_a_day": -1}, ("new_people_a_day", "min_value")),
        ({"new_people_a_day": 10**12}, ("new_people_a_day", "max_value")),
        ({"enabled": "perhaps"}, ("enabled", "invalid")),
        ({"provider": "pigeon"}, ("provider", "invalid_choice")),
    ],
)
def test_what_is_refused_says_which_field_and_why(client, address, fields, complaint):
    assert complaint in errors(post(client, address, **fields))
    assert not Device.unscoped.exists()


def test_null_means_no_limit(client, address):
    made = client.post(
        address, {**body(), "messages_per_minute": None, "max_in_flight": 256}, content_type="application/json"
    )
    assert (made.json()["messages_per_minute"], made.json()["max_in_flight"]) == (None, 256)


def test_an_instance_stands_for_one_device_in_any_account(client, address, simulator):
    """Two devices would each keep a pace of their own on one number."""
    somebody_elses = arrange.device(base_url=f"{simulator.url}/", instance_name="demo-1")
    same = simulator.url.replace("http://127.0.0.1", "HTTP://127.0.0.1") + "//"
    for base_url in (simulator.url, same):
        taken = errors(post(client, address, base_url=base_url, instance_name="demo-1"))
        assert taken == {("instance_name", "instance_taken")}
    other = post(client, address, base_url=simulator.url, instance_name="demo-2").json()
    moved = patch(client, f"{address}/{other['id']}", instance_name="demo-1")
    assert errors(moved) == {("instance_name", "instance_taken")}
    assert patch(client, f"{address}/{other['id']}", name="Another name").status_code == 200
    somebody_elses.delete()
    assert patch(client, f"{address}/{other['id']}", instance_name="demo-1").status_code == 200


def test_a_name_stands_for_one_device_of_an_account(client, address):
    first = post(client, address).json()
    assert errors(post(client, address)) == {("name", "name_taken")}
    second = post(client, address, name="Soporte", instance_name="demo-2").json()
    assert errors(patch(client, f"{address}/{second['id']}", name="Ventas")) == {("name", "name_taken")}
    assert patch(client, f"{address}/{first['id']}", name="Ventas").status_code == 200
    other = people.member()
    elsewhere = f"/api/v1/accounts/{other.account_id}/devices"
    assert post(people.api(other), elsewhere, instance_name="demo-3").status_code == 201


@pytest.mark.parametrize("role", [Role.AGENT, Role.VIEWER])
def test_who_may_not_change_may_look(admin, address, role):
    made = arrange.device(admin.account)
    client = people.api(people.member(admin.account, role))
    assert client.get(address).json()["results"][0]["id"] == made.pk
    assert client.get(f"{address}/{made.pk}").status_code == 200
    for answer in (
        post(client, address),
        patch(client, f"{address}/{made.pk}", name="x"),
        client.put(f"{address}/{made.pk}", body(), content_type="application/json"),
        client.delete(f"{address}/{made.pk}"),
        client.post(f"{address}/{made.pk}/check"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")


def test_another_accounts_device_does_not_exist(client, address):
    theirs = arrange.device()
    before = Device.unscoped.filter(pk=theirs.pk).values().get()
    for base in (address, f"/api/v1/accounts/{theirs.account_id}/devices"):
        for answer in (
            client.get(f"{base}/{theirs.pk}"),
            patch(client, f"{base}/{theirs.pk}", name="mine"),
            client.put(f"{base}/{theirs.pk}", body(), content_type="application/json"),
            client.delete(f"{base}/{theirs.pk}"),
            client.post(f"{base}/{theirs.pk}/check"),
        ):
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert client.get(f"/api/v1/accounts/{theirs.account_id}/devices").status_code == 404
    assert post(client, f"/api/v1/accounts/{theirs.account_id}/devices").status_code == 404
    assert client.get(address).json()["results"] == []
    assert Device.unscoped.filter(pk=theirs.pk).values().get() == before


def test_the_account_cannot_be_chosen_in_the_body(client, address, admin):
    other = people.account()
    assert post(client, address, account=other.pk, account_id=other.pk).status_code == 201
    assert Device.unscoped.get().account == admin.account


def test_deleting(client, address):
    made = post(client, address).json()
    assert client.delete(f"{address}/{made['id']}").status_code == 204
    assert client.get(f"{address}/{made['id']}").status_code == 404
    assert client.get(address).json()["results"] == []
    assert post(client, address).status_code == 201  # its name is free again


def test_what_was_done_is_in_the_audit_log(client, address, admin):
    made = post(client, address).json()
    patch(client, f"{address}/{made['id']}", token="newer-token", name="Neu")
    client.delete(f"{address}/{made['id']}")
    entries = AuditEntry.unscoped.order_by("pk").values_list("action", "user", "details")
    assert list(entries) == [
        ("device.created", admin.user_id, {"id": made["id"]}),
        ("device.changed", admin.user_id, {"id": made["id"], "fields": ["name", "token"]}),
        ("device.deleted", admin.user_id, {"id": made["id"]}),
    ]


# --- The list --------------------------------------------------------------------------------------------


def test_pages_follow_each_other_without_gap_or_double(client, address, admin):
    made = [arrange.device(admin.account).pk for _ in range(7)]
    seen, url = [], f"{address}?limit=3"
    while url:
        page = client.get(url).json()
        assert set(page) == {"next", "previous", "results"}
        seen += [one["id"] for one in page["results"]]
        url = page["next"]
    assert seen == made


def test_search_filters_and_ordering(client, address, admin):
    arrange.device(admin.account, name="Ventas Lima", status="connected")
    arrange.device(admin.account, name="Ventas Cusco", enabled=False)
    arrange.device(admin.account, name="Soporte", instance_name="lima-2")

    def names(query):
        return [one["name"] for one in client.get(f"{address}?{query}").json()["results"]]

    assert names("ordering=name") == ["Soporte", "Ventas Cusco", "Ventas Lima"]
    assert names("ordering=-name") == ["Ventas Lima", "Ventas Cusco", "Soporte"]
    assert names("search=lima&ordering=name") == ["Soporte", "Ventas Lima"]
    assert names("status=connected") == ["Ventas Lima"]
    assert names("enabled=false") == ["Ventas Cusco"]
    assert len(names("ordering=token")) == 3  # not a way to order: ignored


@pytest.mark.parametrize(
    "query",
    ["cursor=nonsense", "cursor=cD1hYmM=", "cursor=cD0lMDA=", "status=asleep", "enabled=1", "search=%00"],
)
def test_a_query_that_makes_no_sense_is_the_callers_fault(client, address, admin, query):
    arrange.device(admin.account)
    answer = client.get(f"{address}?{query}")
    assert answer.status_code == 400
    assert answer.json()["status"] == "error"


def test_numbers_too_large_for_a_row_are_not_found(client, address):
    assert client.get(f"{address}/{10**40}").status_code == 404


@pytest.mark.parametrize("asked", ["limit=0", "limit=x", "ordering=token,nothing"])
def test_a_limit_or_an_ordering_that_means_nothing_is_left_out(client, address, admin, asked):
    made = [arrange.device(admin.account).pk for _ in range(3)]
    page = client.get(f"{address}?{asked}").json()
    assert ([device["id"] for device in page["results"]], page["next"]) == (made, None)


def test_pages_of_devices_alike_lead_on_and_back(client, address, admin):
    made = [arrange.device(admin.account).pk for _ in range(4)]
    first = client.get(f"{address}?limit=2&ordering=-status").json()
    second = client.get(first["next"]).json()
    assert [device["id"] for page in (first, second) for device in page["results"]] == made[::-1]
    assert client.get(second["previous"]).json() == first
