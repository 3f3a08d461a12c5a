"""Every provider is held to one contract; so is a second one made for it, whole and with each of its parts broken."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import Phase
from hypothesis import settings as hypothesis_settings

from accounts.encryption import Sealed
from devices.gateway import http, registry
from devices.gateway.base import (
    Acceptance,
    DeviceUnavailable,
    Link,
    LinkCode,
    Linking,
    LookUp,
    NotSent,
    Probe,
    Receipt,
    Rejected,
    Scope,
    SendError,
    Stored,
    Tick,
    WireResponse,
)
from devices.gateway.evolution.instance_calls import Instance
from devices.gateway.evolution.phone_linking import PhoneLinking
from devices.gateway.evolution.send_answers import BEFORE_THE_SEND
from devices.gateway.evolution.webhook_settings import EVENTS
from devices.health import breaker
from devices.models import Device, Provider
from tests.devices.gateway import contract, pigeon
from tests.devices.gateway.contract import Case
from tests.devices.gateway.pigeon import PigeonGateway, PigeonWebhooks

LINKING: dict[str, Any] = {
    "connectionState": {"instance": {"instanceName": "ventas", "state": "connecting"}},
    "instance/connect/": {
        "pairingCode": contract.CODE.typed,
        "code": contract.CODE.qr,
        "base64": "data:image/png;base64,…",
        "count": contract.CODE.codes_shown,
    },
    "instance/logout/": {"status": "SUCCESS", "error": False, "response": {"message": "Instance logged out"}},
    "instance/restart/": {"instance": {"instanceName": "ventas", "state": "open"}},
    "instance/delete/": {"status": "SUCCESS", "error": False, "response": {"message": "Instance deleted"}},
    "instance/create": http.Response(
        201,
        contract.dumped({"instance": {"instanceName": "ventas", "status": "close"}, "hash": contract.CHOSEN}),
    ),
    "webhook/set/": http.Response(201, contract.dumped({"url": contract.HOOK.url, "enabled": True})),
    "webhook/find/": {
        "url": contract.HOOK.url,
        "enabled": True,
        "headers": {contract.HOOK.header: contract.HOOK.secret},
        "events": list(EVENTS),
    },
}
# One for each Provider: a new one cannot be forgotten.
CASES = {
    Provider.EVOLUTION.value: Case(
        Provider.EVOLUTION,
        accepted={
            "key": {"remoteJid": "51987654321@s.whatsapp.net", "fromMe": True, "id": "3EB0F7"},
            "status": "PENDING",
        },
        message_id="3EB0F7",
        elsewhere={
            "connectionState": {"instance": {"instanceName": "ventas", "state": "open"}},
            "fetchInstances": [
                {"name": "ventas", "connectionStatus": "open", "token": contract.TOKEN},
                {"instance": {"instanceName": "one-of-1.x", "status": "close", "apikey": contract.TOKEN}},
            ],
            "whatsappNumbers": [{"jid": "552191234567@s.whatsapp.net", "exists": True, "number": "5521912345678"}],
            "findMessages": {
                "messages": {
                    "total": 1,
                    "records": [
                        {
                            "key": {"id": "3EB0F7", "fromMe": True},
                            "message": {"conversation": "Hola"},
                            "messageTimestamp": int(contract.NOW.timestamp()),
                        }
                    ],
                }
            },
        },
        finds=LookUp.SENT,
        told=(
            ({"event": "messages.update", "data": {"keyId": "3EB0F7", "fromMe": True, "status": "READ"}}, Tick.READ),
            ({"event": "messages.update", "data": {"id": "3EB0F7", "fromMe": True, "status": "ERROR"}}, Tick.REFUSED),
            (
                {
                    "event": "MESSAGES_UPDATE",
                    "data": [{"key": {"id": "3EB0F7", "fromMe": True}, "update": {"status": 3}}],
                },
                Tick.DELIVERED,
            ),
        ),
        others=(
            {"event": "messages.update", "data": {"keyId": "3EB0F7", "fromMe": False, "status": "SERVER_ACK"}},
            {"event": "messages.update", "data": {"keyId": "3EB0F7", "fromMe": True, "status": "PENDING"}},
            {"event": "messages.upsert", "data": {"keyId": "3EB0F7", "fromMe": True, "status": "READ"}},
        ),
        written={
            "event": "messages.upsert",
            "data": {
                "key": {
                    "remoteJid": "140000055915@lid",
                    "remoteJidAlt": "51987654321@s.whatsapp.net",
                    "fromMe": False,
                    "id": "3A",
                },
                "message": {"conversation": "hola"},
                "messageTimestamp": 1795774720,
            },
        },
        stored={
            "findMessages": {
                "messages": {
                    "total": 2,
                    "pages": 1,
                    "currentPage": 1,
                    "records": [
                        {
                            "key": {
                                "remoteJid": "51987654321@s.whatsapp.net",
                                "remoteJidAlt": "140000055915@lid",
                                "fromMe": False,
                                "id": "3A",
                            },
                            "pushName": "Ana",
                            "messageType": "conversation",
                            "message": {"conversation": "hola"},
                            "messageTimestamp": int(contract.NOW.timestamp()) - 60,
                            "contextInfo": None,
                            "MessageUpdate": [],
                        },
                        {
                            "key": {"remoteJid": "51987654321@s.whatsapp.net", "fromMe": True, "id": "3EB0F7"},
                            "messageType": "conversation",
                            "message": {"conversation": "Hola"},
                            "messageTimestamp": int(contract.NOW.timestamp()) - 90,
                            "MessageUpdate": [{"status": "READ"}, {"status": "DELIVERY_ACK"}],
                        },
                    ],
                }
            }
        },
        linking=LINKING,
        words=("response", "message", "key", "id", "exists", "LICENSE_REQUIRED", *(row[0] for row in BEFORE_THE_SEND)),
    ),
    pigeon.NAME: Case(
        pigeon.NAME,
        accepted={"ring": "R-17"},
        message_id="R-17",
        elsewhere={"/loft": {"home": True}},
        finds=LookUp.CANNOT_TELL,
        told=(({"ring": "R-17", "seen": "door"}, Tick.DELIVERED), ({"ring": "R-17", "seen": "eyes"}, Tick.READ)),
        others=({"ring": "R-17", "seen": "cat"},),
        written={"from": "51987654321", "ring": "R-18", "note": "hola"},
        stored={"/loft": {"home": True}},
        linking=LINKING,  # of pigeons that are linked all the same
        words=("ring", "wrong", "address", "letter", "bird", "loft", "weather"),
    ),
}
CHECKS = {check.__name__: check for check in contract.CHECKS}


def fly(monkeypatch: pytest.MonkeyPatch, make: Callable[[Device], Any], reader: Any = None) -> Case:
    """Register a pigeon for one test."""
    monkeypatch.setattr(registry, "READERS", {**registry.READERS, pigeon.NAME: reader or PigeonWebhooks()})
    monkeypatch.setattr(registry, "GATEWAYS", {**registry.GATEWAYS, pigeon.NAME: make})
    return CASES[pigeon.NAME]


def device(provider: str, token: str = "t") -> Device:
    return Device(provider=provider, base_url="https://gateway.example", instance_name="x", token=token)


@pytest.mark.parametrize("provider", [*Provider.values, pigeon.NAME])
@pytest.mark.parametrize("check", CHECKS)
def test_every_provider(check: str, provider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fly(monkeypatch, PigeonGateway)
    CHECKS[check](CASES[provider])


# --- The registry -------------------------------------------------------------------------------------


def test_every_provider_has_a_gateway_and_no_gateway_is_without_a_provider() -> None:
    assert set(registry.GATEWAYS) == set(registry.READERS) == set(Provider.values)


def test_a_device_gets_the_gateway_of_its_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    fly(monkeypatch, PigeonGateway)
    assert isinstance(registry.gateway_for(device(pigeon.NAME)), PigeonGateway)
    assert not isinstance(registry.gateway_for(device(Provider.EVOLUTION)), PigeonGateway)


@pytest.mark.parametrize(
    ("provider", "token", "code"),
    [(pigeon.NAME, "t", "unknown_provider"), (Provider.EVOLUTION, Sealed("…"), "token_unreadable")],
)
def test_a_device_that_nobody_can_speak_for_is_alone_concerned(provider: str, token: str, code: str) -> None:
    with pytest.raises(DeviceUnavailable) as caught:
        registry.gateway_for(device(provider, token))
    assert (caught.value.code, caught.value.scope) == (code, Scope.DEVICE)
    assert code in breaker.FOR_A_PERSON


# --- Whom an error concerns ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "kind", "scope", "reason"),
    [
        ("address", Rejected, Scope.RECIPIENT, ""),
        ("letter", Rejected, Scope.MESSAGE, ""),
        ("weather", NotSent, Scope.DEVICE, "rate_limited"),
        ("bird", DeviceUnavailable, Scope.DEVICE, "connection_closed"),
        ("loft", DeviceUnavailable, Scope.ACCOUNT, "unauthorized"),
    ],
)
def test_an_error_speaks_against_a_device_where_that_or_its_account_is_the_trouble(
    wrong: str, kind: type[SendError], scope: Scope, reason: str
) -> None:
    with pytest.raises(SendError) as caught:
        PigeonGateway(device(pigeon.NAME)).read_answer(WireResponse(422, json.dumps({"wrong": wrong}).encode()))
    error = caught.value
    assert (type(error), error.scope, breaker.reason_against(error)) == (kind, scope, reason)


# --- The contract itself: a pigeon with one part broken is found out --------------------------------------


class TokenInTheUrl(PigeonGateway):
    def send_request(self, message):
        request = super().send_request(message)
        return request._replace(url=f"{request.url}?token={self.token}")


class ForgetsTheMedium(PigeonGateway):
    def send_request(self, message):
        return super().send_request(message._replace(media=None))


class SendsAgainAfterSilence(PigeonGateway):
    def read_answer(self, answer):
        if not isinstance(answer, WireResponse):
            raise NotSent(answer.code)
        return super().read_answer(answer)


class SendsAgainAfterAnOddSuccess(PigeonGateway):
    def read_answer(self, answer):
        if isinstance(answer, WireResponse) and answer.status == 200 and b"ring" not in answer.body:
            raise NotSent("gateway_error")
        return super().read_answer(answer)


class TrustsAnyId(PigeonGateway):
    def read_answer(self, answer):
        if isinstance(answer, WireResponse) and answer.status == 200:
            return Acceptance(str(pigeon.said_in(answer.body).get("ring")))
        return super().read_answer(answer)


class SendsAgainAfterAnyError(PigeonGateway):
    def read_answer(self, answer):
        if isinstance(answer, WireResponse) and answer.status >= 500:
            raise NotSent("gateway_error")
        return super().read_answer(answer)


class Stumbles(PigeonGateway):
    def read_answer(self, answer):
        if isinstance(answer, WireResponse) and answer.status == 422:
            raise self.refusal(json.loads(answer.body)["wrong"])
        return super().read_answer(answer)


class BlamesTheDeviceForARecipient(PigeonGateway):
    def refusal(self, wrong):
        return Rejected("not_on_whatsapp", scope=Scope.DEVICE)


class IsSureOfNothing(PigeonGateway):
    def look_up(self, message, since, until):
        return LookUp.NOT_THERE, ""


class RaisesWhenAsked(PigeonGateway):
    def look_up(self, message, since, until):
        self.ask(3.0)
        return LookUp.CANNOT_TELL, ""


class RaisesWhenProbed(PigeonGateway):
    def probe(self, timeout_seconds):
        return Probe(Link.OPEN) if self.ask(timeout_seconds).json().get("home") else Probe(Link.CLOSED, "no_answer")


class AlwaysWell(PigeonGateway):
    def probe(self, timeout_seconds):
        return Probe(Link.OPEN)


class TakesItsTime(PigeonGateway):
    def ask(self, timeout_seconds):
        return super().ask(60.0)


class TokenInAnotherUrl(PigeonGateway):
    def ask(self, timeout_seconds):
        return http.request("GET", f"{self.base_url}/loft?token={self.token}", timeout=timeout_seconds)


class DrawsAnything(PigeonGateway):
    @property
    def linker(self):
        return CarelessLinking(Instance(self.base_url, "ventas", self.token))


class CarelessLinking(PhoneLinking):
    """Believes whatever code it is told, and that everything was done."""

    def start(self, number, timeout_seconds):
        said = self._instance.call("GET", "instance/connect", timeout_seconds=timeout_seconds, query=number).json()
        return Linking(Link.OPENING, "", LinkCode(said["code"], said["pairingCode"], said["count"]))

    def restart(self, timeout_seconds):
        super().restart(timeout_seconds)
        return ""


class Flock:
    """A roll of pigeons, as one should be but for what is broken of it."""

    def __init__(self, base_url, token):
        self.place = (base_url, token)

    def __eq__(self, other):
        return isinstance(other, Flock) and self.place == other.place

    def __hash__(self):
        return hash(self.place)

    def call(self, timeout_seconds):
        found = self.ask(timeout_seconds)
        return found and {"ventas": Probe(Link.OPEN)}

    def ask(self, timeout_seconds):
        try:
            answer = http.request(
                "GET", f"{self.place[0]}/loft", headers={"Authorization": self.place[1]}, timeout=timeout_seconds
            )
        except http.Unreachable:
            return None
        return pigeon.said_in(answer.body).get("home") is True or None


class OneFlock(PigeonGateway):
    @property
    def roll(self):
        return Flock(self.base_url, "")


class TellsTheTokenOfItsFlock(PigeonGateway):
    @property
    def roll(self):
        return (self.base_url, self.token)


class AFlockThatIsAlwaysWell(PigeonGateway):
    @property
    def roll(self):
        flock = Flock(self.base_url, self.token)
        flock.ask = lambda timeout: True
        return flock


class AFlockThatIsElsewhere(PigeonGateway):
    @property
    def roll(self):
        flock = Flock(self.base_url, self.token)
        flock.call = lambda timeout: flock.ask(timeout) and {"ventas": Probe(Link.CLOSED, "instance_closed")}
        return flock


class Book:
    """A store of pigeons' letters, with what is broken of it."""

    def __init__(self, read):
        self.read = read


class RaisesWhenRead(PigeonGateway):
    @property
    def store(self):
        return Book(lambda since, until, timeout: Stored(self.ask(timeout).json()["letters"]))


class ForgetsWhatItKeeps(PigeonGateway):
    @property
    def store(self):
        return Book(lambda since, until, timeout: Stored(reason="unreachable"))


class IsNeverReadThrough(PigeonGateway):
    @property
    def store(self):
        return Book(lambda since, until, timeout: Stored(older_until=until))


class TrustsWhatComes(PigeonWebhooks):
    def receipts(self, event):
        return [Receipt(event["ring"], Tick.READ)] if event.get("seen") == "eyes" else super().receipts(event)


class BelievesAnything(PigeonWebhooks):
    def receipts(self, event):
        ring = event.get("ring") if isinstance(event, dict) else None
        return [Receipt("R-17", Tick.DELIVERED)] if ring == "R-17" else []


@pytest.mark.usefixtures("_first_failure_is_enough")
@pytest.mark.parametrize(
    ("broken", "check"),
    [
        (TrustsWhatComes, contract.reads_whatever_it_is_told),
        (BelievesAnything, contract.reads_what_it_is_told),
    ],
)
def test_a_reader_that_breaks_a_promise_is_found_out(
    broken: type[PigeonWebhooks], check: Callable[[Case], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    case = fly(monkeypatch, PigeonGateway, broken())
    with pytest.raises((AssertionError, AttributeError, KeyError, TypeError, ExceptionGroup)):
        check(case)


@pytest.fixture
def _first_failure_is_enough():
    """To look for the smallest takes most of the time, and what fails here is broken on purpose."""
    before = hypothesis_settings.get_current_profile_name()
    hypothesis_settings.register_profile("first failure", phases=[Phase.generate], report_multiple_bugs=False)
    hypothesis_settings.load_profile("first failure")
    yield
    hypothesis_settings.load_profile(before)


@pytest.mark.usefixtures("_first_failure_is_enough")
@pytest.mark.parametrize(
    ("broken", "check"),
    [
        (TokenInTheUrl, contract.keeps_token_and_people_out_of_the_url),
        (TokenInTheUrl, contract.stays_at_its_address),
        (ForgetsTheMedium, contract.shapes_every_kind_of_media),
        (SendsAgainAfterSilence, contract.reads_every_wire_failure),
        (SendsAgainAfterAnOddSuccess, contract.takes_no_success_it_does_not_understand_for_proof),
        (TrustsAnyId, contract.takes_no_success_it_does_not_understand_for_proof),
        (SendsAgainAfterAnyError, contract.leaves_unknown_answers_in_doubt),
        (Stumbles, contract.understands_or_doubts_whatever_comes),
        (BlamesTheDeviceForARecipient, contract.understands_or_doubts_whatever_comes),
        (IsSureOfNothing, contract.looks_up_what_it_can),
        (RaisesWhenAsked, contract.learns_nothing_where_nobody_answers),
        (RaisesWhenProbed, contract.finds_no_device_well_that_does_not_say_so),
        (AlwaysWell, contract.finds_no_device_well_that_does_not_say_so),
        (TakesItsTime, contract.finds_a_device_well),
        (TokenInAnotherUrl, contract.keeps_the_token_out_of_every_other_url),
        (OneFlock, contract.shares_a_roll_only_where_one_call_answers_for_both),
        (TellsTheTokenOfItsFlock, contract.shares_a_roll_only_where_one_call_answers_for_both),
        (AFlockThatIsAlwaysWell, contract.says_nothing_by_the_roll_that_it_was_not_told),
        (DrawsAnything, contract.shows_no_code_that_it_was_not_given),
        (DrawsAnything, contract.does_nothing_that_it_was_not_told_of),
        (RaisesWhenRead, contract.learns_nothing_of_a_store_that_nobody_shows),
        (ForgetsWhatItKeeps, contract.reads_from_its_store_what_it_would_have_told),
        (IsNeverReadThrough, contract.reads_whatever_a_store_holds),
        (AFlockThatIsElsewhere, contract.finds_by_the_roll_what_a_probe_finds),
    ],
)
def test_a_provider_that_breaks_a_promise_is_found_out(
    broken: type[PigeonGateway], check: Callable[[Case], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    case = fly(monkeypatch, broken)
    # The check's own, or what the provider let out; Hypothesis puts several into a group.
    with pytest.raises(
        (AssertionError, http.Unreachable, AttributeError, KeyError, TypeError, ValueError, ExceptionGroup)
    ):
        check(case)
