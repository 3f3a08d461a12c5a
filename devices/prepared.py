"""Statements that the server knows, and arrays as text: for what is asked many times a second.

Django puts values into the text, which PostgreSQL then reads and plans each time; and psycopg takes arrays apart, value
by value, which costs more than all the rest.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import psycopg
from django.db import connection


class Prepared:
    """A statement with parameters as %(name)s, prepared once in each session."""

    def __init__(self, sql: str) -> None:
        # As the server reads it: psycopg would take so long a text apart for each call.
        self._names = list(dict.fromkeys(re.findall(r"%\((\w+)\)s", sql)))
        self._numbered = re.sub(r"%\((\w+)\)s", lambda name: f"${self._names.index(name[1]) + 1}", sql)

    def rows(self, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        with self._run(parameters) as cursor:
            return cursor.fetchall()

    def change(self, parameters: Mapping[str, Any]) -> int:
        """Return how many rows it changed."""
        with self._run(parameters) as cursor:
            return cursor.rowcount

    def _run(self, parameters: Mapping[str, Any]) -> "psycopg.RawCursor[tuple[Any, ...]]":
        connection.ensure_connection()
        with connection.wrap_database_errors:
            cursor = psycopg.RawCursor(_ready(connection.connection))
            return cursor.execute(self._numbered, [parameters[name] for name in self._names], prepare=True)


def _ready(session: "psycopg.Connection[Any]") -> "psycopg.Connection[Any]":
    if session.prepare_threshold is None:  # Django forbids preparing
        session.prepare_threshold = 0
        # PostgreSQL would plan it anew for each call, where that looks a little cheaper: it takes as long as the work.
        with session.cursor() as cursor:
            cursor.execute("SET plan_cache_mode = force_generic_plan")
    return session


def numbers(values: Iterable[Any]) -> str:
    """An array literal of what needs no quotes."""
    return "{" + ",".join(map(str, values)) + "}"


def texts(values: Sequence[str]) -> str:
    """An array literal of texts."""
    if not values:
        return "{}"
    joined = '","'.join(values)
    if "\\" in joined or joined.count('"') != 2 * (len(values) - 1):
        joined = '","'.join(value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return '{"' + joined + '"}'
