"""What goes wrong, how often and for whom.

A fault is given as `name=rate`, rate from 0 to 1, and more exactly as

    name=rate[:parameter][xTIMES][@instance]

`429=0.1:30` answers 429 to a tenth of the sends and asks for 30 seconds; `accept-then-hang=1x3` lets the next
three sends hang; `zombie=1@demo-2` silences one instance. Several are separated by commas.

With suffix faults on (`--suffix-faults`) the last four digits of the recipient's number choose a fault as
well, so that a rehearsal can put one number for each outcome into its list.
"""

import re
import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from random import Random


class Kind(Enum):
    GATE = auto()  # answers any call to the gateway, before or without doing it
    ANSWER = auto()  # decides what becomes of one send; one per send
    EFFECT = auto()  # goes with whatever else happens to a send
    LIST = auto()  # concerns fetchInstances alone
    WEBHOOK = auto()  # concerns webhooks alone
    STORE = auto()  # concerns findMessages alone


@dataclass(frozen=True, slots=True)
class Fault:
    name: str
    suffix: str  # last digits of a number that always has this fault, with --suffix-faults; "" for none
    kind: Kind
    meaning: str
    parameter: float = 0.0


FAULTS = {
    fault.name: fault
    for fault in (
        Fault("latency", "0001", Kind.EFFECT, "answers PARAMETER ms later", 3000),
        Fault("500-before-send", "0002", Kind.ANSWER, "500, nothing sent (the number look-up failed)"),
        Fault("hang-before-accept", "0003", Kind.ANSWER, "no answer, nothing sent"),
        Fault("reset-before-accept", "0004", Kind.ANSWER, "TCP reset, nothing sent"),
        Fault("timed-out-before-accept", "0005", Kind.ANSWER, "400 'Error: Timed Out', nothing sent"),
        Fault("not-on-whatsapp", "0006", Kind.ANSWER, "400 exists:false; the same numbers every time"),
        Fault("connection-closed", "0007", Kind.ANSWER, "500 'Connection Closed' (400 if number is cached)"),
        Fault("media-failed", "0008", Kind.ANSWER, "500, the medium cannot be fetched; texts are sent"),
        Fault("429", "0009", Kind.GATE, "429, Retry-After: PARAMETER seconds", 2),
        Fault("429-date", "0010", Kind.GATE, "429, Retry-After: a date PARAMETER seconds ahead", 2),
        Fault("502", "0011", Kind.GATE, "502 of a proxy, nothing sent"),
        Fault("401", "0012", Kind.GATE, "401 though the key is right"),
        Fault("license", "0013", Kind.GATE, "503 LICENSE_REQUIRED"),
        Fault("403", "0015", Kind.GATE, "403 and a page of HTML, nothing sent"),
        Fault("down", "0014", Kind.ANSWER, "the instance closes; 500, and every later send fails"),
        Fault("accept-then-hang", "0021", Kind.ANSWER, "sent, never answered"),
        Fault("accept-then-reset", "0022", Kind.ANSWER, "sent, then TCP reset"),
        Fault("accept-then-400", "0023", Kind.ANSWER, "sent, not stored, 400 Prisma…"),
        Fault("accept-then-timed-out", "0024", Kind.ANSWER, "sent, not stored, 400 'Error: Timed Out'"),
        Fault("accept-then-502", "0025", Kind.ANSWER, "sent, then a proxy's 502"),
        Fault("garbage-body", "0026", Kind.ANSWER, "sent, 201 and a body that is not JSON"),
        Fault("no-id", "0027", Kind.ANSWER, "sent, 201 without key.id"),
        Fault("hidden-row", "0028", Kind.EFFECT, "sent, not stored: findMessages does not see it"),
        Fault("html-body", "0041", Kind.ANSWER, "sent, 200 and a page of HTML"),
        Fault("accepted-202", "0042", Kind.ANSWER, "sent, 202 without a body"),
        Fault("no-content", "0043", Kind.ANSWER, "sent, 204"),
        Fault("cut-body", "0044", Kind.ANSWER, "sent, 201, and the end of the connection after the key"),
        Fault("latin-1-body", "0045", Kind.ANSWER, "sent, 201 and a body that is not UTF-8"),
        Fault("giant-body", "0046", Kind.ANSWER, "sent, 201 and PARAMETER bytes of base64 after the key", 3_000_000),
        Fault("deep-body", "0047", Kind.ANSWER, "sent, 201 and PARAMETER brackets", 100_000),
        Fault("long-id", "0048", Kind.EFFECT, "sent, stored under an id of 113 characters"),
        Fault("zombie", "0031", Kind.EFFECT, "sent, nothing acknowledged, state stays open"),
        Fault("error-463", "0032", Kind.EFFECT, "201, later a receipt with status ERROR and no code"),
        Fault("time-lock", "0054", Kind.EFFECT, "as error-463, but to those who wrote to the instance it is delivered"),
        Fault("stop-reply", "0033", Kind.EFFECT, "the recipient answers STOP"),
        Fault("duplicate-acks", "0034", Kind.EFFECT, "every receipt comes twice"),
        Fault("reordered-acks", "0035", Kind.EFFECT, "receipts come in reverse order"),
        Fault("early-acks", "0036", Kind.EFFECT, "receipts come PARAMETER ms before the answer", 200),
        Fault("no-read", "0037", Kind.EFFECT, "delivered, never read"),
        Fault("no-server-ack", "0038", Kind.EFFECT, "no SERVER_ACK receipt, as the real gateway often does"),
        Fault("lost-acks", "0039", Kind.EFFECT, "delivered and read, and no receipt of it ever comes"),
        Fault("late-acks", "0050", Kind.EFFECT, "each receipt comes PARAMETER ms later than it would", 10_000),
        Fault(
            "error-then-delivered", "0051", Kind.EFFECT, "a receipt with status ERROR, and one of its delivery after"
        ),
        Fault("lid-acks", "0052", Kind.EFFECT, "receipts name a LID instead of the number, with one of its devices"),
        Fault("read-only", "0053", Kind.EFFECT, "a receipt that it was read, and none of its delivery"),
        Fault("slow-list", "", Kind.LIST, "fetchInstances answers PARAMETER ms later", 20_000),
        Fault("giant-list", "", Kind.LIST, "fetchInstances answers PARAMETER bytes more", 10_000_000),
        Fault("list-refused", "", Kind.LIST, "fetchInstances alone: 403 and a page of HTML"),
        Fault("lost-webhooks", "", Kind.WEBHOOK, "events are told to nobody, as where the receiver was away too long"),
        Fault("no-store", "", Kind.STORE, "findMessages finds nothing: the gateway keeps no messages"),
    )
}
BY_SUFFIX = {fault.suffix: fault for fault in FAULTS.values() if fault.suffix}
SUFFIX_LENGTH = 4

_RULE = re.compile(
    r"(?P<name>[a-z0-9-]+)=(?P<rate>\d*\.?\d+)(?::(?P<parameter>\d*\.?\d+))?(?:x(?P<times>\d+))?(?:@(?P<instance>.+))?"
)


class FaultError(ValueError):
    """A fault that does not exist or cannot be; the text says which."""


@dataclass(slots=True)
class Rule:
    """One fault switched on. `times` counts down; None means for ever."""

    fault: Fault
    rate: float
    parameter: float
    times: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.rate <= 1:
            raise FaultError(f"{self.fault.name}: a rate is between 0 and 1, not {self.rate}")

    def __str__(self) -> str:
        """As in a specification, without the name."""
        times = "" if self.times is None else f"x{self.times}"
        return f"{self.rate:g}:{self.parameter:g}{times}"


@dataclass(frozen=True, slots=True)
class Fate:
    """What is to happen to one send: at most one answer (its name, "" for none) and any effects by name."""

    answer: str = ""
    parameter: float = 0.0
    effects: Mapping[str, float] = field(default_factory=dict)


SPARED = Fate()


def parse_rule(text: str) -> tuple[Rule, str]:
    """`name=rate[:parameter][xTIMES][@instance]` as a rule and the instance's name ("" for all)."""
    match = _RULE.fullmatch(text.strip())
    fault = FAULTS.get(match["name"]) if match else None
    if match is None or fault is None:
        raise FaultError(f"{text!r} is no fault; known are {', '.join(FAULTS)}")
    parameter = float(match["parameter"]) if match["parameter"] else fault.parameter
    times = int(match["times"]) if match["times"] else None
    return Rule(fault, float(match["rate"]), parameter, times), match["instance"] or ""


def parse_spec(spec: str) -> dict[str, list[Rule]]:
    """The `--faults` option: rules by instance name, "" for all instances. Raises FaultError."""
    by_instance: dict[str, list[Rule]] = {}
    for text in filter(None, spec.split(",")):
        rule, instance = parse_rule(text)
        by_instance.setdefault(instance, []).append(rule)
    return by_instance


class FaultPlan:
    """The faults in force for one instance, or for all that have no plan of their own."""

    def __init__(
        self, randomness: Random, salt: int, rules: list[Rule], triggered: Counter[str], *, by_suffix: bool
    ) -> None:
        self._randomness = randomness
        self._salt = salt
        self._rules = {rule.fault.name: rule for rule in rules if rule.rate > 0 and rule.times != 0}
        self._by_suffix = by_suffix
        self._triggered = triggered  # counts by name, shared by all plans
        self._sort()

    def _sort(self) -> None:
        rules = self._rules.values()
        self._answers = [
            rule for rule in rules if rule.fault.kind in {Kind.GATE, Kind.ANSWER} and not self._is_by_number(rule)
        ]
        self._gates = [rule for rule in rules if rule.fault.kind is Kind.GATE]
        self._effects = [rule for rule in rules if rule.fault.kind is Kind.EFFECT]
        if sum(rule.rate for rule in self._answers) > 1.000001:
            raise FaultError("the rates of faults that exclude each other must not add up to more than 1")
        self.is_armed = bool(rules) or self._by_suffix

    @property
    def rules(self) -> list[Rule]:
        return list(self._rules.values())

    def fate(self, number: str) -> Fate:
        """Decide about one send to a number (digits). Call only for a plan that `is_armed`."""
        effects = {
            rule.fault.name: rule.parameter
            for rule in self._effects
            if rule.rate >= 1 or self._randomness.random() < rule.rate
        }
        for name in effects:
            self._spend(name)
        chosen = BY_SUFFIX.get(number[-SUFFIX_LENGTH:]) if self._by_suffix else None
        if chosen is not None:
            self._triggered[chosen.name] += 1
            if chosen.kind is not Kind.EFFECT:
                return Fate(chosen.name, chosen.parameter, effects)
            effects[chosen.name] = chosen.parameter
        if self.is_absent(number):
            self._spend("not-on-whatsapp")
            return Fate("not-on-whatsapp", 0.0, effects)
        rule = self._one_of(self._answers)
        return Fate("", 0.0, effects) if rule is None else Fate(rule.fault.name, rule.parameter, effects)

    def gate(self) -> Rule | None:
        """The fault, if any, that answers a call which is not a send."""
        return self._one_of(self._gates) if self._gates else None

    def has(self, name: str) -> float | None:
        """The parameter of a fault that comes whole or by chance, 1.0 where it has none; None where it does not."""
        rule = self._rules.get(name)
        if rule is None or self._randomness.random() >= rule.rate:
            return None
        self._spend(name)
        return rule.parameter or 1.0

    def is_absent(self, number: str) -> bool:
        """Whether this number is not on WhatsApp: decided by the number, so that every look-up agrees."""
        if self._by_suffix and number.endswith(FAULTS["not-on-whatsapp"].suffix):
            return True
        rule = self._rules.get("not-on-whatsapp")
        if rule is None or not self._is_by_number(rule):
            return False
        return zlib.crc32(number.encode(), self._salt) < rule.rate * 0x1_0000_0000

    def has_long_ids(self, number: str) -> bool:
        """Whether what was sent to this number is stored under an id longer than any of WhatsApp's."""
        return "long-id" in self._rules or (self._by_suffix and number.endswith(FAULTS["long-id"].suffix))

    @staticmethod
    def _is_by_number(rule: Rule) -> bool:
        return rule.fault.name == "not-on-whatsapp" and rule.times is None

    def _one_of(self, rules: list[Rule]) -> Rule | None:
        if not rules:
            return None
        draw = self._randomness.random()
        for rule in rules:
            draw -= rule.rate
            if draw < 0:
                self._spend(rule.fault.name)
                return rule
        return None

    def _spend(self, name: str) -> None:
        self._triggered[name] += 1
        rule = self._rules.get(name)
        if rule is not None and rule.times is not None:
            rule.times -= 1
            if rule.times == 0:
                del self._rules[name]
                self._sort()
