"""Forgets a person, by their number; waits until nothing is left of them."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.audit import Actor
from accounts.management.naming import account_named
from campaigns.actions import person_acts
from campaigns.erasing import erasure
from devices import phone_numbers

LOOK_SECONDS = 1.0


class Command(BaseCommand):
    help = (
        "Erase whoever has a number: what the account holds of them goes, and the number is never written to again. "
        "It cannot be undone. Exit status: 0 nothing is left, 1 refused, 3 begun, and a worker goes on with it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("phone", metavar="PHONE", help="in any spelling")
        parser.add_argument("--account", default="", help="its name or id; may be left out where there is only one")
        parser.add_argument("--wait", type=float, default=60.0, metavar="SECONDS", help="for what is on its way (60)")

    def handle(self, *args: Any, **options: Any) -> None:
        account = account_named(options["account"])
        try:
            phone = phone_numbers.read_kept_from(options["phone"], account.default_country)
        except phone_numbers.Unreadable:
            raise CommandError("this is no phone number: write it with its country's code") from None
        row = person_acts.erase(Actor(account), phone)
        until = time.monotonic() + options["wait"]
        while (waits := erasure.advance(row.pk)) and time.monotonic() < until:
            time.sleep(LOOK_SECONDS)
        if waits:
            self.stdout.write(f"erasure {row.pk} is begun and waits ({waits}): a worker goes on with it")
            raise SystemExit(3)
        self.stdout.write(f"erasure {row.pk} is done: nothing is left of this person")
