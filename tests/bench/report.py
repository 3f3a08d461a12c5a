"""The tables: as text for the terminal and as docs/performance.md."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tests.bench.sending import Run

INTRODUCTION = """# How fast it is, and what it costs

Written by `make bench`, which measures everything beside its reference in the same run, against the bundled gateway
simulator on the same machine. The machine is shared and its speed varies: ratios within one run are what lasts, and
CPU seconds per 1,000 messages. Crash safety is on in all of it: `fsync`, a claim committed before each request, every
outcome and its counters in one transaction, events after the commit; each run counts only if the gateway's ledger
holds every recipient once.

- **naive**: one Celery task per message with `requests.post`, `save()` and `async_to_sync(group_send)`, two worker
  processes, Django's and Celery's defaults (`tests/bench/naive_tasks.py`).
- **careful naive**: the same with a kept HTTP session, kept database connections and no events.
- **bare client**: the engine's HTTP client alone, without database, claims or events.
- *devices × in flight*: how many devices, and how many requests each may have in flight.
- CPU: user and system seconds per 1,000 messages, of the Celery worker with its children, of every PostgreSQL process
  (the writer of the log and vacuum included), and of the simulator.
"""


@dataclass(frozen=True, slots=True)
class Bar:
    """What the project promises; `reached` and `wanted` in the same unit."""

    what: str
    wanted: float
    reached: float
    at_most: bool = False
    unit: str = ""

    @property
    def is_met(self) -> bool:
        return self.reached <= self.wanted if self.at_most else self.reached >= self.wanted

    def row(self) -> list[str]:
        wanted = f"{'≤' if self.at_most else '≥'} {number(self.wanted)}{self.unit}"
        return [self.what, wanted, f"{number(self.reached)}{self.unit}", "yes" if self.is_met else "**no**"]


@dataclass(slots=True)
class Section:
    """One group of measurements: its table, and the bars it can speak to."""

    title: str
    header: Sequence[str]
    rows: list[list[str]] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)
    note: str = ""

    def text(self) -> str:
        note = f"\n{self.note}\n" if self.note else ""
        return f"## {self.title}\n{note}\n{table(self.header, self.rows)}"


def runs_section(title: str, runs: Iterable[Run], references: Sequence[Run], note: str = "") -> Section:
    """A table of runs: messages a second, the factor over each reference of the same latency, CPU per 1,000."""
    names = list(dict.fromkeys(reference.design for reference in references))
    header = ["design", "latency", "devices × in flight", "processes", "messages", "messages/s"]
    header += [f"÷ {name}" for name in names] + ["worker CPU", "PostgreSQL CPU", "simulator CPU"]
    section = Section(title, header, note=note)
    for run in runs:
        cpu = run.per_1000
        section.rows.append(
            [
                run.design,
                f"{run.shape.latency_ms} ms",
                str(run.shape),
                str(run.shape.workers),
                f"{run.shape.messages:,}",
                number(run.per_second),
                *(_factor(run, name, references) for name in names),
                f"{cpu.worker:.3f}",
                f"{cpu.postgres:.3f}",
                f"{cpu.simulator:.3f}",
            ]
        )
    return section


def _factor(run: Run, name: str, references: Sequence[Run]) -> str:
    if run in references:
        return ""
    for reference in references:
        is_like = name != "bare client" or str(reference.shape) == str(run.shape)
        if reference.design == name != run.design and reference.shape.latency_ms == run.shape.latency_ms and is_like:
            return f"{run.per_second / reference.per_second:.2f}".rstrip("0").rstrip(".")
    return ""


def document(machine: dict[str, str], sections: Sequence[Section], took_seconds: float) -> str:
    """docs/performance.md as a whole."""
    bars = [bar.row() for section in sections for bar in section.bars]
    parts = [
        INTRODUCTION,
        f"## The machine\n\n{table(['', ''], [[name, value] for name, value in machine.items()])}",
        f"## The bars\n\n{table(['what', 'wanted', 'measured', 'met'], bars)}" if bars else "",
        *(section.text() for section in sections),
        f"The whole run took {took_seconds / 60:.1f} minutes.\n",
    ]
    return "\n".join(part for part in parts if part)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table whose columns line up as text too."""
    lines = [list(header), *(list(row) for row in rows)]
    widths = [max(3, *(len(line[column]) for line in lines)) for column in range(len(header))]
    written = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    written.insert(1, "| " + " | ".join("-" * width for width in widths) + " |")
    return "\n".join(written) + "\n"


def number(value: float) -> str:
    """Three significant digits, thousands with a comma."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
