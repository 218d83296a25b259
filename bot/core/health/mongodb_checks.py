"""Judgements about MongoDB: the server, the rights, and what is in it: indexes, dates, plans, services."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any

from bot.core.health.doctor_report import Finding, fail, ok, warn
from bot.core.inbox.journal_loss import SILENT_AFTER, KnownJournal, left_alone
from bot.core.inbox.lease import Peer
from bot.core.people.athlete import Roster
from bot.core.plans.ownership import Decision, JudgedPlan, Standing, judge_all, replaced
from bot.core.shared.formatting import count

OLDEST_SERVER = (5, 0)
"""The first MongoDB that understands the bot's updates."""
SLOW = timedelta(milliseconds=500)
"""A reply that takes this long, since a tap takes several."""
SHOWN = 10
"""So many plans are named."""

# CVE-2025-14847, by MongoDB's advisory: of each release the first patch without it. Older releases keep it.
_FLAW_MENDED_IN = {(4, 4): 30, (5, 0): 32, (6, 0): 27, (7, 0): 28, (8, 0): 17, (8, 2): 3}
_NEWEST_WITH_FLAW = (8, 3)

_NONE: Mapping[str, Decision] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Server:
    """A MongoDB server, as it describes itself.

    Attributes:
        version: such as `6.0.5`.
        has_set: whether it is a replica set, or a cluster of them.
        user, user_db: who we are there, and where that user is kept; None without authentication.
        latency: of one small command.
        takes_zlib: whether it takes compressed messages, of the kind with the flaw.
    """

    version: str
    has_set: bool
    user: str | None
    user_db: str | None
    latency: timedelta
    takes_zlib: bool = False


def judge_server(server: Server, place: str) -> Iterator[Finding]:
    """The server by itself."""
    who = "without a user" if server.user is None else f"as {server.user}"
    kind = "replica set" if server.has_set else "no replica set"
    ms = server.latency / timedelta(milliseconds=1)
    told = f"version {server.version}, {place}, {kind}, {who}, answers in {ms:.0f} ms"
    oldest = ".".join(map(str, OLDEST_SERVER))
    if _version(server.version) < OLDEST_SERVER:
        yield fail("mongodb", f"{told}; {oldest} is needed", f"upgrade the server to {oldest} or newer")
    elif server.latency >= SLOW:
        yield warn("mongodb", told, "move the bot nearer to it, or look at what loads the server")
    else:
        yield ok("mongodb", told)
    if server.takes_zlib and _gives_memory_away(server.version):
        yield warn(
            "mongodb",
            f"version {server.version} gives its memory away to whoever reaches its port, passwords included"
            " (CVE-2025-14847)",
            "upgrade the server to 6.0.27, 7.0.28, 8.0.17 or newer, or start it with"
            " --networkMessageCompressors disabled",
        )
    if not server.has_set:
        yield warn(
            "mongodb",
            "no replica set: `record-run` and `write --strict` do not work, and new plans are noticed up to"
            " 20 s later",
            'start mongod with --replSet rs0, run once: mongosh --eval "rs.initiate()", and add'
            " ?replicaSet=rs0 to MONGO_URL",
        )


def _gives_memory_away(version: str) -> bool:
    major, minor, patch = (*_version(version, 3), 0, 0, 0)[:3]
    return (major, minor) < _NEWEST_WITH_FLAW and patch < _FLAW_MENDED_IN.get((major, minor), math.inf)


def _version(text: str, parts: int = 2) -> tuple[int, ...]:
    found = text.split("-", maxsplit=1)[0].split(".")[:parts]
    return tuple(int(part) for part in found if part.isdigit())


@dataclass(frozen=True, slots=True)
class Rights:
    """The operations that MongoDB refused in a scratch collection.

    Attributes:
        refused: of `insert`, `update`, `delete`, `createIndex`, `collMod`, `drop`, in this order.
        role: the bot's own role, if that is what the user has; it allows no such try.
        lacking: what the role should grant and does not, such as `insert on taps`.
    """

    refused: tuple[str, ...] = ()
    role: str | None = None
    lacking: tuple[str, ...] = ()


def judge_rights(rights: Rights, server: Server, db_name: str) -> Finding:
    """Whether the bot may do what it does."""
    if rights.role is not None and rights.lacking:
        return fail(
            "rights",
            f"{server.user!r} may not {', '.join(rights.lacking)}: the role {rights.role} is of another"
            " version",
            'as an administrator: mongosh "$ADMIN_URL" --file scripts/create_roles.js',
        )
    if rights.role is not None:
        return ok(
            "rights",
            f"{server.user!r} has the role {rights.role} on {db_name!r}: all that `run` does, and no more;"
            " indexes are for the user that runs bootstrap",
        )
    if not rights.refused:
        return ok(
            "rights", f"writes to {db_name!r} reach a majority's disks, and indexes may be made and changed"
        )
    refused = ", ".join(rights.refused)
    who = (
        "a MONGO_URL without a user"
        if server.user is None
        else f"{server.user!r} (of database {server.user_db!r})"
    )
    message = f"MongoDB refuses {who} on {db_name!r}: {refused}"
    cure = grant(server, db_name)
    # Without the right to change an index, only a change of retention fails; a scratch collection may stay.
    if set(rights.refused) <= {"collMod", "drop"}:
        return warn("rights", message, cure)
    return fail("rights", message, cure)


def grant(server: Server, db_name: str) -> str:
    """The command that gives the rights."""
    if server.user is None:
        return "put user and password into MONGO_URL, before the host and an @"
    roles = [{"role": role, "db": db_name} for role in ("readWrite", "dbAdmin")]
    return (
        f"as an administrator, in mongosh: db.getSiblingDB({json.dumps(server.user_db)})"
        f".grantRolesToUser({json.dumps(server.user)}, {json.dumps(roles)})"
    )


@dataclass(frozen=True, slots=True)
class IndexState:
    """One index against the declaration.

    Attributes:
        name: with its collection, such as `run_events.runId_1`.
        is_missing: not there at all; else it is there, and `detail` says what is otherwise.
        obstacle: what `bootstrap` would stumble over, with the cure; empty if nothing.
    """

    name: str
    is_missing: bool
    detail: str = ""
    obstacle: str = ""


def judge_indexes(states: Sequence[IndexState], declared: int) -> Iterator[Finding]:
    """The indexes that are not as declared.

    Args:
        declared: how many there should be.
    """
    missing = [state for state in states if state.is_missing and not state.obstacle]
    if missing and len(missing) == declared:
        yield warn(
            "indexes", f"none of {declared} is there yet", "feedback-bot bootstrap (`run` does so, too)"
        )
    elif missing:
        yield fail(
            "indexes", f"missing: {', '.join(state.name for state in missing)}", "feedback-bot bootstrap"
        )
    for state in states:
        if state.obstacle:
            message, _, cure = state.obstacle.partition("; ")
            yield fail("indexes", f"{state.name}: {message}", cure or "feedback-bot bootstrap")
        elif not state.is_missing:
            yield warn("indexes", f"{state.name} is otherwise: {state.detail}", "feedback-bot bootstrap")
    if not states:
        yield ok("indexes", f"all {declared} are as declared")


def judge_dates(odd: Iterable[tuple[str, str]]) -> Iterator[Finding]:
    """Timestamps that are no dates: what is wrong, with the cure of each."""
    found = [warn("dates", message, cure) for message, cure in odd]
    yield from found or [ok("dates", "every timestamp is a date, so that documents expire")]


def judge_plans(
    documents: Iterable[Mapping[str, Any]],
    roster: Roster,
    monday: date,
    known: Mapping[str, Decision] = _NONE,
) -> Iterator[Finding]:
    """Plans of this week and later that the bot cannot make questions of, or finds odd; but for those that
    newer ones have replaced, or that were withdrawn.

    Args:
        monday: the first day of this week.
        known: what was decided about plans, by their names.
    """
    judged = judge_all(documents, known, roster)
    current = [
        plan
        for plan in judged
        if plan.standing in (Standing.ACCEPTED, Standing.REFUSED) and not plan.is_over(monday)
    ]
    settled = replaced(current, judged, roster)
    current = [plan for plan in current if plan.name not in settled]
    flawed = [plan for plan in current if plan.flaw is not None]
    for plan in flawed[:SHOWN]:
        yield _refused(plan)
    if len(flawed) > SHOWN:
        yield warn("plans", f"and {len(flawed) - SHOWN} more", "`plan list` shows them all")
    odd = [(plan, warning) for plan in current for warning in plan.warnings]
    for plan, warning in odd[:SHOWN]:
        yield warn("plans", f"plan {_named(plan)}: {warning}", "correct it, unless it is meant so")
    if not flawed and not odd:
        yield ok("plans", f"{count(len(current), 'plan')} of this week and later, and all can be used")


def _refused(plan: JudgedPlan) -> Finding:
    assert plan.flaw is not None  # noqa: S101 # it is refused
    message, _, cure = plan.flaw.cure.partition("; ")
    return warn(
        "plans",
        f"plan {_named(plan)} cannot be used: {plan.flaw.field}: {message}",
        cure or "correct it",
    )


def _named(plan: JudgedPlan) -> str:
    return json.dumps(plan.name[:100])


def judge_services(peers: Sequence[Peer]) -> Finding:
    """The services that share the bot: which one polls and sends, who stands by, who has fallen silent."""
    lost = [
        f"{peer.host} (since {peer.seen_ago.total_seconds():.0f} s)" for peer in peers if not peer.is_alive
    ]
    there = [f"{peer.host} {_part(peer)}" for peer in peers if peer.is_alive]
    if not peers:
        return ok("services", "none is running on this database")
    if lost:
        return warn(
            "services",
            f"nothing is heard of {', '.join(lost)}; {', '.join(there) or 'no other is running'}",
            "start it again, or stop it with SIGTERM next time, which lets the others know",
        )
    if not any(peer.polls for peer in peers):
        duty = "sends questions" if all(peer.is_pushed for peer in peers) else "polls"
        return warn(
            "services",
            f"{', '.join(there)}, and nobody {duty}",
            "ask again in half a minute; if it stays so, the log of each service says why",
        )
    return ok("services", ", ".join(there))


def judge_journals(journals: Iterable[KnownJournal]) -> Iterator[Finding]:
    """The journals of other services: those with something to process, of which nothing is heard."""
    for journal in left_alone(journals, SILENT_AFTER):
        number = journal.numbers.last - journal.numbers.done
        minutes = int(journal.seen_ago.total_seconds() // 60)
        yield warn(
            "services",
            f"the journal in {journal.path} on {journal.host} has up to {count(number, 'update')} that"
            f" are not processed, and nothing was heard of it for {count(minutes, 'minute')}",
            "start `run` there again: it stores them",
        )


def _part(peer: Peer) -> str:
    if peer.is_pushed:
        return "takes updates and sends questions" if peer.polls else "takes updates"
    return "polls" if peer.polls else "stands by"
