"""Where the embedded stack keeps what it has: one data directory, one private directory of sockets."""

import hashlib
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import quote


@dataclass(frozen=True)
class Layout:
    """The embedded stack's places, all derived from its data directory.

    Any program given the same data directory finds the running engines without being told a port.
    """

    data_dir: Path

    @cached_property
    def socket_dir(self) -> Path:
        """A short path: a unix socket's is limited to 107 bytes, and a data directory may lie anywhere."""
        digest = hashlib.sha256(os.fsencode(self.data_dir.resolve())).hexdigest()[:12]
        return Path(f"/tmp/pregonero-{os.getuid()}-{digest}")  # noqa: S108 - made 0700, owner checked

    @property
    def database_url(self) -> str:
        # The port is part of the socket's name: without it a PGPORT in the environment would count.
        return f"postgresql://pregonero@:5432/pregonero?host={quote(str(self.socket_dir), safe='')}"

    @property
    def redis_url(self) -> str:
        return f"unix://{self.valkey_socket}?db=0"

    @property
    def valkey_socket(self) -> Path:
        return self.socket_dir / "valkey.sock"

    @property
    def postgres_dir(self) -> Path:
        return self.data_dir / "postgres"

    @property
    def valkey_dir(self) -> Path:
        return self.data_dir / "valkey"

    @property
    def log_dir(self) -> Path:
        return self.data_dir / "log"

    @property
    def lock_file(self) -> Path:
        """Held by the launcher that runs here; says its pid, its address and its children."""
        return self.data_dir / "launcher.json"

    @property
    def access_file(self) -> Path:
        """What the first start made: e-mail, password, API token, the simulator's token."""
        return self.data_dir / "access.json"
