"""What is measured, in which order and at which size; each group is a name for `--only`."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass

from tests.bench import (
    contacts,
    exclusions,
    fan_out,
    fleet,
    hosts,
    incoming,
    large,
    naive,
    ours,
    raw,
    receipts,
    recording,
    telling,
)
from tests.bench.fleet import Fleet
from tests.bench.report import Bar, Section, runs_section
from tests.bench.sending import Run, Shape


@dataclass(frozen=True, slots=True)
class Size:
    """How much of everything. `seconds`: how long a run of ours should take where latency decides its speed."""

    naive_messages: tuple[int, int, int]  # at 0, 50 and 200 ms
    careful_messages: tuple[int, int, int]
    messages: int  # at 0 ms
    seconds: float
    repeats: int
    rows: int  # of a large job
    latencies: tuple[int, ...] = (0, 50, 200)

    def messages_for(self, latency_ms: int, in_flight: int) -> int:
        """As many as take about `seconds`, were the latency all there is."""
        if not latency_ms:
            return self.messages
        return min(self.messages, int(in_flight * 1000 / latency_ms * self.seconds))


FULL = Size((200, 100, 50), (400, 200, 80), 20_000, 5.0, 3, 1_000_000)
QUICK = Size((100, 40, 20), (200, 80, 40), 5_000, 2.0, 1, 50_000, latencies=(0, 50))


def sending(size: Size) -> Section:
    """One device with 64 in flight and 50 with one each, beside both naive versions and the bare client."""
    references: list[Run] = []
    runs: list[Run] = []
    rounds: list[list[Run]] = []
    for place, latency in enumerate(size.latencies):
        wide = Shape(latency, 1, 64, size.messages_for(latency, 64))
        # All four in turn, several times, so that a slow minute of the machine meets each of them.
        taken = [
            [
                _told(naive.measure(naive.NAIVE, latency, size.naive_messages[place])),
                _told(naive.measure(naive.CAREFUL, latency, size.careful_messages[place])),
                _told(raw.measure(wide)),
                _told(ours.measure(wide)),
            ]
            for _ in range(1 if latency else size.repeats)
        ]
        rounds = rounds or taken
        *compared, our = (_median(list(runs_of_one)) for runs_of_one in zip(*taken, strict=True))
        many = Shape(latency, 50, 1, size.messages_for(latency, 50))
        references += [*compared, _told(raw.measure(many))]
        runs += [our, _told(ours.measure(many))]
    section = runs_section(
        "One device with 64 in flight, 50 devices with one each",
        [*references, *runs],
        references,
        note=f"At 0 ms with 64 in flight: the median of {size.repeats} rounds of all four; in the bars, of the ratios "
        "within each round.",
    )
    section.bars = [
        Bar("messages/s at 0 ms, 1 × 64", 1500, runs[0].per_second),
        Bar("times naive at 0 ms", 80, _ratio(rounds, 0)),
        Bar("times careful naive at 0 ms", 25, _ratio(rounds, 1)),
        Bar("share of the bare client at 0 ms, 1 × 64", 55, 100 * _ratio(rounds, 2), unit=" %"),
        Bar("CPU of naive ÷ ours at 0 ms, worker and PostgreSQL", 80, _cpu(references[0]) / _cpu(runs[0])),
    ]
    return section


def _ratio(rounds: list[list[Run]], reference: int) -> float:
    return statistics.median(ours_.per_second / others[reference].per_second for *others, ours_ in rounds)


def _cpu(run: Run) -> float:
    return run.per_1000.worker + run.per_1000.postgres


def scaling(size: Size) -> Section:
    """Enough in flight for 2,500 messages/s at 50 ms; and what a second worker process brings at 500 ms."""
    wide = Shape(50, 4, 64, size.messages_for(50, 256))
    references = [_told(raw.measure(wide))]
    runs = [_told(ours.measure(wide))]
    # More than one process has in flight (512), and so slow that two do not need the processors either.
    slow = size.messages_for(500, 1024)
    runs += [_told(ours.measure(Shape(500, 16, 64, slow, workers=processes))) for processes in (1, 2)]
    section = runs_section("Many in flight, one and two worker processes", [*references, *runs], references)
    section.bars = [
        Bar("messages/s at 50 ms, 4 × 64", 2500, runs[0].per_second),
        Bar(
            "share of the bare client at 50 ms, 4 × 64",
            55,
            100 * runs[0].per_second / references[0].per_second,
            unit=" %",
        ),
        Bar("two worker processes ÷ one at 500 ms, 16 × 64", 1.6, runs[2].per_second / runs[1].per_second),
    ]
    return section


def _told(run: Run) -> Run:
    print(f"  {run.design}, {run.shape.latency_ms} ms, {run.shape}: {run.per_second:,.0f} messages/s", flush=True)
    return run


def _median(runs: list[Run]) -> Run:
    middle = statistics.median_low([run.per_second for run in runs])
    return next(run for run in runs if run.per_second == middle)


FLEETS = {
    "fleet-100": Fleet(100),
    "fleet-1000": Fleet(1000),
    "fleet-5000": Fleet(5000),
    "fleet-100-fast": Fleet(100, per_minute=60),
    "fleet-1000-fast": Fleet(1000, per_minute=60),
    "fleet-5000-fast": Fleet(5000, per_minute=60),
}
QUICK_FLEETS = ("fleet-1000",)


def fleets(size: Size) -> Section:
    is_quick = size is QUICK
    return fleet.section([FLEETS[name] for name in (QUICK_FLEETS if is_quick else FLEETS)], quick=is_quick)


def one_fleet(name: str) -> Callable[[Size], Section]:
    return lambda size: fleet.section([FLEETS[name]], quick=size is QUICK)


GROUPS: dict[str, Callable[[Size], Section]] = {
    "sending": sending,
    "scaling": scaling,
    "fleet": fleets,
    **{name: one_fleet(name) for name in FLEETS},
    "hosts": lambda size: hosts.section(1000, quick=size is QUICK),
    "large": lambda size: large.measure(size.rows, size.repeats),
    "recording": lambda size: recording.measure(min(size.messages, 10_000)),
    "receipts": lambda size: receipts.measure(100_000 if size is FULL else 20_000),
    "incoming": lambda size: incoming.measure(60.0 if size is FULL else 10.0),
    "contacts": lambda size: contacts.measure(size.rows),
    "telling": lambda size: telling.measure(20_000 if size is FULL else 2_000, size.rows),
    "exclusions": lambda size: exclusions.measure(size.rows),
    "fan-out": lambda size: fan_out.measure(clients=50, events=200 if size.repeats > 1 else 50),
}
