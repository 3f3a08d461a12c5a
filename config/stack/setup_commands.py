"""Run several manage.py commands in one process: loading Django takes longer than most of them.

Reads a JSON list of argument lists from standard input, where secrets do not show as in a command line, and
prints a JSON list of what each command printed. The only module here that knows Django; the launcher runs it
as a program.
"""

import io
import json
import os
import sys

import django
from django.core.management import CommandError, call_command


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    outputs = []
    for name, *arguments in json.load(sys.stdin):
        output = io.StringIO()
        try:
            call_command(name, *arguments, stdout=output)
        except CommandError as error:
            sys.exit(f"manage.py {name}: {error}")
        outputs.append(output.getvalue())
    json.dump(outputs, sys.stdout)


if __name__ == "__main__":
    main()
