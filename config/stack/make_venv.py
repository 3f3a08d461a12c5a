"""Make or renew .venv from requirements-dev.lock; the Makefile runs it before everything else.

It runs on the system's own Python before anything is installed, and must parse on an old one to refuse it
politely. Where nothing has changed it costs nothing.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LOCK = os.path.join(REPOSITORY, "requirements-dev.lock")
TOOLS = os.path.join(REPOSITORY, ".tools")
VENV = os.path.join(REPOSITORY, ".venv")
VENV_PYTHON = os.path.join(VENV, "bin", "python")
STAMP = os.path.join(VENV, "made-from")
VERSION = "{}.{}".format(*sys.version_info)
SUPPORTED = ("3.11", "3.12", "3.13")
UV = "uv==0.13.*"
# A missing Python is an error to be told, not something to download.
ENVIRONMENT = dict(os.environ, UV_PYTHON_DOWNLOADS="never", PIP_ROOT_USER_ACTION="ignore")
ENVIRONMENT.pop("VIRTUAL_ENV", None)


def main() -> "str | None":
    """Return what went wrong, None when .venv is there."""
    if VERSION not in SUPPORTED:
        return "this is Python " + VERSION + "; 3.11 to 3.13 is needed: name one, as in `make PYTHON=python3.12`"
    os.makedirs(TOOLS, exist_ok=True)
    with open(os.path.join(TOOLS, "making-venv"), "w") as waiting_room:
        fcntl.flock(waiting_room, fcntl.LOCK_EX)  # another make may be at it
        wanted = stamp()
        if read(STAMP) == wanted and os.path.exists(VENV_PYTHON):
            return None
        print("Making .venv with Python " + VERSION + " from requirements-dev.lock...", flush=True)
        if not install_with_uv() and not install_with_pip():
            return "the packages could not be installed, see above (Debian and Ubuntu need python3-pip or python3-venv)"
        make_importable()
        with open(STAMP, "w") as file:
            file.write(wanted)
    return None


def stamp() -> str:
    """Return what .venv depends on: the lock, the Python, and the place, which its scripts name."""
    with open(LOCK, "rb") as file:
        lock = hashlib.sha256(file.read()).hexdigest()
    return "\n".join((lock, sys.version, os.path.realpath(sys.executable), REPOSITORY))


def install_with_uv() -> bool:
    """Five seconds where pip takes a minute or two."""
    uv = find_uv()
    if uv is None:
        return False
    if not is_venv_of_this_python():
        shutil.rmtree(VENV, ignore_errors=True)
        if not succeeds(uv, "venv", "--quiet", "--python", sys.executable, VENV):
            return False
    install = (uv, "pip", "sync", "--quiet", "--require-hashes", "--python", VENV_PYTHON, LOCK)
    # Some networks are trusted by the system only, some systems have no certificates: uv brings its own.
    return succeeds(*install, "--system-certs", is_silent=True) or succeeds(*install)


def find_uv() -> "str | None":
    """Return uv, put beside the project if need be: an externally managed Python allows that."""
    own = os.path.join(TOOLS, "bin", "uv")
    if not os.path.exists(own):
        succeeds(sys.executable, "-m", "pip", "install", "--quiet", "--upgrade", "--target", TOOLS, UV)
    return own if os.path.exists(own) else shutil.which("uv")


def install_with_pip() -> bool:
    if not is_venv_of_this_python() or not succeeds(VENV_PYTHON, "-m", "pip", "--version", is_silent=True):
        shutil.rmtree(VENV, ignore_errors=True)
        if not succeeds(sys.executable, "-m", "venv", VENV):
            return False
    return succeeds(VENV_PYTHON, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", LOCK)


def is_venv_of_this_python() -> bool:
    """Tell whether .venv exists, was made in this place with this very Python, and still works."""
    ask = "import os, sys; print(sys.version, os.path.realpath(sys.executable), sys.prefix)"
    try:
        answer = subprocess.run([VENV_PYTHON, "-c", ask], stdout=subprocess.PIPE, check=True).stdout.decode()
    except (OSError, subprocess.CalledProcessError):
        return False
    return answer.strip() == " ".join((sys.version, os.path.realpath(sys.executable), VENV))


def make_importable() -> None:
    """Let the venv's programs (pytest, celery) import the project from any directory."""
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site_packages = subprocess.run([VENV_PYTHON, "-c", ask], stdout=subprocess.PIPE, check=True).stdout.decode().strip()
    with open(os.path.join(site_packages, "pregonero.pth"), "w") as file:
        file.write(REPOSITORY + "\n")


def succeeds(*command: str, is_silent: bool = False) -> bool:
    output = subprocess.DEVNULL if is_silent else None
    try:
        done = subprocess.run(command, env=ENVIRONMENT, cwd=REPOSITORY, stdout=output, stderr=output, check=False)
    except OSError:
        return False
    return done.returncode == 0


def read(path: str) -> str:
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


if __name__ == "__main__":
    problem = main()
    if problem:
        sys.exit("pregonero: " + problem)
