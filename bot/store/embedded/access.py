"""How the embedded MongoDB is reached: its address, and the key without which nobody gets in.

The key is made at the first start and stays in the file `key` of the server's directory, which is its owner's
alone. It is the server's key file, by which authorization is on, and the password of its one user.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from bot.durable import sync

HOST = "127.0.0.1"
USER = "feedback-bot"
_SYSTEM = "__system"
"""Whom a key file lets in by itself, before there are users."""
_MODE = 0o600


@dataclass(frozen=True, slots=True)
class Access:
    """A server, and the right to use it.

    Attributes:
        key: None: it runs without, since an earlier release has started it.
        host: by which clients find it, and it finds itself.
    """

    port: int
    key: str | None
    host: str = HOST

    @property
    def address(self) -> str:
        """Where it is, for people and logs: without the key."""
        return f"mongodb://{self.host}:{self.port}/?directConnection=true"

    @property
    def url(self) -> str:
        """The connection string."""
        return self._url(USER, "admin")

    @property
    def system_url(self) -> str:
        """The connection string of the server itself, which may do everything."""
        return self._url(_SYSTEM, "local")

    def _url(self, user: str, source: str) -> str:
        if self.key is None:
            return self.address
        return (
            f"mongodb://{user}:{self.key}@{self.host}:{self.port}/?directConnection=true&authSource={source}"
        )


def key_file(directory: Path) -> Path:
    """Where the key of a server's directory is."""
    return directory / "key"


def read_key(directory: Path) -> str:
    """The key that was made before.

    Raises:
        OSError: there is none, or it cannot be read.
    """
    return key_file(directory).read_text(encoding="ascii").strip()


def ensure_key(directory: Path) -> str:
    """The key; it is made if there is none. Only for whoever has the right to run the server.

    Raises:
        OSError: it cannot be read, or written.
    """
    path = key_file(directory)
    if not path.exists():
        fresh = path.with_suffix(".new")
        file = os.open(fresh, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, _MODE)
        with os.fdopen(file, "w", encoding="ascii") as opened:
            opened.write(secrets.token_hex(32))
            opened.flush()
            sync(opened.fileno())
        fresh.replace(path)
    path.chmod(_MODE)  # mongod takes no other
    return read_key(directory)
