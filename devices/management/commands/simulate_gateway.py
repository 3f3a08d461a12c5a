"""`manage.py simulate_gateway`: the Evolution API simulator. It opens no database and needs none."""

import sys
from argparse import ArgumentParser, Namespace
from typing import Any

from django.core.management.base import BaseCommand

from devices.simulator import options, program


class Command(BaseCommand):
    help = "Simulate an Evolution API 2.3.7 gateway, with faults on demand and a ledger of what it accepted."
    requires_system_checks = []
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        options.add_arguments(parser)

    def handle(self, *args: Any, **given: Any) -> None:
        sys.exit(program.run(options.from_arguments(Namespace(**given))))
