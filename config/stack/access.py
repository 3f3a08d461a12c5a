"""What the first start makes so that people and programs can come in, kept in DATA_DIR/access.json (0600)."""

import json
import os
import secrets
from dataclasses import asdict, dataclass

from config.stack.places.layout import Layout


@dataclass
class Access:
    """`token` is empty until the account has been made: the server keeps only its hash."""

    email: str
    password: str
    simulator_token: str
    token: str = ""

    @classmethod
    def of(cls, layout: Layout) -> "Access":
        """Return what is kept; where nothing is, make it and keep it."""
        try:
            return cls(**json.loads(layout.access_file.read_text()))
        except FileNotFoundError:
            access = cls(
                email="admin@example.com",
                password=secrets.token_urlsafe(12),
                simulator_token=secrets.token_hex(16).upper(),
            )
            access.keep(layout)
            return access

    def keep(self, layout: Layout) -> None:
        draft = layout.access_file.with_suffix(".draft")
        draft.unlink(missing_ok=True)
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(asdict(self), file, indent=2)
        draft.replace(layout.access_file)
