"""manage.py check_invariants: are the engine's promises kept? Exit 0 if all are, 1 if one is broken."""

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from jobs import invariants


class Command(BaseCommand):
    help = "Checks what must always be true of jobs and recipients; exit code 1 when something is not."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print a list of violations as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        violations = invariants.check()
        if options["json"]:
            self.stdout.write(
                json.dumps(
                    [
                        {"invariant": each.invariant.name, "job": each.job_id, "detail": each.detail}
                        for each in violations
                    ]
                )
            )
        else:
            for violation in violations:
                self.stdout.write(self.style.ERROR(str(violation)))
            kept = len(invariants.INVARIANTS) - len({each.invariant.name for each in violations})
            self.stdout.write(f"{kept} of {len(invariants.INVARIANTS)} invariants hold")
        if violations:
            sys.exit(1)
