"""Devices."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any, Final

from django.core.management import call_command
from django.test import override_settings
from django.urls import reverse

from devices.endpoints import outbox
from devices.management.commands import simulated_device
from devices.models import WebhookEndpoint
from tests.acts.table import Scene, admin, api, command
from tests.devices.endpoints.arrange import endpoint
from tests.devices.test_device_admin import form
from tests.factories import make_device
from tests.simulator_process import Simulator, start_simulator

ACTS = "devices.actions"
INSTANCE: Final = "linked-1"
NOWHERE = "http://127.0.0.1:1"
BODY = {"name": "Ventas", "base_url": NOWHERE, "instance_name": "ventas-1", "token": "SIMULATOR-TOKEN"}


@api(f"{ACTS}.create", "device.created", "POST", "devices")
def create_device_by_api(scene: Scene) -> Any:
    return scene.call("POST", "devices", BODY)


@admin(f"{ACTS}.create", "device.created")
def create_device_by_page(scene: Scene) -> Any:
    return scene.press("devices_device_add", form())


@command(f"{ACTS}.create", "device.created", "simulated_device")
def create_device_by_command(scene: Scene) -> None:
    _simulated(scene, "Simulador")


@api(f"{ACTS}.change", "device.changed", "PATCH", "device")
def change_device_by_patch(scene: Scene) -> Any:
    return scene.call("PATCH", "device", {"token": "another-token"}, device_id=scene.device.pk)


@api(f"{ACTS}.change", "device.changed", "PUT", "device")
def change_device_by_put(scene: Scene) -> Any:
    return scene.call("PUT", "device", BODY, device_id=scene.device.pk)


@admin(f"{ACTS}.change", "device.changed")
def change_device_by_page(scene: Scene) -> Any:
    return scene.press("devices_device_change", form(), scene.device.pk)


@command(f"{ACTS}.change", "device.changed", "simulated_device")
def change_device_by_command(scene: Scene) -> None:
    _simulated(scene, scene.device.name)


@api(f"{ACTS}.delete", "device.deleted", "DELETE", "device")
def delete_device_by_api(scene: Scene) -> Any:
    return scene.call("DELETE", "device", device_id=scene.device.pk)


@admin(f"{ACTS}.delete", "device.deleted")
def delete_device_by_page(scene: Scene) -> Any:
    return scene.press("devices_device_delete", None, scene.device.pk)


@admin(f"{ACTS}.delete", "device.deleted")
def delete_several_devices_by_page(scene: Scene) -> Any:
    devices = [scene.device, make_device(scene.account)]
    chosen = {"action": "delete_selected", "_selected_action": [one.pk for one in devices], "post": "yes"}
    return scene.press("devices_device_changelist", chosen)


@api(f"{ACTS}.create_with_instance", "device.created", "POST", "devices")
def create_instance_by_api(scene: Scene) -> Any:
    with gateway() as simulator:
        fields = {**BODY, "base_url": simulator.url, "token": simulator.global_key, "create_instance": True}
        return scene.call("POST", "devices", fields)


@api(f"{ACTS}.start_pairing", "device.pairing_started", "POST", "device_pair")
def start_pairing_by_api(scene: Scene) -> Any:
    with gateway(scene) as simulator:
        simulator.set_state(INSTANCE, "close")
        return scene.call("POST", "device_pair", {}, device_id=scene.device.pk)


@api(f"{ACTS}.log_out", "device.logged_out", "POST", "device_logout")
def log_out_by_api(scene: Scene) -> Any:
    with gateway(scene):
        return scene.call("POST", "device_logout", device_id=scene.device.pk)


@api(f"{ACTS}.restart", "device.restarted", "POST", "device_restart")
def restart_by_api(scene: Scene) -> Any:
    with gateway(scene):
        return scene.call("POST", "device_restart", device_id=scene.device.pk)


@api(f"{ACTS}.delete", "device.deleted", "DELETE", "device")
def delete_device_with_its_instance_by_api(scene: Scene) -> Any:
    with gateway(scene):
        address = reverse("device", kwargs={"account_id": scene.account.pk, "device_id": scene.device.pk})
        return scene.api.delete(f"{address}?delete_instance=true")


@admin(f"{ACTS}.create_with_instance", "device.created")
def create_instance_by_page(scene: Scene) -> Any:
    with gateway() as simulator:
        fields = {"base_url": simulator.url, "token": simulator.global_key, "instance_name": "new"}
        return scene.press("devices_device_add", form(**fields, create_instance="on"))


@admin(f"{ACTS}.start_pairing", "device.pairing_started")
def start_pairing_by_page(scene: Scene) -> Any:
    with gateway(scene) as simulator:
        simulator.set_state(INSTANCE, "close")
        return scene.press("devices_device_link", None, scene.device.pk)


@admin(f"{ACTS}.log_out", "device.logged_out")
def log_out_by_page(scene: Scene) -> Any:
    with gateway(scene):
        return scene.press("devices_device_link_act", None, scene.device.pk, "log-out")


@admin(f"{ACTS}.restart", "device.restarted")
def restart_by_page(scene: Scene) -> Any:
    with gateway(scene):
        return scene.press("devices_device_link_act", None, scene.device.pk, "restart")


@admin(f"{ACTS}.delete", "device.deleted")
def delete_device_with_its_instance_by_page(scene: Scene) -> Any:
    with gateway(scene):
        return scene.press("devices_device_delete", {"post": "yes", "with_instance": "true"}, scene.device.pk)


@api(f"{ACTS}.set_webhook", "device.webhook_set", "POST", "device_webhook")
def set_webhook_by_api(scene: Scene) -> Any:
    with gateway(scene):
        return scene.call("POST", "device_webhook", {}, device_id=scene.device.pk)


@admin(f"{ACTS}.set_webhook", "device.webhook_set")
def set_webhook_by_page(scene: Scene) -> Any:
    with gateway(scene):
        return scene.press("devices_device_hook", None, scene.device.pk)


@api(f"{ACTS}.renew_webhook_secret", "device.webhook_secret_renewed", "POST", "device_webhook_secret")
def renew_webhook_secret_by_api(scene: Scene) -> Any:
    with gateway(scene):
        return scene.call("POST", "device_webhook_secret", device_id=scene.device.pk)


@admin(f"{ACTS}.renew_webhook_secret", "device.webhook_secret_renewed")
def renew_webhook_secret_by_page(scene: Scene) -> Any:
    with gateway(scene):
        return scene.press("devices_device_link_act", None, scene.device.pk, "renew-secret")


# --- Webhook endpoints ---------------------------------------------------------------------------------------


def endpoint_of(scene: Scene) -> WebhookEndpoint:
    return endpoint(scene.account, "https://example.com/hooks")


@api(f"{ACTS}.create_endpoint", "webhook_endpoint.created", "POST", "webhook_endpoints")
def create_endpoint(scene: Scene) -> Any:
    return scene.call("POST", "webhook_endpoints", {"url": "https://example.com/hooks"})


@api(f"{ACTS}.change_endpoint", "webhook_endpoint.changed", "PATCH", "webhook_endpoint")
def change_endpoint(scene: Scene) -> Any:
    return scene.call("PATCH", "webhook_endpoint", {"enabled": False}, endpoint_id=endpoint_of(scene).pk)


@api(f"{ACTS}.delete_endpoint", "webhook_endpoint.deleted", "DELETE", "webhook_endpoint")
def delete_endpoint(scene: Scene) -> Any:
    return scene.call("DELETE", "webhook_endpoint", endpoint_id=endpoint_of(scene).pk)


@api(f"{ACTS}.rotate_endpoint_secret", "webhook_endpoint.secret_rotated", "POST", "webhook_endpoint_secret")
def rotate_endpoint_secret(scene: Scene) -> Any:
    return scene.call("POST", "webhook_endpoint_secret", endpoint_id=endpoint_of(scene).pk)


@api(f"{ACTS}.try_endpoint", "webhook_endpoint.tested", "POST", "webhook_endpoint_test")
def have_endpoint_tested(scene: Scene) -> Any:
    return scene.call("POST", "webhook_endpoint_test", endpoint_id=endpoint_of(scene).pk)


@api(f"{ACTS}.replay_deliveries", "webhook_endpoint.replayed", "POST", "webhook_endpoint_replay")
def replay_deliveries(scene: Scene) -> Any:
    place = endpoint_of(scene)
    delivery = outbox.tell_test(place)
    return scene.call("POST", "webhook_endpoint_replay", {"delivery": delivery.pk}, endpoint_id=place.pk)


def endpoint_form(**fields: Any) -> dict[str, Any]:
    return {"url": "https://example.com/hooks", "description": "CRM", "enabled": "on", "header_lines": "", **fields}


@admin(f"{ACTS}.create_endpoint", "webhook_endpoint.created")
def create_endpoint_by_page(scene: Scene) -> Any:
    return scene.press("devices_webhookendpoint_add", endpoint_form())


@admin(f"{ACTS}.change_endpoint", "webhook_endpoint.changed")
def change_endpoint_by_page(scene: Scene) -> Any:
    return scene.press("devices_webhookendpoint_change", endpoint_form(), endpoint_of(scene).pk)


@admin(f"{ACTS}.delete_endpoint", "webhook_endpoint.deleted")
def delete_endpoint_by_page(scene: Scene) -> Any:
    return scene.press("devices_webhookendpoint_delete", None, endpoint_of(scene).pk)


@admin(f"{ACTS}.rotate_endpoint_secret", "webhook_endpoint.secret_rotated")
def rotate_endpoint_secret_by_page(scene: Scene) -> Any:
    return scene.press("devices_webhookendpoint_rotate_secret", None, endpoint_of(scene).pk)


@admin(f"{ACTS}.try_endpoint", "webhook_endpoint.tested")
def have_endpoint_tested_by_page(scene: Scene) -> Any:
    return scene.press("devices_webhookendpoint_send_test", None, endpoint_of(scene).pk)


@admin(f"{ACTS}.replay_deliveries", "webhook_endpoint.replayed")
def replay_deliveries_by_page(scene: Scene) -> Any:
    place = endpoint_of(scene)
    delivery = outbox.tell_test(place)
    return scene.press("devices_webhookendpoint_replay", {"delivery": delivery.pk}, place.pk)


@contextmanager
def gateway(scene: Scene | None = None) -> Iterator[Simulator]:
    """A gateway, the scene's device's where one is given."""
    arguments = ["--qr-after", "0.01", "--scan-after", "0"]
    loopback = override_settings(EGRESS_ALLOWED_CIDRS=["127.0.0.0/8"])
    with loopback, start_simulator(INSTANCE, arguments=arguments) as simulator:
        if scene is not None:
            scene.device.base_url, scene.device.token = simulator.url, simulator.token
            scene.device.instance_name = INSTANCE
            scene.device.save()
        yield simulator


def _simulated(scene: Scene, name: str) -> None:
    tries = simulated_device.TRIES
    simulated_device.TRIES = 1  # type: ignore[misc]
    try:
        given = ["--account", scene.account.name, "--url", NOWHERE, "--token", "another-token", "--name", name]
        call_command("simulated_device", *given, stdout=StringIO())
    finally:
        simulated_device.TRIES = tries  # type: ignore[misc]
