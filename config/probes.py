"""/healthz (the process answers) and /readyz (what it needs is there): for supervisors and proxies."""

from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.urls import path
from redis import Redis


def healthz(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """200 when the database is migrated and the broker answers, else 503; each by name, causes only in the log."""
    checks = {"database": _database_is_migrated, "broker": _broker_answers}
    results = {}
    for name, is_ready in checks.items():
        try:
            results[name] = is_ready()
        except Exception:
            results[name] = False
    ready = all(results.values())
    return JsonResponse({"status": "ok" if ready else "unavailable", **results}, status=200 if ready else 503)


def _database_is_migrated() -> bool:
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def _broker_answers() -> bool:
    with Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2) as client:
        return bool(client.ping())


urlpatterns = [path("healthz", healthz), path("readyz", readyz)]
