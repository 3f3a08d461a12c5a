"""What is measured, in which order and at which size; each group is a name for `--only`."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass

from tests.bench import fan_out, large, naive, ours, raw, recording
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

    def messages_for(self, latency_ms: int, in_flight: int) -> int:
        """As many as take about `seconds`, were the latency all there is."""
        if not latency_ms:
            return self.messages
        return min(self.messages, int(in_flight * 1000 / latency_ms * self.seconds))


FULL = Size((300, 120, 60), (600, 240, 80), 20_000, 6.0, 3, 1_000_000)
QUICK = Size((100, 40, 20), (200, 80, 40), 5_000, 2.0, 1, 50_000)
LATENCIES = (0, 50, 200)


def sending(size: Size) -> Section:
    """One device with 64 in flight and 50 with one each, beside both naive versions and the bare client."""
    references: list[Run] = []
    runs: list[Run] = []
    for place, latency in enumerate(LATENCIES):
        references.append(_told(naive.measure(naive.NAIVE, latency, size.naive_messages[place])))
        references.append(_told(naive.measure(naive.CAREFUL, latency, size.careful_messages[place])))
        wide = Shape(latency, 1, 64, size.messages_for(latency, 64))
        # Taken in turn, so that a slow minute of the machine meets both.
        pairs = [(_told(raw.measure(wide)), _told(ours.measure(wide))) for _ in range(1 if latency else size.repeats)]
        references.append(_median([bare for bare, _ in pairs]))
        runs.append(_median([our for _, our in pairs]))
        many = Shape(latency, 50, 1, size.messages_for(latency, 50))
        references.append(_told(raw.measure(many)))
        runs.append(_told(ours.measure(many)))
    section = runs_section(
        "One device with 64 in flight, 50 devices with one each",
        [*references, *runs],
        references,
        note=f"At 0 ms with 64 in flight: the median of {size.repeats}, taken in turn.",
    )
    naive_0, careful_0, bare_0 = references[:3]
    at_0 = runs[0].per_second
    section.bars = [
        Bar("messages/s at 0 ms, 1 × 64", 1500, at_0),
        Bar("times naive at 0 ms", 80, at_0 / naive_0.per_second),
        Bar("times careful naive at 0 ms", 25, at_0 / careful_0.per_second),
        Bar("share of the bare client at 0 ms, 1 × 64", 55, 100 * at_0 / bare_0.per_second, unit=" %"),
    ]
    return section


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
        Bar("two worker processes ÷ one at 500 ms, 16 × 64", 1.6, runs[2].per_second / runs[1].per_second),
    ]
    return section


def _told(run: Run) -> Run:
    print(f"  {run.design}, {run.shape.latency_ms} ms, {run.shape}: {run.per_second:,.0f} messages/s", flush=True)
    return run


def _median(runs: list[Run]) -> Run:
    middle = statistics.median_low([run.per_second for run in runs])
    return next(run for run in runs if run.per_second == middle)


GROUPS: dict[str, Callable[[Size], Section]] = {
    "sending": sending,
    "scaling": scaling,
    "large": lambda size: large.measure(size.rows),
    "recording": lambda size: recording.measure(min(size.messages, 10_000)),
    "fan-out": lambda size: fan_out.measure(clients=50, events=200 if size.repeats > 1 else 50),
}
