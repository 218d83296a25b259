"""The roster: `athlete add`, `list`, `pause`, `resume`, `remove`, `erase`."""

from __future__ import annotations

import json
import re
import secrets
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import click

from bot.app.database import declared_indexes, open_database
from bot.cli.people import ListedAthlete, table
from bot.cli.shared import Group, call, read_people, read_settings
from bot.core.people.athlete import (
    Athlete,
    Roster,
    check_athlete_id,
    read_athlete,
    read_hours,
    read_quiet,
    read_roster,
    read_time,
    read_zone,
)
from bot.core.people.invitations import CODE_BYTES, VALID_FOR, hash_code, make_code, make_link
from bot.core.people.pauses import read_pause_end
from bot.core.people.tombstone import DataSubject
from bot.core.shared import formatting as texts
from bot.core.shared.clock import system_clock
from bot.core.shared.errors import ConfigError, StorageRejected, TelegramError
from bot.core.shared.printable import is_name, one_line
from bot.core.shared.update_order import UpdateStamp
from bot.core.telegram.chats import ChatTopic, read_chat_topic
from bot.services.people.deletion import Deletion
from bot.settings import Settings
from bot.store.figures.invalidation import FigureInvalidation
from bot.store.mongodb.client import Database, Document
from bot.store.mongodb.indexes import bootstrap
from bot.store.people.athletes import COLLECTION, AthleteStore, UserTakenError
from bot.store.people.tombstones import TombstoneStore
from bot.store.people.users import UserStore
from bot.store.personal_data import PersonalStore

MAX_NAME = 100

_DEFAULT = "default"
_NAME_THEM = (
    "with a second athlete each new plan has to say whose it is, in athleteId, once this one has joined; the"
    " plans that are there stay whose they are"
)
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
_MAX_USER_ID = 2**63 - 1


@click.group(cls=Group)
def athlete() -> None:
    """The roster: who trains here, and whose taps count.

    Athletes on it need not be in ATHLETE_IDS. A running bot learns of changes within seconds.
    """


@athlete.command()
@click.argument("athlete_id", metavar="ID")
@click.option("--user-id", help="Their Telegram user id; without it they are invited.")
@click.option(
    "--chat-id",
    help="Where to ask, such as -1001234567890, or -1001234567890:42 for topic 42 of a group; default: in"
    " their private chat with the bot.",
)
@click.option("--name", help=f"What to call them, up to {MAX_NAME} characters.")
@click.option("--timezone", help="Their IANA zone.")
@click.option("--language", help="Their language, such as en or pt-BR.")
@click.option("--prompt-time", help="When to ask about a day's sessions, HH:MM in their zone.")
@click.option("--reminder-time", help="When to announce a day's sessions, HH:MM in their zone.")
@click.option("--nudge-after-hours", help="When to repeat a question once that nobody answers.")
@click.option("--quiet-hours", help="When to send nothing, HH:MM-HH:MM in their zone.")
def add(athlete_id: str, **options: str | None) -> None:
    """Add an athlete, or change one.

    ID is a name of your choice. Without --user-id, prints an invitation: a link that makes whoever opens it
    first this athlete. Once more without options, for somebody who has not accepted yet, it prints a new one,
    and the earlier one is void.

    Somebody whom ATHLETE_IDS lists gets a name by --user-id; what is stored of them stays theirs.

    What is not given stays as it is; `default` takes a zone or an hour back to the setting's.
    """
    settings = read_settings()
    try:
        check_athlete_id(athlete_id)
    except ValueError as exc:
        raise ConfigError(f"ID: {exc}") from None
    fields = _with_listed_user(settings, athlete_id, _read_options(options))
    added = call(settings, _add(settings, athlete_id, fields))
    click.echo(added.text)
    if added.hint is not None:
        click.echo(f"note: {added.hint}", err=True)
    if added.code is not None:
        name, trouble = call(settings, _bot_name(settings))
        if name is None:
            hint = "let them write this to the bot instead:"
            click.echo(f"warning: no link, because {trouble}; {hint}", err=True)
        click.echo(f"/start {added.code}" if name is None else make_link(name, added.code))


def _user_id(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= _MAX_USER_ID):
        raise ValueError(f"{text!r} is not a Telegram user id; write a number such as 123456")
    return int(text)


def _name(text: str) -> str:
    if len(text) > MAX_NAME or not is_name(text):
        raise ValueError(f"{text!r} is not a name; write 1 to {MAX_NAME} characters in one line")
    return text.strip()


def _language(text: str) -> str:
    if not _LANGUAGE.fullmatch(text):
        raise ValueError(f"{text!r} is not a language; write one such as en or pt-BR")
    return text


# Option: the field of the document, and how its value is read.
_OPTIONS: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "--user-id": ("userId", _user_id),
    "--chat-id": ("chatId", read_chat_topic),
    "--name": ("name", _name),
    "--language": ("language", _language),
    "--timezone": ("timezone", lambda text: read_zone(text).key),
    "--prompt-time": ("promptTime", lambda text: f"{read_time(text):%H:%M}"),
    "--reminder-time": ("reminderTime", lambda text: f"{read_time(text):%H:%M}"),
    "--nudge-after-hours": ("nudgeAfterHours", read_hours),
    "--quiet-hours": ("quietHours", lambda text: str(read_quiet(text))),
}
_WITH_DEFAULT = ("--timezone", "--prompt-time", "--reminder-time", "--nudge-after-hours", "--quiet-hours")


def _read_options(options: Mapping[str, str | None]) -> Document:
    """The fields that were given, None for those that shall be as by default.

    Raises:
        ConfigError: a value cannot be used; names the option and the cure.
    """
    fields: Document = {}
    for name, text in options.items():
        option = f"--{name.replace('_', '-')}"
        field, reader = _OPTIONS[option]
        if text is None:
            continue
        try:
            fields[field] = None if option in _WITH_DEFAULT and text == _DEFAULT else reader(text)
        except ValueError as exc:
            raise ConfigError(f"{option}: {exc}") from None
    if "chatId" in fields:
        place: ChatTopic = fields["chatId"]
        fields |= {"chatId": str(place.chat_id), "messageThreadId": place.thread_id}
    return fields


def _with_listed_user(settings: Settings, athlete_id: str, fields: Document) -> Document:
    """Somebody whom ATHLETE_IDS lists needs no invitation: there the id is the user's."""
    listed = int(athlete_id) if athlete_id.isascii() and athlete_id.isdigit() else None
    if listed not in settings.athlete_ids:
        return fields
    if fields.get("userId", listed) != listed:
        raise ConfigError(
            f"--user-id: ID {athlete_id} is the user {athlete_id} whom ATHLETE_IDS lists; choose another ID"
        )
    return {"userId": listed, **fields}


@dataclass(frozen=True, slots=True)
class _Added:
    """What `add` has done, the code of a new invitation, and what else matters from now on."""

    text: str
    code: str | None = None
    hint: str | None = None


async def _add(settings: Settings, athlete_id: str, fields: Document) -> _Added:
    async with open_database(settings) as db:
        await _make_keys(settings, db)
        store, now = AthleteStore(db), system_clock()
        try:
            before = read_roster(settings.athlete_ids, await store.all(), settings.hours())
            added = await _put(store, athlete_id, fields, now, settings.athlete_ids)
            after = read_roster(settings.athlete_ids, await store.all(), settings.hours())
            is_second = len(before.athletes) == 1 < len(after.athletes)
            return replace(added, hint=_NAME_THEM) if is_second else added
        except UserTakenError:
            other = read_roster((), await store.all(), settings.hours()).by_user(fields.get("userId"))
            whose = f"athlete {other.athlete_id!r}" if other is not None else "another athlete"
            raise ConfigError(
                f"--user-id: {fields.get('userId')} is {whose} already; change that one, or remove it first"
            ) from None


async def _put(
    store: AthleteStore, athlete_id: str, fields: Document, now: datetime, listed: Collection[int]
) -> _Added:
    documents = await store.all()
    found = [document for document in documents if document.get("athleteId") == athlete_id]
    user_id = fields.get("userId")
    is_listed = user_id in listed
    same = [it for it in documents if is_listed and it.get("userId") == user_id and it not in found]
    if same and athlete_id == str(user_id):  # who has a name by now
        athlete_id, found = str(same[0].get("athleteId")), same
    elif same and not found and same[0].get("athleteId") == str(user_id):
        await store.rename(str(user_id), athlete_id, now)
        changes = _changes(same[0], fields)
        if changes:
            await store.change(athlete_id, changes, now)
        return _Added(_named(athlete_id, user_id))
    before = found[0] if found else {}
    changes = _changes(before, fields)
    if found and changes:
        await store.change(athlete_id, changes, now)
    elif not found and not await store.add(athlete_id, changes, now):
        raise StorageRejected(f"{athlete_id!r} is being added by somebody else; look with `athlete list`")
    is_new = not found or before.get("state") == "removed"
    user_id = fields.get("userId", before.get("userId"))
    if user_id is None and (is_new or not fields):
        return await _invite(store, athlete_id, now, is_first=is_new)
    if is_new and is_listed:
        return _Added(_named(athlete_id, user_id))
    if is_new:
        is_in_group = str(fields.get("chatId", before.get("chatId"))).startswith("-")
        hint = (
            "the bot must be a member of that group before it can write to them there"
            if is_in_group
            else "they must send the bot /start before it can write to them"
        )
        return _Added(f"added: {athlete_id}, user {user_id}; {hint}")
    changed = [f"{name} {changes[name] or _DEFAULT}" for name in fields if name in changes]
    if changed:
        return _Added(f"changed: {athlete_id}: {', '.join(changed)}")
    return _Added(f"nothing to do: {athlete_id} is on the roster like that already")


def _named(athlete_id: str, user_id: object) -> str:
    """What is said of somebody whom ATHLETE_IDS lists."""
    hint = f"; `athlete add NAME --user-id {user_id}` names them" if athlete_id == str(user_id) else ""
    return f"on the roster as {athlete_id}: user {user_id}, whom ATHLETE_IDS lists{hint}"


async def _invite(store: AthleteStore, athlete_id: str, now: datetime, *, is_first: bool) -> _Added:
    code, until = make_code(secrets.token_bytes(CODE_BYTES)), now + VALID_FOR
    if not await store.invite(athlete_id, hash_code(code), until, now):
        return _Added(f"nothing to do: {athlete_id} has just accepted an invitation")
    what = "invited" if is_first else "invited again, the earlier invitation is void"
    return _Added(f"{what}: {athlete_id}. This works once, until {texts.utc(until)}:", code)


def _changes(before: Document, fields: Document) -> Document:
    """What to set in a document; with another user an athlete is active, and in another chat."""
    has_new_user = "userId" in fields and fields["userId"] != before.get("userId")
    left = ("chatId", "messageThreadId", "invite")
    new_user: Document = {"state": "active", **dict.fromkeys(left)} if has_new_user else {}
    return {field: value for field, value in (new_user | fields).items() if value != before.get(field)}


async def _bot_name(settings: Settings) -> tuple[str | None, str]:
    """The bot's user name; None with what is in the way."""
    if settings.telegram_bot_token is None:
        return None, "TELEGRAM_BOT_TOKEN is not set"
    from bot.telegram.client import BotClient  # noqa: PLC0415  # for `add` alone, and slow to import

    try:
        async with BotClient(
            settings.telegram_bot_token.get_secret_value(), settings.telegram_api_url
        ) as api:
            return await api.username(), ""
    except TelegramError as exc:
        return None, str(exc)


async def _make_keys(settings: Settings, db: Database) -> None:
    """The keys see to it that nobody is two athletes, whoever writes at the same moment."""
    indexes = [index for index in declared_indexes(settings) if index.collection == COLLECTION]
    for report in await bootstrap(db, indexes):
        if report.outcome == "failed":
            raise StorageRejected(f"index {report}")


@athlete.command("list")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def list_(as_json: bool) -> None:
    """Show the roster.

    Those of ATHLETE_IDS are on it, too, and those who are removed are shown as such.
    """
    settings = read_settings()
    people = call(settings, _people(settings))
    if as_json:
        click.echo(json.dumps([person.to_json() for person in people], indent=2))
    elif people:
        for line in table(people):
            click.echo(one_line(line))
    else:
        click.echo("nobody yet: `athlete add ID` invites somebody")
    for person in people:
        for flaw in person.flaws:
            click.echo(f"warning: {person.athlete.athlete_id}: {flaw}", err=True)


async def _people(settings: Settings) -> list[ListedAthlete]:
    async with open_database(settings) as db:
        documents = await AthleteStore(db).all()
    now, hours = system_clock(), settings.hours()
    people = [ListedAthlete(read_athlete(document, hours), document, now) for document in documents]
    named = {person.athlete.athlete_id for person in people if not person.is_removed}
    roster = read_roster(settings.athlete_ids, documents, hours)
    bare = [ListedAthlete(it, {}, now) for it in roster.athletes if it.athlete_id not in named]
    # Whom ATHLETE_IDS keeps in is not shown a second time as removed.
    kept = {person.athlete.athlete_id for person in bare}
    return bare + [it for it in people if it.athlete.athlete_id not in kept]


@athlete.command()
@click.argument("athlete_id", metavar="ID")
@click.argument("until", required=False)
def pause(athlete_id: str, until: str | None) -> None:
    """Ask an athlete nothing for a while.

    UNTIL is a number of days, or the day (YYYY-MM-DD) on which it ends, in the athlete's zone. Without it the
    pause lasts until it is ended, by `athlete resume` or the athlete's /resume.
    """
    settings = read_settings()
    click.echo(call(settings, _pause(settings, athlete_id, until or "")))


async def _pause(settings: Settings, athlete_id: str, until_text: str) -> str:
    async with open_database(settings) as db:
        await _make_keys(settings, db)
        store, now = AthleteStore(db), system_clock()
        person = _find(await read_people(settings, db), athlete_id)
        try:
            until = read_pause_end(until_text, now, person.hours.zone)
        except ValueError as exc:
            raise ConfigError(f"UNTIL: {exc}") from None
        user_id = person.user_id if person.user_id in settings.athlete_ids else None
        await store.pause(person.athlete_id, now, until, user_id=user_id, now=now)
    if until is None:
        return f"paused: {athlete_id}, until `athlete resume {athlete_id}`"
    zone = person.hours.zone
    return f"paused: {athlete_id}, until {until.astimezone(zone):%Y-%m-%d %H:%M} ({zone.key})"


@athlete.command()
@click.argument("athlete_id", metavar="ID")
def resume(athlete_id: str) -> None:
    """End an athlete's pause."""
    settings = read_settings()
    is_done = call(settings, _resume(settings, athlete_id))
    click.echo(f"resumed: {athlete_id}" if is_done else f"nothing to do: {athlete_id} is not paused")


async def _resume(settings: Settings, athlete_id: str) -> bool:
    async with open_database(settings) as db:
        store = AthleteStore(db)
        _find(await read_people(settings, db), athlete_id)
        return await store.resume(athlete_id, system_clock())


@athlete.command()
@click.argument("athlete_id", metavar="ID")
def remove(athlete_id: str) -> None:
    """Take an athlete off the roster.

    Their taps no longer count, and an invitation is void. What they have answered stays. `athlete add`
    brings them back, with the settings they had.
    """
    settings = read_settings()
    person = call(settings, _remove(settings, athlete_id))
    click.echo(f"removed: {athlete_id}")
    if person.user_id in settings.athlete_ids:
        click.echo(
            f"warning: user {person.user_id} stands in ATHLETE_IDS too, so their taps still count;"
            " take the id out there",
            err=True,
        )


async def _remove(settings: Settings, athlete_id: str) -> Athlete:
    async with open_database(settings) as db:
        store = AthleteStore(db)
        person = _find(await read_people(settings, db), athlete_id)
        if not await store.remove(athlete_id, system_clock()):
            raise ConfigError(f"ID: {athlete_id} stands in ATHLETE_IDS alone; take it out there")
        return person


@athlete.command()
@click.argument("athlete_id", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask whether it is meant.")
def erase(athlete_id: str, *, yes: bool) -> None:
    """Delete all that somebody has said, as their /forgetme does.

    For who asks for it in another way. ID is theirs on the roster, or the Telegram id of somebody who is on
    it no more. There is no way back.
    """
    settings = read_settings()
    person = call(settings, _whom_to_erase(settings, athlete_id))
    who = f"{athlete_id} (Telegram id {person.user_id})"
    if not yes and not _is_meant(f"Delete all answers, notes, pain and questions of {who}?"):
        click.echo("Nothing was deleted.")
        return
    is_listed = person.user_id in settings.athlete_ids
    call(settings, _erase(settings, person, is_listed=is_listed))
    click.echo(
        f"erased: {who}. A running bot takes what waits in its journal out within two minutes; else the next"
        " one does. What remains: plans and weekly figures, which are the coach's, and backups."
    )
    if is_listed:
        click.echo(
            f"warning: user {person.user_id} stands in ATHLETE_IDS, and is paused until you take the id out",
            err=True,
        )


def _is_meant(question: str) -> bool:
    if not sys.stdin.isatty():
        raise ConfigError("--yes: there is no terminal to ask at; with it, nothing is asked")
    return click.confirm(question)


async def _whom_to_erase(settings: Settings, athlete_id: str) -> DataSubject:
    async with open_database(settings) as db:
        found = (await read_people(settings, db)).by_id(athlete_id)
        if (
            found is None
            and athlete_id.isascii()
            and athlete_id.isdigit()
            and int(athlete_id) <= _MAX_USER_ID
        ):
            person = DataSubject(int(athlete_id), None)
            async for _ in PersonalStore(db).read(person):
                return person
    if found is None:
        raise ConfigError(
            f"ID: nobody on the roster is called {athlete_id!r}, and nothing is stored about a Telegram user"
            " of that id; `athlete list` shows the roster, `userId` in an answer is the Telegram id"
        )
    if found.user_id is None:
        raise ConfigError(
            f"ID: {athlete_id} has not accepted the invitation, and has said nothing; see `athlete remove`"
        )
    return DataSubject.of(found.user_id, found)


async def _erase(settings: Settings, person: DataSubject, *, is_listed: bool) -> None:
    """The tombstone stays open, by which a service knows that its journal is to be looked through."""
    async with open_database(settings) as db:
        deletion = Deletion(
            *(PersonalStore(db), TombstoneStore(db), AthleteStore(db), UserStore(db)),
            FigureInvalidation(db, system_clock),
        )
        at = UpdateStamp.by_time(system_clock())
        await deletion.begin(person, at, is_listed=is_listed)
        await deletion.forget(person, at)


def _find(roster: Roster, athlete_id: str) -> Athlete:
    found = roster.by_id(athlete_id)
    if found is None:
        raise ConfigError(f"ID: nobody on the roster is called {athlete_id!r}; `athlete list` shows who is")
    return found
