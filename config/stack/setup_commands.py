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
import psycopg
import redis
from django.core.management import CommandError, call_command


def main() -> None:
    refuse_silent_servers()
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


def refuse_silent_servers() -> None:
    """Say at once, and plainly, that a server which was given does not let us in."""
    try:
        if url := os.environ.get("DATABASE_URL", "").strip():
            psycopg.connect(url, connect_timeout=10).close()
    except psycopg.Error as error:
        sys.exit(f"DATABASE_URL: {str(error).strip()}")
    try:
        if url := os.environ.get("REDIS_URL", "").strip():
            with redis.Redis.from_url(url, socket_connect_timeout=10, socket_timeout=10) as server:
                server.ping()
    except (redis.RedisError, ValueError) as error:
        sys.exit(f"REDIS_URL: {error}")


if __name__ == "__main__":
    main()
