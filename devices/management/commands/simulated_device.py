"""A device that sends through the bundled simulator, for rehearsals and the demo. Safe to repeat."""

import json
import os
import time
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.audit import Actor
from accounts.models import Account
from devices import actions, reasons, validation
from devices.health import probes
from devices.models import Device
from devices.states import DeviceStatus
from devices.webhooks import subscribing

TRIES: Final = 20
PAUSE_SECONDS: Final = 0.25


class Command(BaseCommand):
    help = "Create (or update) a device that sends through a gateway simulator, and check its connection."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--account", required=True, metavar="NAME")
        parser.add_argument("--url", required=True, help="where the simulator answers")
        parser.add_argument("--instance", default="simulador")
        parser.add_argument("--token", default=os.environ.get("SIMULATOR_TOKEN", ""), help="default: $SIMULATOR_TOKEN")
        parser.add_argument("--name", default="Simulador")
        parser.add_argument("--unlimited", action="store_true", help="no limit of messages per minute")
        parser.add_argument("--max-in-flight", type=int, metavar="N", help="requests at once, 1 to 256")
        parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        account = Account.objects.filter(name=options["account"]).first()
        if account is None:
            raise CommandError("there is no account of this name: manage.py bootstrap makes one")
        try:
            where = {
                "base_url": validation.base_url(options["url"]),
                "instance_name": validation.instance_name(options["instance"]),
                "token": validation.token(options["token"]),
            }
        except validation.Refused as refused:
            raise CommandError(reasons.spanish(refused.code)) from None
        if not where["token"]:
            raise CommandError("--token or SIMULATOR_TOKEN is needed")
        pace: dict[str, Any] = {"messages_per_minute": None} if options["unlimited"] else {}
        if options["max_in_flight"] is not None:
            if not 1 <= options["max_in_flight"] <= 256:
                raise CommandError("--max-in-flight must be from 1 to 256")
            pace["max_in_flight"] = options["max_in_flight"]
        # A pace that somebody has changed since stays, unless it is asked for.
        device = self._device(Actor(account), options["name"], {**where, **pace})
        status = self._status(device)
        if status == DeviceStatus.CONNECTED:
            self._have_it_tell(device)
        if options["json"]:
            shown = {"device_id": device.pk, "name": device.name, "status": status.value}
            self.stdout.write(json.dumps(shown, ensure_ascii=False))
        else:
            self.stdout.write(f"{device.name}: {status.value} {reasons.spanish(device.status_reason)}".strip())

    def _device(self, actor: Actor, name: str, wanted: dict[str, Any]) -> Device:
        device: Device | None = Device.objects.for_account(actor.account).filter(name=name).first()
        if device is None:
            return actions.create(actor, Device(name=name, **wanted))
        changed = [field for field, value in wanted.items() if getattr(device, field) != value]
        for field in changed:
            setattr(device, field, wanted[field])
        actions.change(actor, device, changed)
        return device

    def _have_it_tell(self, device: Device) -> None:
        """Have the simulator tell us what becomes of its messages."""
        if problem := subscribing.set_up(device, now=timezone.now(), replace=True):
            self.stderr.write(f"the simulator's webhook could not be set: {reasons.spanish(problem)}")

    def _status(self, device: Device) -> DeviceStatus:
        """Check until the simulator, which may be starting, is there."""
        for _ in range(TRIES):
            status = probes.check(device, now=timezone.now())
            if device.status_reason not in {"unreachable", "no_answer"}:
                break
            time.sleep(PAUSE_SECONDS)
        return status
