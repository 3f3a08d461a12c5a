"""What the simulator's command line says; the same for `manage.py simulate_gateway` and `python -m`."""

import argparse
import os
import secrets
from dataclasses import dataclass

from devices.simulator.faults import FAULTS, FaultError, Rule, parse_spec

DEFAULT_INSTANCE = "demo"


@dataclass(frozen=True, slots=True)
class Span:
    """A span of milliseconds to draw from."""

    low: float
    high: float

    @property
    def is_zero(self) -> bool:
        return self.high == 0


@dataclass(frozen=True, slots=True)
class Options:
    host: str
    port: int
    instances: tuple[tuple[str, str], ...]  # (name, token)
    global_key: str
    made_up: tuple[str, ...]  # which of the secrets nobody gave: to be printed
    latency: Span
    faults: dict[str, list[Rule]]
    suffix_faults: bool
    seed: int
    acknowledge: bool
    webhook_delay: Span
    webhook_retry_seconds: float
    keep_alive_seconds: float
    scan_seconds: float
    keep_requests: int
    unknown_hosts: tuple[str, ...]
    qr_seconds: float
    qr_lives: float
    qr_limit: int


def span(text: str) -> Span:
    low, _, high = text.partition("-")
    try:
        found = Span(float(low), float(high or low))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not MS or MS-MS") from None
    if not 0 <= found.low <= found.high:
        raise argparse.ArgumentTypeError(f"{text!r}: milliseconds, the smaller first")
    return found


def fault_rules(text: str) -> dict[str, list[Rule]]:
    try:
        return parse_spec(text)
    except FaultError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None


class _ListFaults(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        lines = ["name                     suffix  default  meaning"]
        for fault in FAULTS.values():
            default = f"{fault.parameter:g}" if fault.parameter else ""
            lines.append(f"{fault.name:24} {fault.suffix:7} {default:8} {fault.meaning}")
        print("\n".join(lines))
        parser.exit()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on; anything but loopback is warned about")
    add("--port", type=int, default=8080, help="0 takes a free one and prints it")
    add(
        "--instance",
        action="append",
        default=[],
        metavar="NAME[:TOKEN]",
        help=f"repeatable; default {DEFAULT_INSTANCE}. Token: $SIMULATOR_TOKEN, else made up and printed",
    )
    add(
        "--global-key",
        default=os.environ.get("SIMULATOR_GLOBAL_KEY", ""),
        help="default: made up and printed",
    )
    add("--latency", type=span, default=Span(0, 0), metavar="MS[-MS]", help="how long a send takes")
    add(
        "--faults",
        type=fault_rules,
        default={},
        metavar="SPEC",
        help="name=rate[:param][xTIMES][@instance],…",
    )
    add("--list-faults", action=_ListFaults, nargs=0, help="the faults there are, and their suffixes")
    add("--suffix-faults", action="store_true", help="let a number's last four digits choose a fault")
    add("--seed", type=int, default=1, help="of the faults and delays")
    add("--ack", action="store_true", help="make receipts even for instances without a webhook")
    add(
        "--webhook-delay",
        type=span,
        default=Span(200, 1500),
        metavar="MS[-MS]",
        help="between acceptance and SERVER_ACK, DELIVERY_ACK and READ, each",
    )
    add("--webhook-retry", type=float, default=5.0, metavar="S", help="before the first retry; doubles")
    add("--keep-alive", type=float, default=5.0, metavar="S", help="idle connections are closed, as Node does")
    add("--scan-after", type=float, default=5.0, metavar="S", help="a QR code is 'scanned' then; 0: never")
    add(
        "--unknown-host",
        action="append",
        default=[],
        metavar="NAME",
        help="repeatable: a host of media urls that does not exist, as *.invalid never does",
    )
    add("--qr-after", type=float, default=2.0, metavar="S", help="how long connect waits for its QR code")
    add("--qr-lives", type=float, default=45.0, metavar="S", help="how long a QR code shows before the next")
    add("--qr-limit", type=int, default=30, metavar="N", help="so many codes, and the instance is refused")
    add("--keep-requests", type=int, default=50, metavar="K", help="how many raw requests to remember")


def from_arguments(given: argparse.Namespace) -> Options:
    made_up: list[str] = []
    instances: list[tuple[str, str]] = []
    for text in given.instance or [DEFAULT_INSTANCE]:
        name, _, token = text.partition(":")
        token = token or os.environ.get("SIMULATOR_TOKEN", "")
        if not token:
            token = secrets.token_hex(16).upper()
            made_up.append(name)
        instances.append((name, token))
    global_key = given.global_key
    if not global_key:
        global_key = secrets.token_hex(16)
        made_up.append("")
    return Options(
        host=given.host,
        port=given.port,
        instances=tuple(instances),
        global_key=global_key,
        made_up=tuple(made_up),
        latency=given.latency,
        faults=given.faults,
        suffix_faults=given.suffix_faults,
        seed=given.seed,
        acknowledge=given.ack,
        webhook_delay=given.webhook_delay,
        webhook_retry_seconds=given.webhook_retry,
        keep_alive_seconds=given.keep_alive,
        scan_seconds=given.scan_after,
        keep_requests=given.keep_requests,
        unknown_hosts=tuple(given.unknown_host),
        qr_seconds=given.qr_after,
        qr_lives=given.qr_lives,
        qr_limit=given.qr_limit,
    )
