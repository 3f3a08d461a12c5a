"""The two servers everything stands on, and which of them this stack brings itself."""

import time
from collections.abc import Mapping

from config.stack.errors import StackError
from config.stack.places.directories import make_socket_dir
from config.stack.places.layout import Layout
from config.stack.servers import postgres, valkey
from config.stack.supervision import leftovers
from config.stack.supervision.launcher_lock import LauncherLock
from config.stack.supervision.programs import Program


def prepare(
    layout: Layout,
    lock: LauncherLock,
    environ: Mapping[str, str],
    database_settings: tuple[str, ...] = postgres.DURABLE,
) -> list[Program]:
    """Return the engines to start, in this order: all, or those that no DATABASE_URL or REDIS_URL names.

    What a launcher that was killed has left is ended first; data directories are made.
    """
    leftovers.end(lock.left_behind)
    brings_database = not _is_given("DATABASE_URL", environ)
    brings_redis = not _is_given("REDIS_URL", environ)
    if brings_database or brings_redis:
        make_socket_dir(layout)
    engines = []
    if brings_database:
        engines.append(postgres.program(layout, environ, database_settings))
    if brings_redis:
        engines.append(valkey.program(layout, environ))
    return engines


def wait_until_ready(layout: Layout, environ: Mapping[str, str]) -> None:
    """Wait for the engines that another launcher is starting."""
    deadline = time.monotonic() + 60
    while not (
        (_is_given("DATABASE_URL", environ) or postgres.is_ready(layout))
        and (_is_given("REDIS_URL", environ) or valkey.answers(layout.valkey_socket))
    ):
        if time.monotonic() > deadline:
            raise StackError("the stack that runs here does not get ready")
        time.sleep(0.05)


def are_ours(environ: Mapping[str, str]) -> bool:
    """Tell whether this stack brings both engines."""
    return not _is_given("DATABASE_URL", environ) and not _is_given("REDIS_URL", environ)


def _is_given(name: str, environ: Mapping[str, str]) -> bool:
    """As in the settings, an empty value counts as absent."""
    return bool(environ.get(name, "").strip())
