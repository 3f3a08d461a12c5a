"""Everything the environment may say, read and checked in this one place.

A wrong value ends the program with one clear line; settings.py only arranges what is read here.
"""

import ipaddress
import json
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

from cryptography.fernet import Fernet

T = TypeVar("T")
REPOSITORY = Path(__file__).resolve().parent.parent


def refuse(name: str, problem: str) -> SystemExit:
    """Build the end of a program whose environment is wrong. Never shows the value: it may be a secret."""
    return SystemExit(f"pregonero: {name} {problem}")


def read(name: str, parse: Callable[[str], T], default: T) -> T:
    """Read one variable; an empty one counts as absent. A ValueError from `parse` ends the program."""
    raw = os.environ.get(name, "").strip()
    if not raw:
        return default
    try:
        return parse(raw)
    except ValueError as error:
        raise refuse(name, str(error)) from None


def whole_number(low: int, high: int) -> Callable[[str], int]:
    def parse(raw: str) -> int:
        if not raw.isascii() or not raw.isdigit() or not low <= int(raw) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(raw)

    return parse


def seconds(low: float, high: float) -> Callable[[str], float]:
    def parse(raw: str) -> float:
        try:
            value = float(raw)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise ValueError(f"must be a number of seconds from {low:g} to {high:g}")
        return value

    return parse


def yes_or_no(raw: str) -> bool:
    answers = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if raw.lower() not in answers:
        raise ValueError("must be true or false")
    return answers[raw.lower()]


def one_of(*choices: str) -> Callable[[str], str]:
    def parse(raw: str) -> str:
        if raw not in choices:
            raise ValueError("must be one of: " + ", ".join(choices))
        return raw

    return parse


def words(raw: str) -> list[str]:
    return [word.strip() for word in raw.split(",") if word.strip()]


def origins(raw: str) -> list[str]:
    for origin in words(raw):
        parts = urlsplit(origin)
        if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path:
            raise ValueError("must be origins like https://app.example.com, separated by commas")
    return words(raw)


def networks(raw: str) -> list[str]:
    for network in words(raw):
        try:
            ipaddress.ip_network(network)
        except ValueError:
            raise ValueError("must be networks like 10.0.0.0/8, separated by commas") from None
    return words(raw)


def http_url(raw: str) -> str:
    parts = urlsplit(raw)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise ValueError("must be an address like https://pregonero.example.com")
    return raw.rstrip("/")


def fernet_keys(raw: str) -> list[str]:
    for key in words(raw):
        try:
            Fernet(key)
        except ValueError:
            raise ValueError("must be Fernet keys (32 bytes in url-safe base64), the newest first") from None
    return words(raw)


def secret(raw: str) -> str:
    if len(raw) < 32:
        raise ValueError("must have at least 32 characters")
    return raw


def postgresql(raw: str) -> dict[str, Any]:
    """Read postgresql://user:password@host:port/name?sslmode=…; `?host=/directory` means a unix socket."""
    parts = urlsplit(raw)
    if parts.scheme not in {"postgres", "postgresql"} or not parts.path.strip("/"):
        raise ValueError("must be an address like postgresql://user:password@host:5432/name")
    options = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    return {
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", None) or unquote(parts.hostname or ""),
        "PORT": str(parts.port or options.pop("port", "")),
        "OPTIONS": options,
    }


def redis_address(raw: str) -> str:
    if urlsplit(raw).scheme not in {"redis", "rediss", "unix"}:
        raise ValueError("must be an address like redis://host:6379/0")
    return raw


class MailServer(NamedTuple):
    """Through whom e-mail goes; without a host, none does."""

    host: str
    port: int
    user: str
    password: str
    starttls: bool
    tls: bool


NO_MAIL = MailServer("", 25, "", "", starttls=False, tls=False)


def smtp(raw: str) -> MailServer:
    """Read smtp://user:password@host:587 (STARTTLS), smtps://… (TLS from the start) or smtp+plain://… (neither)."""
    parts = urlsplit(raw)
    ports = {"smtp": 587, "smtps": 465, "smtp+plain": 25}
    try:
        port = parts.port
    except ValueError:
        port = 0
    if parts.scheme not in ports or not parts.hostname or port == 0:
        raise ValueError("must be an address like smtp://user:password@mail.example.com:587")
    return MailServer(
        host=parts.hostname,
        port=port or ports[parts.scheme],
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        starttls=parts.scheme == "smtp",
        tls=parts.scheme == "smtps",
    )


def kept_secrets(data_dir: Path) -> dict[str, str]:
    """Return the two secrets of an installation that was given none, made once and kept in its data directory.

    Several machines must share them, so a production shape gives them in the environment instead.
    """
    path = data_dir / "secrets.json"
    for _ in range(2):
        try:
            return dict(json.loads(path.read_text()))
        except FileNotFoundError:
            data_dir.mkdir(parents=True, exist_ok=True)
            made = {"SECRET_KEY": secrets.token_urlsafe(48), "FIELD_ENCRYPTION_KEYS": Fernet.generate_key().decode()}
            draft = data_dir / f"secrets.{os.getpid()}.{secrets.token_hex(4)}"
            draft.touch(mode=0o600)
            draft.write_text(json.dumps(made))
            # link() fails where another process was first; the loop then reads what that one wrote.
            try:
                os.link(draft, path)
            except FileExistsError:
                pass
            finally:
                draft.unlink()
    raise refuse("DATA_DIR", "cannot keep secrets.json")
