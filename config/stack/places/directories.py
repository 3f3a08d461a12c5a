"""Make the directories of a stack, and refuse those that are not safe to use."""

import os
import stat
from contextlib import suppress

from config.stack.errors import StackError
from config.stack.places.layout import Layout


def make_data_dir(layout: Layout) -> None:
    try:
        layout.data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StackError(f"DATA_DIR {layout.data_dir} cannot be made: {error.strerror}") from None
    if not os.access(layout.data_dir, os.W_OK | os.X_OK):
        raise StackError(f"DATA_DIR {layout.data_dir} cannot be written to by this user")


def make_socket_dir(layout: Layout) -> None:
    """Make the private directory of sockets. Its name can be guessed, so nobody else may have made it.

    Whoever reaches the sockets in it is let in without a password.
    """
    directory = layout.socket_dir
    with suppress(FileExistsError):
        directory.mkdir(mode=0o700)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise StackError(f"{directory} is not a directory: someone else put it there; remove it")
    if found.st_uid != os.getuid():
        raise StackError(
            f"{directory} belongs to another user (uid {found.st_uid}): remove it, or set another DATA_DIR"
        )
    directory.chmod(0o700)


def remove_socket_dir(layout: Layout) -> None:
    """Tidy up; a directory that still holds something stays."""
    with suppress(OSError):
        layout.socket_dir.rmdir()
