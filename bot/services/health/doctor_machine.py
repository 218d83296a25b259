"""The checks of `doctor` on this machine: DATA_DIR, the journal, the HTTP port, the zone."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import socket
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from datetime import tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.core.health import machine_checks as machine
from bot.core.health.doctor_report import Finding, fail, ok
from bot.core.health.machine_checks import PortState
from bot.core.inbox.journal_loss import JournalLoss, JournalNumbers, missing
from bot.core.shared.clock import Clock, from_ms
from bot.store.inbox.disk_journal import DiskJournal
from bot.store.inbox.journal import LAST_POLL_FACT, read_loss
from bot.store.inbox.journal_file import read_witness
from bot.store.inbox.mongodb_journal import COLLECTION, PLACE, MongoJournal

_LOCALTIME = Path("/etc/localtime")
_TIMEZONE = Path("/etc/timezone")
_OURS = b'{"status":"ok"}'  # what /healthz says
_MOST_READ = 65_536


def look_at_data_dir(data_dir: Path) -> tuple[list[Finding], bool]:
    """Whether DATA_DIR can be written to, or made, and how much space there is. It is not made here."""
    is_there = True
    try:
        there = next(path for path in (data_dir, *data_dir.absolute().parents) if path.exists())
        is_there = there == data_dir
        _try(there, is_there=is_there)
        free = shutil.disk_usage(there).free
    except OSError as exc:
        cure = f"sudo chown -R $(id -un) {data_dir}, free disk space, or set DATA_DIR to another directory"
        what = "written to" if is_there else "made"
        return [fail("data", f"{data_dir} cannot be {what} ({exc.strerror})", cure)], False
    can = "can be written to" if is_there else "is not there yet; `run` makes it"
    findings = [ok("data", f"{data_dir.resolve()} {can}"), machine.judge_space(free, str(data_dir))]
    kept = sorted(
        path.name for pattern in ("damaged", "left-over") for path in data_dir.glob(f"*.{pattern}-*")
    )
    findings += machine.judge_kept_aside(str(data_dir / name) for name in kept)
    if is_there and not is_ours(data_dir):
        findings.append(machine.judge_owner(str(data_dir), _owner(data_dir)))
    return findings, True


def look_at_privacy(data_dir: Path, env_file: Path) -> list[Finding]:
    """Whether other accounts of this machine can read settings and data, by the permissions of the files."""
    contents = {env_file: "token and passwords"}
    if _is_open(data_dir):  # else nobody gets at what is in it
        contents[data_dir / "journal.sqlite3"] = "answers and notes"
        contents[data_dir / "mongodb"] = "the database"
    return list(machine.judge_privacy({str(path): it for path, it in contents.items() if _is_open(path)}))


def is_short_lived(data_dir: Path, environment: Mapping[str, str], root: Path = Path("/")) -> str | None:
    """The platform on which DATA_DIR goes with each restart, being on the root disk; None elsewhere."""
    if (platform := machine.platform_of(environment)) is None:
        return None
    there = next(path for path in (data_dir, *data_dir.absolute().parents) if path.exists())
    return platform if there.stat().st_dev == root.stat().st_dev else None


async def look_at_shared_journal(
    journal: MongoJournal, known: JournalNumbers | None, clock: Clock, *, is_served: bool
) -> list[Finding]:
    """The journal in MongoDB, and what it tells of the services.

    Args:
        known: how far it was, as the register has it.

    Raises:
        JournalError: it cannot be read.
    """
    state, facts, now = await journal.state(), await journal.facts(), clock()
    polled_ms = facts.get(LAST_POLL_FACT)
    lack = None if is_served or known is None else missing(known, await journal.reach())
    return [
        machine.judge_service(
            is_running=is_served,
            last_poll=None if polled_ms is None else from_ms(polled_ms),
            now=now,
            data_dir=PLACE,
        ),
        *machine.judge_loss(read_loss(facts), now, PLACE, f"the collection {COLLECTION}"),
        *filter(None, [machine.judge_missing(lack, PLACE, is_there=True)]),
        *machine.judge_journal(
            damage=None,
            pending=state.pending,
            oldest_pending=state.oldest_pending,
            dead=state.dead,
            oldest_dead=state.oldest_dead,
            is_served=is_served,
            now=now,
            path=PLACE,
            to_look=f"mongosh \"$MONGO_URL\" --eval 'db.{COLLECTION}.find({{state: 2}})'",
        ),
    ]


def _is_open(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & 0o007)
    except OSError:
        return False


def _try(directory: Path, *, is_there: bool) -> None:
    """Raise an `OSError` where DATA_DIR, or what it is to be made in, cannot be written to."""
    if is_there:
        with tempfile.NamedTemporaryFile(dir=directory, prefix=".doctor-") as file:
            file.write(b"x")
            file.flush()
            os.fsync(file.fileno())
    elif not directory.is_dir() or not os.access(directory, os.W_OK | os.X_OK):
        raise OSError(errno.EACCES, f"{directory} is no directory, or this user may not write to it")


def _owner(data_dir: Path) -> str:
    try:
        return data_dir.owner()
    except KeyError:  # a user without a name
        return f"#{data_dir.stat().st_uid}"


def is_ours(data_dir: Path) -> bool:
    """Whether what this process makes in DATA_DIR is its owner's; where there is none yet, root's is not."""
    if not data_dir.exists():
        return os.geteuid() != 0
    return data_dir.stat().st_uid == os.geteuid()


async def look_at_journal(
    journal: DiskJournal, path: Path, clock: Clock, *, is_served: bool
) -> list[Finding]:
    """The journal, and what it tells of the service.

    Args:
        journal: opened.
        path: its file.
        clock: for ages.
        is_served: whether a service runs on it.

    Raises:
        JournalError: it cannot be read.
    """
    damage = await journal.damage()
    state = await journal.state()
    facts = await journal.facts()
    polled_ms = facts.get(LAST_POLL_FACT)
    now = clock()
    # A running service writes on meanwhile, and looks itself.
    lack = None if is_served else await _lack(journal, path)
    return [
        machine.judge_service(
            is_running=is_served,
            last_poll=None if polled_ms is None else from_ms(polled_ms),
            now=now,
            data_dir=str(path.parent),
        ),
        *machine.judge_loss(read_loss(facts), now, str(path)),
        *filter(None, [machine.judge_missing(lack, str(path), is_there=True)]),
        *machine.judge_journal(
            damage=damage,
            pending=state.pending,
            oldest_pending=state.oldest_pending,
            dead=state.dead,
            oldest_dead=state.oldest_dead,
            is_served=is_served,
            now=now,
            path=str(path),
        ),
    ]


def look_for_journal(path: Path) -> Finding:
    """The journal where there is none, or an empty file."""
    known = read_witness(path)
    lack = None if known is None else missing(known[1], 0)
    made = ok("journal", f"{path} is not there yet; `run` makes it")
    return machine.judge_missing(lack, str(path), is_there=False) or made


async def _lack(journal: DiskJournal, path: Path) -> JournalLoss | None:
    """What the journal lacks of what the file beside it knows."""
    if (known := read_witness(path)) is None:
        return None
    identity, last = await journal.reach()
    return missing(known[1], last if identity in (None, known[0]) else 0)


async def look_at_port(host: str, port: int) -> tuple[PortState, str]:
    """Who has the port of the HTTP API; with the system's reason where it cannot be used."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        family, kind, protocol, _, address = found[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            # Linux lets two be bound to an address with SO_REUSEADDR as long as neither listens.
            probe.listen(1)
        return "free", ""
    except (OSError, UnicodeError) as exc:
        is_taken = isinstance(exc, OSError) and exc.errno == errno.EADDRINUSE
        if not is_taken:
            return "unusable", str(getattr(exc, "strerror", None) or exc)
    return ("ours" if await _is_healthy(host, port) else "taken"), ""


async def _is_healthy(host: str, port: int) -> bool:
    """Whether a feedback bot answers there."""
    there = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104
    with suppress(OSError):
        reader, writer = await asyncio.open_connection(there, port)
        try:
            writer.write(
                f"GET /healthz HTTP/1.1\r\nHost: {there}:{port}\r\nConnection: close\r\n\r\n".encode()
            )
            await writer.drain()
            return _OURS in await _to_the_end(reader)
        finally:
            writer.close()
    return False


async def _to_the_end(reader: asyncio.StreamReader) -> bytes:
    """What is sent until the connection closes, as far as it is read: an answer may come in pieces."""
    try:
        return await reader.readexactly(_MOST_READ)
    except asyncio.IncompleteReadError as exc:
        return exc.partial


def machine_zone(localtime: Path = _LOCALTIME, timezone: Path = _TIMEZONE) -> tzinfo | None:
    """The zone of this machine by its IANA name; None where nothing tells it.

    Args:
        localtime: what the system goes by: a link into the zones, or a copy, which has no name.
        timezone: in which Debian notes the name.
    """
    names = [os.environ.get("TZ", "").lstrip(":")]
    with suppress(OSError):
        names.append(str(localtime.resolve(strict=True)).partition("/zoneinfo/")[2])
    with suppress(OSError, UnicodeError):
        names.append(timezone.read_text(encoding="utf-8").strip())
    for name in filter(None, names):
        with suppress(OSError, ValueError, LookupError):
            return ZoneInfo(name)
    return None
