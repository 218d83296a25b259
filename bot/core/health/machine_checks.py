"""Judgements about this machine: disk, clock, time zone, journal, the running service."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Literal
from zoneinfo import ZoneInfo

from bot.core.answers.rules import WEEKDAYS
from bot.core.health.doctor_report import Finding, fail, ok, skip, warn
from bot.core.health.vitals import DRAINED_WITHIN, POLLED_WITHIN
from bot.core.i18n.language import Language
from bot.core.inbox.journal_loss import TOLD_FOR, JournalLoss
from bot.core.inbox.journal_loss_texts import lacks
from bot.core.shared.clock import iso_utc
from bot.core.shared.formatting import count

LITTLE_SPACE = 2**30
"""Bytes. Below this the embedded MongoDB, or an outage's journal, soon have no room."""
NO_SPACE = 100 * 2**20
"""Bytes. Below this MongoDB stops at any moment."""
OFF = timedelta(seconds=5)
"""A clock that is wrong by this is worth a word."""
FAR_OFF = timedelta(seconds=60)
"""A clock that is wrong by this asks at wrong times."""

_DEAD_LETTERS = "SELECT seq, error, raw FROM updates WHERE state = 2"


def judge_space(free: int, path: str) -> Finding:
    """The disk on which DATA_DIR is; `free` in bytes."""
    message = f"{_size(free)} free for {path}"
    cure = "free space there, or set DATA_DIR to a directory on a larger disk"
    if free < NO_SPACE:
        return fail("disk", message, cure)
    return warn("disk", message, cure) if free < LITTLE_SPACE else ok("disk", message)


def judge_owner(data_dir: str, owner: str) -> Finding:
    """A DATA_DIR of another user: `owner` is that user's name."""
    return warn(
        "data",
        f"{data_dir} belongs to {owner}, who could not use what another user makes there",
        f"run this as that user: sudo -u {owner} env DATA_DIR={data_dir} .venv/bin/python -m bot doctor",
    )


def platform_of(environment: Mapping[str, str]) -> str | None:
    """On which platform with disks that do not last this runs, as far as its variables tell."""
    return next((name for name, sign in _PLATFORMS if any(map(sign.match, environment))), None)


def judge_lasting(platform: str, data_dir: str, *, has_database: bool) -> Finding:
    """A DATA_DIR that goes with each restart.

    Args:
        has_database: whether the embedded MongoDB is there, too.
    """
    lost = "the journal and the database" if has_database else "the journal"
    return warn(
        "data",
        f"{data_dir} is on the machine's own disk, which on {platform} does not outlive a restart: {lost}"
        " would be lost with it",
        f"set JOURNAL=mongodb{' and MONGO_URL' if has_database else ''}, or mount a volume and set DATA_DIR"
        " to it (docs/operations.md)",
    )


_PLATFORMS = (
    ("Dokku", re.compile(r"DOKKU_")),  # which names its processes as Heroku does
    ("Heroku", re.compile(r"DYNO$")),
    ("Render", re.compile(r"RENDER$")),
    ("Railway", re.compile(r"RAILWAY_(PROJECT_ID|ENVIRONMENT)")),
    ("Fly.io", re.compile(r"FLY_APP_NAME$")),
    ("Koyeb", re.compile(r"KOYEB_(APP|SERVICE)_NAME$")),
)


def skew_of(date: str, now: datetime) -> timedelta | None:
    """How much `now` is ahead of an HTTP `Date` header, which has no fractions; None if that is no date."""
    try:
        theirs = parsedate_to_datetime(date)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    if theirs.tzinfo is None:
        return None
    skew = now - theirs
    # What was cut off may be anything below a second.
    return max(timedelta(), skew - timedelta(seconds=1)) if skew > timedelta() else skew


def judge_privacy(open_paths: Mapping[str, str]) -> Iterator[Finding]:
    """Files with secrets or athletes' words that other accounts of this machine can read.

    Args:
        open_paths: each with what is in it.
    """
    for path, content in open_paths.items():
        yield warn(
            "data",
            f"other accounts of this machine can read {path} ({content})",
            f"chmod -R o-rwx {shlex.quote(path)}",
        )


def judge_clock(skews: Mapping[str, timedelta]) -> Finding:
    """The machine's clock against others.

    Args:
        skews: how much ours is ahead, by whose the other is.
    """
    if not skews:
        return skip("clock", "neither Telegram nor MongoDB tells the time")
    said = ", ".join(
        f"{abs(skew).total_seconds():.1f} s {'ahead of' if skew >= timedelta() else 'behind'} {name}"
        for name, skew in skews.items()
    )
    message = f"this machine's clock is {said}"
    worst = max(abs(skew) for skew in skews.values())
    if worst < OFF:
        return ok("clock", message)
    # If MongoDB's alone differs, it is that machine's clock that is wrong.
    where = ""
    if "Telegram" in skews and abs(skews["Telegram"]) < OFF:
        where = " (on the machine of MongoDB)"
    cure = f"sudo timedatectl set-ntp true{where}; timedatectl status shows whether it is synchronized"
    return fail("clock", message, cure) if worst >= FAR_OFF else warn("clock", message, cure)


def judge_zone(zone: ZoneInfo, machine: tzinfo | None, now: datetime, *, is_set: bool) -> Finding:
    """The zone of session dates.

    Args:
        machine: the machine's own; None where it does not tell.
        is_set: whether the operator chose `zone`.
    """
    local = now.astimezone(zone)
    message = (
        f"{zone.key}: it is {local:%H:%M} there, and a session asked about now is of"
        f" {WEEKDAYS[local.weekday()]} {local.date().isoformat()}"
    )
    if is_set or machine is None or not _differ(zone, machine, now):
        return ok("timezone", message)
    name = str(machine)
    return warn(
        "timezone",
        f"TIMEZONE is not set, which means {message}; but this machine's zone is {name}",
        f"TIMEZONE={name} (or TIMEZONE=UTC, if that is meant)",
    )


def _differ(one: tzinfo, other: tzinfo, now: datetime) -> bool:
    """Whether two zones differ in summer or winter: London's and UTC's do."""
    instants = [datetime(now.year, month, 15, tzinfo=UTC) for month in (1, 7)]
    return any(at.astimezone(one).utcoffset() != at.astimezone(other).utcoffset() for at in instants)


def judge_service(*, is_running: bool, last_poll: datetime | None, now: datetime, data_dir: str) -> Finding:
    """Whether `run` runs on this DATA_DIR, and the bot gets through to Telegram.

    Args:
        last_poll: the last one that succeeded, of whichever run or service, or the last look that found the
            webhook well; None if there was none.
    """
    if not is_running:
        return ok("service", f"`run` is not running on {data_dir}; start it with: feedback-bot run")
    if last_poll is None or now - last_poll > POLLED_WITHIN:
        when = "never yet" if last_poll is None else f"last at {iso_utc(last_poll)}"
        return warn(
            "service",
            f"`run` is running on {data_dir}, but Telegram was reached {when}",
            "its log says why: Telegram is away, a webhook is set, or another program polls with this token"
            " (stop that program, or give it a token of its own)",
        )
    seconds = max(0.0, (now - last_poll).total_seconds())
    return ok("service", f"`run` is running on {data_dir}, and Telegram was reached {seconds:.0f} s ago")


def judge_loss(
    loss: tuple[JournalLoss, datetime] | None, now: datetime, path: str, where: str = "files in DATA_DIR"
) -> Iterator[Finding]:
    """A recent loss of the journal, and when it was noticed; `where` may have been meddled with."""
    if loss is not None and now - loss[1] <= TOLD_FOR:
        found, found_at = loss
        yield warn(
            "journal",
            f"{path} lacks {lacks(found, Language.EN)}, noticed at {iso_utc(found_at)}",
            f"what is unanswered was asked again; find out what deleted or replaced {where}",
        )


def judge_missing(missing: JournalLoss | None, path: str, *, is_there: bool) -> Finding | None:
    """A journal that is not what was there before, and that no service has begun to use yet."""
    if missing is None:
        return None
    what = "is shorter than it was" if is_there else "is gone"
    return warn(
        "journal",
        f"{path} {what}: it lacks {lacks(missing, Language.EN)}",
        "put back the newest copy (docs/backup.md); or start `run`, which goes on without them and asks again"
        " for what is unanswered",
    )


def judge_journal(
    *,
    damage: str | None,
    pending: int,
    oldest_pending: datetime | None,
    dead: int,
    oldest_dead: datetime | None,
    is_served: bool,
    now: datetime,
    path: str,
    to_look: str | None = None,
) -> Iterator[Finding]:
    """The journal of updates.

    Args:
        to_look: the command that shows dead letters; None: of a file at the path.
        damage: what SQLite finds wrong; None if nothing.
        is_served: whether a service processes what is pending.
    """
    if damage is not None:
        yield fail(
            "journal",
            f"{path} is damaged ({damage})",
            "stop `run` and restore the file from a backup (docs/backup.md); without one: sqlite3"
            f" {path} .recover | sqlite3 {path}.new, then put that in its place",
        )
        return
    if pending and oldest_pending is not None:
        waits = f"{count(pending, 'update')} not processed, the oldest for {_age(now - oldest_pending)}"
        if not is_served:
            yield warn("journal", waits, "start the service: feedback-bot run")
        elif now - oldest_pending > DRAINED_WITHIN:
            yield warn("journal", waits, "see the lines `mongodb` and `rights`, and the log of `run`")
        else:
            yield ok("journal", waits)
    elif pending:  # no tap is among them
        yield ok("journal", f"{count(pending, 'update')} not processed yet")
    if dead and oldest_dead is not None:
        yield warn(
            "journal",
            f"{count(dead, 'dead letter')} that nobody could read, the oldest {_age(now - oldest_dead)} old",
            f"look at them with: {to_look or f'sqlite3 {path} {_DEAD_LETTERS!r}'}; newer ones displace them",
        )
    if not pending and not dead:
        yield ok("journal", f"{path} is sound, and nothing waits in it")


def judge_unreadable(finding: Finding, *, is_served: bool) -> Finding:
    """The finding about an unreadable journal; a running service has it open and puts it back itself."""
    if finding.level != "FAIL" or finding.check != "journal" or not is_served:
        return finding
    return replace(finding, cure="move that file away: `run`, which has the journal open, puts it back")


def judge_left(path: str, number: int) -> Finding:
    """The journal of before, in which updates wait although JOURNAL was changed."""
    waits = f"{path} is from before JOURNAL=mongodb, and {count(number, 'update')} in it are not processed"
    return warn("journal", waits, "start `run` here: it takes them up")


def judge_kept_aside(paths: Iterable[str]) -> Iterator[Finding]:
    """Files that were kept of damaged journals."""
    for path in paths:
        yield warn(
            "journal",
            f"{path} was kept of a damaged journal; it may hold what athletes wrote, and /forgetme does not"
            " reach it",
            "look whether you need it (docs/operations.md), then delete it",
        )


PortState = Literal["free", "ours", "taken", "unusable"]


def judge_http(address: str, state: PortState, *, is_running: bool, detail: str = "") -> Finding:
    """The port of the HTTP API.

    Args:
        state: `ours` if a feedback bot answers there.
        detail: the system's reason why it is unusable.
    """
    if state == "unusable":
        return fail("http", f"{address} cannot be listened on ({detail})", "correct HTTP_HOST and HTTP_PORT")
    if state == "taken" or (state == "ours" and not is_running):
        whose = "another bot" if state == "ours" else "another program"
        return fail("http", f"{address} is taken by {whose}", "stop it, or set another HTTP_PORT")
    if state == "free" and is_running:
        return warn(
            "http",
            f"{address} is free, although `run` is running: it was started with other settings",
            "start `run` again",
        )
    return ok("http", f"{address} {'answers' if state == 'ours' else 'is free'}")


def open_without_tls(host: str, *, has_proxy: bool) -> tuple[str, str] | None:
    """What is wrong with listening there, in a sentence, and its cure; None: nothing.

    Args:
        host: HTTP_HOST.
        has_proxy: whether a proxy with TLS is known to stand in front.
    """
    if has_proxy or _is_loopback(host):
        return None
    return (
        f"HTTP_HOST={host} lets other machines in, and HTTP_TOKEN and all answers travel there in plain text",
        "put a proxy with TLS in front and set HTTP_BEHIND_PROXY=true, or set HTTP_HOST=127.0.0.1",
    )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _size(size: int) -> str:
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size // 2**20} MiB"


def _age(age: timedelta) -> str:
    seconds = max(0, int(age.total_seconds()))
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            return count(seconds // size, unit)
    return count(seconds, "second")
