"""`python -m tests.bench [--quick] [--only NAME]…`: see the package's docstring."""

import argparse
import os
import signal
import sys
import time
from pathlib import Path

import django
from django.core.management import call_command

from config.stack.supervision.programs import REPOSITORY
from tests.bench.own_engines import own_engines

DOCUMENT = REPOSITORY / "docs" / "performance.md"
NAMES = ("sending", "scaling", "fleet", "hosts", "large", "recording")
NAMES += ("receipts", "incoming", "contacts", "exclusions", "telling", "fan-out")
# Parts of a group, for whoever works at them; a whole run has them all.
PARTS = tuple(f"fleet-{devices}{pace}" for devices in (100, 1000, 5000) for pace in ("", "-fast"))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="The benchmarks, with their table.")
    parser.add_argument("--quick", action="store_true", help="small sizes: does it work, and very roughly how fast")
    parser.add_argument("--only", action="append", choices=(*NAMES, *PARTS), help="these groups; may be repeated")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    chosen = os.environ.get("DATA_DIR", "").strip()
    with own_engines((Path(chosen) if chosen else REPOSITORY / ".data").resolve() / "bench"):
        django.setup()
        call_command("migrate", verbosity=0)
        text = _measure(given.only or list(NAMES), quick=given.quick)
    if given.quick or given.only:
        print(f"\n{DOCUMENT.name} is written by a whole run only.")
    else:
        DOCUMENT.write_text(text)
        print(f"\nWritten to {DOCUMENT.relative_to(REPOSITORY)}.")


def _measure(names: list[str], *, quick: bool) -> str:
    # Django must be loaded before the measurements' modules.
    from tests.bench import machine, plan, report

    began = time.monotonic()
    what_it_ran_on = machine.describe()
    sections = []
    for name in names:
        print(f"{name} …", flush=True)
        sections.append(plan.GROUPS[name](plan.QUICK if quick else plan.FULL))
        print(f"\n{sections[-1].text()}", flush=True)
    text = report.document(what_it_ran_on, sections, time.monotonic() - began)
    print(f"\n{text}")
    return text


if __name__ == "__main__":
    main()
