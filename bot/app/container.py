"""Makes the MongoDB of compose.yaml ready: replica set, roles, users, indexes, and the files that hand each
program its secrets. It may be run any number of times.

Each program's secrets are in a directory of its own, so that none sees another's.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from bot.core.records.declaration import Index
from bot.core.shared.errors import ConfigError, EmbeddedMongoError, StorageRejected
from bot.durable import sync, sync_folder
from bot.settings import DEFAULT_DB
from bot.store.embedded.access import Access
from bot.store.embedded.primary import REPLICA_SET, become_primary, client_of
from bot.store.mongodb.client import Database, connect, storage_errors
from bot.store.mongodb.indexes import bootstrap
from bot.store.mongodb.roles import COACH, ROLES, SERVICE, Role

BOT_URL = "http://bot:8080"
"""The HTTP API, as other containers reach it."""
READY_WITHIN = 180.0
"""Seconds; a server that was killed replays its journal first."""

# The users of MongoDB, by the directory in which each finds its password. The bot serves the HTTP API, which
# writes for the planner.
_USERS: Mapping[str, tuple[str, Sequence[Role]]] = {
    "bot": ("bot", (SERVICE, COACH)),
    "n8n": ("planner", (COACH,)),
}
_LOCAL_URL = "http://127.0.0.1:8080"  # in the workflows as they are
_READABLE = 0o444  # by each program's own user: who gets at a directory is for compose.yaml to say


async def prepare(
    address: str,
    key_file: Path,
    into: Path,
    workflows: Iterable[Path],
    indexes: Sequence[Index],
    http_token: str | None = None,
) -> list[str]:
    """Make it all, or bring it up to date.

    Args:
        address: host and port of MongoDB, by which all programs reach it.
        key_file: its key file.
        into: where the directories `bot`, `n8n` and `grafana` are.
        workflows: n8n's workflows and credentials.
        indexes: see `bootstrap`.
        http_token: HTTP_TOKEN, where it is set; else one is made.

    Returns:
        What is there now, a line each.

    Raises:
        ConfigError: the address is none.
        EmbeddedMongoError: MongoDB cannot be made ready, or a file cannot be read or written.
        StorageError: it refuses something.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise ConfigError(f"--address: {address!r} is not host:port; write one such as mongodb:27017")
    try:
        access = Access(int(port), _read(key_file), host)
        await _make_ready(access)
        lines = await _fill(access, into, indexes)
        if http_token is None:
            _kept(into / "bot" / "http_token")
        else:
            _write(into / "bot" / "http_token", http_token)
        _hand_workflows(workflows, into / "n8n")
    except OSError as exc:
        raise EmbeddedMongoError(
            f"{exc.filename} cannot be used ({exc.strerror}): run this as compose.yaml does, as the user that"
            f" runs MongoDB"
        ) from None
    return lines


async def _make_ready(access: Access) -> None:
    try:
        async with asyncio.timeout(READY_WITHIN):
            await become_primary(access)
    except TimeoutError:
        raise EmbeddedMongoError(
            f"MongoDB at {access.host}:{access.port} is not ready within {READY_WITHIN:.0f} s:"
            f" docker compose logs mongodb says why"
        ) from None


async def _fill(access: Access, into: Path, indexes: Sequence[Index]) -> list[str]:
    lines = []
    async with client_of(access) as client:
        db = client[DEFAULT_DB]
        with storage_errors():
            await _make_roles(db)
            for directory, (user, roles) in _USERS.items():
                password = _kept(into / directory / "password")
                await _make_user(db, user, password, roles)
                place = f"{access.host}:{access.port}/{DEFAULT_DB}?replicaSet={REPLICA_SET}"
                _write(into / directory / "mongo_url", f"mongodb://{user}:{password}@{place}")
                lines.append(f"user {user} of MongoDB: {', '.join(role.name for role in roles)}")
    _kept(into / "grafana" / "password")
    db = connect(access.url, DEFAULT_DB, DEFAULT_DB)
    try:
        reports = await bootstrap(db, indexes)
    finally:
        await db.client.close()
    if failed := [str(report) for report in reports if report.outcome == "failed"]:
        raise StorageRejected(f"index {failed[0]}")
    return [*lines, f"{len(reports)} indexes in place"]


async def _make_roles(db: Database) -> None:
    known = {role["role"] for role in (await db.command("rolesInfo", 1))["roles"]}
    for role in ROLES:
        command = "updateRole" if role.name in known else "createRole"
        await db.command(command, role.name, privileges=role.privileges(db.name), roles=[])


async def _make_user(db: Database, name: str, password: str, roles: Sequence[Role]) -> None:
    known = (await db.command("usersInfo", name))["users"]
    command = "updateUser" if known else "createUser"
    await db.command(command, name, pwd=password, roles=[role.name for role in roles])


def _hand_workflows(workflows: Iterable[Path], into: Path) -> None:
    """n8n's files, filled in with the addresses and secrets of the containers."""
    for path in workflows:
        text = path.read_text(encoding="utf-8").replace(_LOCAL_URL, BOT_URL)
        if path.name == "credentials.json":
            credentials = json.loads(text)
            url, token = _read(into / "mongo_url"), _read(into.parent / "bot" / "http_token")
            for credential in credentials:
                data = credential["data"]
                if "token" in data:
                    data["token"] = token
                else:
                    data |= {"connectionString": url, "database": DEFAULT_DB}
            text = json.dumps(credentials)
        _write(into / path.name, text)


def _kept(path: Path) -> str:
    """The secret of a file; it is made if there is none, or nothing in it."""
    if not path.exists() or not _read(path):
        _write(path, secrets.token_urlsafe(32))
    return _read(path)


def _read(path: Path) -> str:
    return path.read_text(encoding="ascii").strip()


def _write(path: Path, text: str) -> None:
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    with fresh.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        sync(file.fileno())
    fresh.chmod(_READABLE)
    fresh.replace(path)
    sync_folder(path.parent)
