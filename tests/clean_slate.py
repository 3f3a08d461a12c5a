"""A pytest plugin: after a test with `transaction=True` only the tables that hold rows are emptied.

Django empties all of them with TRUNCATE, which costs the same for a table without a row, and then lets `post_migrate`
write the content types and permissions anew: a quarter of a second a test, for some three hundred tests.
"""

from functools import cache
from typing import Any

from django.db import connection, transaction
from django.test import TransactionTestCase

# What `migrate` has put there and no test changes.
STAYS = frozenset({"django_content_type", "auth_permission"})

_empty_all = TransactionTestCase._fixture_teardown


@cache
def _tables() -> tuple[str, ...]:
    return tuple(connection.introspection.django_table_names(only_existing=True, include_views=False))


def tables_with_rows() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            " UNION ALL ".join(f"SELECT '{table}' WHERE EXISTS (SELECT FROM \"{table}\")" for table in _tables())
        )
        return {name for (name,) in cursor.fetchall()}


def empty(case: Any = None) -> None:
    """Delete every row but those that stay; all of them at once, so that references are checked when all are gone."""
    filled = tables_with_rows()
    if not filled >= STAYS:
        _empty_all(case)  # which brings them back
    elif filled > STAYS:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL pregonero.erasing = 'on'")  # records of consent go by nothing else
            cursor.execute("; ".join(f'DELETE FROM "{table}"' for table in sorted(filled - STAYS)))


def pytest_configure() -> None:
    TransactionTestCase._fixture_teardown = empty
