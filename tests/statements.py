"""What something asks of the database: how many statements, and how many rows they read, whatever time that takes."""

from collections.abc import Callable, Iterator
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext


def statements_of(act: Callable[[], object]) -> list[str]:
    """The SQL that an act sends, as it is sent."""
    with CaptureQueriesContext(connection) as captured:
        act()
    return [
        query["sql"] for query in captured.captured_queries if not query["sql"].startswith(("SAVEPOINT", "RELEASE"))
    ]


def rows_read(sql: str, *tables: str) -> int:
    """How many rows of these tables, or of all, a statement's scans give or throw away. It is carried out."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql.replace('%', '%%')}")
        (plan,) = cursor.fetchone()
    return sum(
        round((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"])
        for node in _nodes(plan[0]["Plan"])
        if "Relation Name" in node and (not tables or node["Relation Name"] in tables)
    )


def analyze(*tables: str) -> None:
    """Let the planner know how large these tables are, as autovacuum would within a minute."""
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {', '.join(tables)}")


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from _nodes(child)
