"""All that an account holds of a person, as JSON."""

import os
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.audit import Actor
from accounts.management.naming import account_named
from campaigns.actions import person_acts
from devices import phone_numbers


class Command(BaseCommand):
    help = "Write all that the account holds of whoever has a number, as JSON: what they may ask for."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("phone", metavar="PHONE", help="in any spelling")
        parser.add_argument("--account", default="", help="its name or id; may be left out where there is only one")
        parser.add_argument("--file", type=Path, metavar="FILE", help="a new file to write; else it is printed")

    def handle(self, *args: Any, **options: Any) -> None:
        account = account_named(options["account"])
        try:
            phone = phone_numbers.read_kept_from(options["phone"], account.default_country)
        except phone_numbers.Unreadable:
            raise CommandError("this is no phone number: write it with its country's code") from None
        file: Path | None = options["file"]
        text = person_acts.exported(Actor(account), phone)
        if file is None:
            self.stdout.write(text, ending="")
            return
        try:
            with open(file, "x", encoding="utf-8", opener=_private) as new:
                new.write(text)
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror}") from None
        self.stderr.write(f"written to {file}")


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)
