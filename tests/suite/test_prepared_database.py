"""The suite itself: the database that is copied for all tests is what the migrations make."""

from pathlib import Path

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from config.stack.places.layout import Layout
from tests import prepared_database


@pytest.mark.django_db
def test_every_migration_has_been_carried_out() -> None:
    executor = MigrationExecutor(connection)
    assert executor.migration_plan(executor.loader.graph.leaf_nodes()) == []
    assert executor.loader.applied_migrations.keys() == executor.loader.disk_migrations.keys()


def test_another_migration_or_another_version_of_anything_makes_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepared_database, "REPOSITORY", tmp_path)
    migrations = tmp_path / "app" / "migrations"
    migrations.mkdir(parents=True)
    names = [tmp_path / "requirements-dev.lock", migrations / "0001_first.py", migrations / "0002_second.py"]
    states = []
    for path in names:
        path.write_text("one")
        states.append(prepared_database._state())
        path.write_text("another")
        states.append(prepared_database._state())
    (migrations / "0002_second.py").rename(migrations / "0002_other.py")
    states.append(prepared_database._state())
    assert len({*states}) == len(states) == 7


def test_a_copy_takes_the_place_of_what_was_there(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.postgres_dir.mkdir()
    (layout.postgres_dir / "postmaster.pid").write_text("1")
    prepared_database.give(layout)
    assert (layout.postgres_dir / "PG_VERSION").exists()
    assert not (layout.postgres_dir / "postmaster.pid").exists(), "the server it was made with was stopped"
