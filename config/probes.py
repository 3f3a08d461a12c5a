"""/healthz (the process answers) and /readyz (what it needs is there): for supervisors and proxies."""

from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.urls import path
from redis import Redis

from jobs import invariants


def healthz(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """200 when the database is migrated and the broker answers, else 503; each by name.

    Also tells whether the engine's invariants held when they were last checked (null: not lately). That is an
    alarm for people, no reason to send nobody here.
    """
    checks = {"database": _database_is_migrated, "broker": _broker_answers}
    results: dict[str, bool] = {}
    for name, is_ready in checks.items():
        try:
            results[name] = is_ready()
        except Exception:
            results[name] = False
    ready = all(results.values())
    answer: dict[str, str | bool | None] = {"status": "ok" if ready else "unavailable", **results}
    answer["invariants"] = invariants.held_at_last_check() if results["broker"] else None
    return JsonResponse(answer, status=200 if ready else 503)


def _database_is_migrated() -> bool:
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def _broker_answers() -> bool:
    with Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2) as client:
        return bool(client.ping())


urlpatterns = [path("healthz", healthz), path("readyz", readyz)]
