"""Everything one running simulator has: its instances, ledger, faults, receipts and webhooks."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random
from urllib.parse import quote

from devices.simulator.evolution import instances as states
from devices.simulator.evolution.fetching import Fetcher
from devices.simulator.evolution.instances import Instance, Instances, new_qr_code
from devices.simulator.evolution.receipts import Receipts
from devices.simulator.evolution.webhooks import Webhooks
from devices.simulator.faults import FaultPlan, Rule
from devices.simulator.ledger import Ledger
from devices.simulator.options import Options
from devices.simulator.serving.posting import Postman
from devices.simulator.serving.server import Request

VERSION = "2.3.7"

_RECONNECT_SECONDS = 0.135  # real ones took 0.13 to 0.14
LOGGED_OUT = 401  # WhatsApp's reason codes


class World:
    def __init__(self, options: Options, loop: asyncio.AbstractEventLoop) -> None:
        self.options = options
        self.loop = loop
        self.url = ""
        self.leave: Callable[[float], None] = lambda seconds: None  # refuse connections for so long
        self.global_key = options.global_key.encode()
        self.randomness = Random(options.seed)  # noqa: S311 - faults want to be repeatable, not secret
        self.instances = Instances()
        self.text_routes: dict[bytes, Instance] = {}  # request target of sendText → instance
        self.ledger = Ledger()
        self.postman = Postman(options.webhook_retry_seconds)
        self.webhooks = Webhooks(self.postman, lambda: self.url, self._loses_an_event)
        self.receipts = Receipts(self.ledger, self.webhooks, options.webhook_delay, self.randomness)
        self.fetcher = Fetcher(options.unknown_hosts)
        self._under_way: set[asyncio.Future[None]] = set()
        self.requests = 0
        self.last_requests: deque[Request] = deque(maxlen=options.keep_requests)
        self.triggered: Counter[str] = Counter()  # faults by name, since the last reset
        self._set_up()

    def _set_up(self) -> None:
        """What the command line asked for."""
        self.set_faults({name: [replace(rule) for rule in rules] for name, rules in self.options.faults.items()})
        for name, token in self.options.instances:
            self.add_instance(name, token)

    def later(self, task: asyncio.Future[None]) -> None:
        """Keep what answers by itself from being forgotten on the way."""
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    def reset_counts(self) -> None:
        """Empty the ledger and all counters; instances, webhooks and faults stay."""
        self.ledger.reset()
        self.requests = 0
        self.last_requests.clear()
        self.triggered.clear()
        self.postman.reset_counts()
        for instance in self.instances:
            instance.requests = 0

    def renew(self) -> None:
        """As after a start: other instances (no webhook, open), the first faults, nothing pending."""
        for instance in self.instances:
            self.remove_instance(instance)
        self.instances = Instances()
        self.postman.forget()
        self.reset_counts()
        self._set_up()

    # --- faults ----------------------------------------------------------------------------------------

    def set_faults(self, rules: Mapping[str, list[Rule]]) -> None:
        """Replace all faults. Rules by instance name; "" is for those without rules of their own."""
        by_suffix, seed = self.options.suffix_faults, self.options.seed
        self._plans = {
            name: FaultPlan(self.randomness, seed, listed, self.triggered, by_suffix=by_suffix)
            for name, listed in {"": [], **rules}.items()
        }

    def set_faults_of(self, instance: Instance, rules: list[Rule]) -> None:
        others = {name: plan.rules for name, plan in self._plans.items()}
        self.set_faults({**others, instance.name: rules})

    def plan_for(self, instance: Instance | None) -> FaultPlan:
        own = self._plans.get(instance.name) if instance is not None else None
        return own or self._plans[""]

    @property
    def plans(self) -> Mapping[str, FaultPlan]:
        return self._plans

    def _loses_an_event(self, instance: Instance) -> bool:
        return self.plan_for(instance).has("lost-webhooks") is not None

    def wait_seconds(self) -> float:
        span = self.options.latency
        if span.is_zero:
            return 0.0
        return self.randomness.uniform(span.low, span.high) / 1000

    # --- instances -------------------------------------------------------------------------------------

    def add_instance(self, name: str, token: str, phone: str = "") -> Instance:
        instance = self.instances.add(name, token, phone)
        for spelling in (name, quote(name, safe="")):
            self.text_routes[f"/message/sendText/{spelling}".encode()] = instance
        return instance

    def remove_instance(self, instance: Instance) -> None:
        instance.state = states.CLOSE  # for sends still in progress
        instance.webhook = None  # for receipts still to come
        self.instances.remove(instance.name)
        self.text_routes = {path: kept for path, kept in self.text_routes.items() if kept is not instance}

    def follows_up(self, instance: Instance) -> bool:
        """Whether anybody wants the receipts of this instance's messages."""
        return self.options.acknowledge or (instance.webhook is not None and instance.webhook.enabled)

    def open(self, instance: Instance) -> None:
        instance.state = states.OPEN
        instance.was_connected = True
        instance.closed_with = instance.closed_at = None
        instance.qr_count, instance.qr_code = 0, ""
        self._tell_state(instance, 200, wuid=instance.jid, profileName=instance.name, profilePictureUrl=None)

    def close(self, instance: Instance, reason: int) -> None:
        """Close it for good, as after a logout; a lost connection is a `reconnect`."""
        instance.state = states.CLOSE
        instance.closed_with = reason
        instance.closed_at = time.time()
        instance.qr_count, instance.qr_code = 0, ""
        status = {
            "instance": instance.name,
            "status": "closed",
            "disconnectionAt": states.iso_time(instance.closed_at),
            "disconnectionReasonCode": reason,
            "disconnectionObject": "{}",
        }
        self.webhooks.emit_value(instance, "status.instance", status)
        self.webhooks.emit_value(instance, "logout.instance", None)
        self._tell_state(instance, reason)

    def show_qr(self, instance: Instance) -> None:
        """Start connecting, or renew the code of an instance that waits to be scanned."""
        if instance.state != states.CONNECTING:
            instance.state = states.CONNECTING
            instance.qr_count = 0
            self._tell_state(instance, 200)
            if self.options.scan_seconds:
                self.loop.call_later(self.options.scan_seconds, self._scanned, instance)
        if instance.qr_count >= self.options.qr_limit:
            problem = {"message": "QR code limit reached, please login again", "statusCode": 500}
            self.webhooks.emit_value(instance, "qrcode.updated", problem)
            instance.state = states.CLOSE
            self.webhooks.emit_value(
                instance,
                "connection.update",
                {"instance": instance.name, "state": "refused", "statusReason": 500},
            )
            return
        instance.qr_count += 1
        instance.qr_code = new_qr_code()
        shown = {"instance": instance.name, **instance.qr_body()}
        del shown["count"]
        self.webhooks.emit_value(instance, "qrcode.updated", {"qrcode": shown})
        self.loop.call_later(self.options.qr_lives, self._renew_qr, instance, instance.qr_code)

    def scan(self, instance: Instance, code: str, *, has_passkey: bool = False) -> str:
        """Scan the code that shows, or type the pairing code; return what a phone would say to it.

        It connects as a real one does: `connecting`, and `open` a moment later. To a phone whose account has a passkey
        nothing happens but that the next code shows.
        """
        if instance.state != states.CONNECTING or not instance.qr_count:
            return "nothing shows"
        typed = states.pairing_code(instance.qr_code) if instance.wants_pairing_code else None
        if code not in ("", instance.qr_code, typed):
            return "expired"
        if has_passkey:
            self.show_qr(instance)
            return "passkey"
        self.reconnect(instance)
        return "linked"

    def reconnect(self, instance: Instance) -> None:
        """Lose the connection and have it again: `connecting`, and `open` a moment later."""
        instance.state = states.CONNECTING
        self._tell_state(instance, 200)
        self.loop.call_later(_RECONNECT_SECONDS, self._scanned, instance)

    def linger(self, instance: Instance, seconds: float) -> None:
        """Delete an instance that was connecting: for a moment it is there, without a state."""
        instance.state = states.NOT_LOADED
        self.loop.call_later(seconds, self._gone, instance)

    def _gone(self, instance: Instance) -> None:
        if self.instances.get(instance.name) is not instance:
            return  # the whole simulator was renewed meanwhile
        stray = {"instance": instance.name, "state": states.CONNECTING, "statusReason": 200}
        self.webhooks.emit_value(instance, "connection.update", stray)
        self.remove_instance(instance)

    def _scanned(self, instance: Instance) -> None:
        if instance.state == states.CONNECTING:
            self.open(instance)

    def _renew_qr(self, instance: Instance, shown: str) -> None:
        if instance.state == states.CONNECTING and instance.qr_code == shown:
            self.show_qr(instance)

    def _tell_state(self, instance: Instance, reason: int, **more: str | None) -> None:
        update = {"instance": instance.name, **more, "state": instance.state, "statusReason": reason}
        self.webhooks.emit_value(instance, "connection.update", update)
