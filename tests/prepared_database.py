"""A PostgreSQL data directory whose database is migrated: made once for each state of the migrations, then copied.

`initdb` and the migrations take seconds of CPU, and every worker, the browser and the chaos need a database: a copy is
there in a tenth of a second. It lies in .data/test-prepared-…, and goes when a newer one is made.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from config.stack.places.directories import make_data_dir, remove_socket_dir
from config.stack.places.layout import Layout
from config.stack.servers import engines, postgres
from config.stack.supervision.launcher_lock import LauncherLock
from config.stack.supervision.programs import REPOSITORY, Child
from tests.waiting import eventually

PLACE = REPOSITORY / ".data"
NAME = "test-prepared"
DATABASE = "pregonero"  # whoever makes a data directory makes it so


def give(layout: Layout) -> None:
    """Put a copy where a stack's database lies, in place of what is there. No server may run on it.

    Whoever comes first makes what is copied; the others wait.
    """
    PLACE.mkdir(exist_ok=True)
    home = PLACE / f"{NAME}-{_state()}"
    with (PLACE / f"{NAME}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not home.exists():
            for older in PLACE.glob(f"{NAME}-*"):
                shutil.rmtree(older, ignore_errors=True)
            draft = PLACE / f"{NAME}-draft"
            _make(Layout(draft))
            draft.rename(home)
        shutil.rmtree(layout.postgres_dir, ignore_errors=True)
        shutil.copytree(Layout(home).postgres_dir, layout.postgres_dir)


def _state() -> str:
    """What the directory depends on, in short: another name where any of it changes."""
    sources = [
        *(REPOSITORY / "requirements-dev.lock", Path(postgres.__file__), Path(__file__)),
        *sorted(REPOSITORY.glob("*/migrations/*.py")),
    ]
    said = hashlib.sha256(sys.version.encode())
    for source in sources:
        said.update(source.name.encode() + source.read_bytes())
    return said.hexdigest()[:12]


def _make(layout: Layout) -> None:
    make_data_dir(layout)
    # Only the database is wanted, whatever the environment names.
    environ = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    environ |= {"DATA_DIR": str(layout.data_dir), "REDIS_URL": "redis://127.0.0.1:1"}
    with LauncherLock(layout, "pytest") as lock, (layout.data_dir / "output").open("wb") as output:
        (engine,) = engines.prepare(layout, lock, environ, postgres.FORGETFUL)
        child = Child(engine, output.fileno())
        try:
            eventually(lambda: engine.is_ready() or not child.is_alive)
            subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=REPOSITORY, env=environ, check=True)
        finally:
            child.stop()
            remove_socket_dir(layout)
