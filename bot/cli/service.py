"""The commands of the running bot: `run`, `demo`, `bootstrap`, `prompt`, `stats`."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

import click

from bot.app.bootstrap import build_figures, build_painter, build_roster
from bot.app.database import declared_indexes, open_database
from bot.app.instance_lock import is_served
from bot.app.journals import beside_service
from bot.app.stores import build_stores
from bot.cli.shared import call, read_people, read_settings
from bot.core.figures.stats import Stats
from bot.core.figures.texts import stats as stats_text
from bot.core.i18n.language import Language
from bot.core.people.athlete import Athlete, Roster
from bot.core.prompts.prompt import InvalidPrompt, PromptState, check_id, parse_chat_id
from bot.core.prompts.undelivered import ClosedChat, refuses
from bot.core.shared import formatting as texts
from bot.core.shared.clock import iso_utc, parse_instant, system_clock
from bot.core.shared.errors import ConfigError, PictureError
from bot.core.telegram.chats import ChatTopic, read_topic
from bot.services.reports.figures import DEFAULT_DAYS, MAX_DAYS
from bot.settings import Settings
from bot.store.mongodb import date_repair as dates
from bot.store.mongodb.indexes import bootstrap as bootstrap_indexes
from bot.store.mongodb.indexes import describe_retention
from bot.store.prompts.prompts import PromptStore
from bot.store.prompts.undelivered import UndeliveredStore

_INPUT, _ERRORS = 0, 2  # file descriptors


@click.command()
@click.option(
    "--webhook",
    metavar="URL",
    help="Let Telegram push updates to this address instead of polling it; the same as WEBHOOK_URL.",
)
def run(webhook: str | None) -> None:
    """Run the service until it is stopped.

    It polls Telegram, records taps and sends due prompts. Several services with one token and one MongoDB
    stand by for each other. With --webhook it listens on HTTP_HOST and HTTP_PORT for what Telegram sends to
    URL, an https address whose proxy passes it on; several services may share the work.
    """
    settings = read_settings()
    if webhook is not None:
        settings = settings.model_copy(update={"webhook_url": webhook})
    asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    # With Telegram's library, which half of a command's start would go to.
    from bot.app.runtime import serve  # noqa: PLC0415

    stop = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)
    await serve(settings, stop)


@click.command()
@click.option("--keep", is_flag=True, help="Keep the demo's data and say where it is.")
def demo(keep: bool) -> None:
    """Show the whole loop with nothing to set up.

    It needs no token, no account and no installed server.
    """
    from bot.demo import run_demo  # noqa: PLC0415  # brings the local Bot API server, which nothing else needs

    asyncio.run(run_demo(keep=keep))


@click.command(short_help="Create or repair every index.")
@click.option("--convert-dates", is_flag=True, help="Also turn ISO 8601 texts in timestamps into dates.")
@click.option(
    "--expire-old",
    is_flag=True,
    help="With --convert-dates: also where MongoDB then deletes the document at once.",
)
def bootstrap(convert_dates: bool, expire_old: bool) -> int:
    """Create or repair every index, and show what expires when; may be run any number of times.

    MongoDB never deletes a document whose timestamp is a text, as workflows often store it. --convert-dates
    turns such texts into dates, in place; it may be stopped and run again. Documents that are older than
    their collection keeps would then be deleted within about a minute. They are counted first, and left as
    they are unless you agree on the terminal or give --expire-old. What cannot be converted is named. With
    --convert-dates the exit status is 0 only if no text is left.
    """
    if expire_old and not convert_dates:
        raise ConfigError("--expire-old: belongs to --convert-dates; give both")
    settings = read_settings()
    is_done, odd = call(settings, _bootstrap(settings))
    if convert_dates:
        if any(item.is_text for item in odd):
            odd = call(settings, _convert_dates(settings, expire_old=_may_expire(odd, agreed=expire_old)))
        else:
            click.echo("no texts to convert")
    for item in odd:
        is_fault = convert_dates and item.is_text
        is_done = is_done and not is_fault
        click.echo(f"{'error' if is_fault else 'warning'}: {item}", err=True)
    return 0 if is_done else 1


async def _bootstrap(settings: Settings) -> tuple[bool, list[dates.OddDates]]:
    """Whether all indexes are in order, and the timestamps that are no dates."""
    indexes = declared_indexes(settings)
    async with open_database(settings) as db:
        reports = await bootstrap_indexes(db, indexes)
        failed = [report for report in reports if report.outcome == "failed"]
        for line in (*(report for report in reports if report not in failed), *describe_retention(indexes)):
            click.echo(str(line))
        for report in failed:
            click.echo(f"error: index {report}", err=True)
        # After the indexes: it reads through them, and they say what would expire.
        return not failed, await dates.find_odd_dates(db)


def _may_expire(odd: list[dates.OddDates], *, agreed: bool) -> bool:
    """Whether to convert what MongoDB then deletes at once; counts it, and asks if there is a terminal."""
    outdated = [item for item in odd if item.remedy == "expire"]
    if not outdated or not (agreed or _on_terminal()):
        return agreed
    for item in outdated:
        number = texts.count(item.count, "document")
        click.echo(f"{item.collection}.{item.field}: {number} older than the collection keeps", err=True)
    click.echo("Once these are converted, MongoDB deletes them within about a minute.", err=True)
    return agreed or click.confirm("Convert them too?", err=True)


def _on_terminal() -> bool:
    return os.isatty(_INPUT) and os.isatty(_ERRORS)


async def _convert_dates(settings: Settings, *, expire_old: bool) -> list[dates.OddDates]:
    """Convert, and return the timestamps that are no dates even then."""
    # `run` needs neither.
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import Progress  # noqa: PLC0415

    async with open_database(settings) as db:
        with Progress(console=Console(stderr=True), transient=True, disable=not os.isatty(_ERRORS)) as bar:
            task = bar.add_task("converting", total=None)
            conversions = await dates.convert_dates(
                db,
                expire_old=expire_old,
                progress=lambda done, total: bar.update(task, completed=done, total=total),
            )
        for conversion in conversions:
            click.echo(str(conversion))
        return await dates.find_odd_dates(db)


@click.command()
@click.option("--run-id", required=True, help="The plan run that the session belongs to.")
@click.option("--session-id", required=True, help="The session within the run.")
@click.option("--athlete", "athlete_id", help="Whom to ask, by ID; default: the only athlete there is.")
@click.option("--chat-id", help="Where to ask; default: where the athlete is.")
@click.option("--topic", help="The topic of the group, by the number in its link; default: the athlete's.")
@click.option("--title", help=f"What was planned, up to {texts.MAX_TITLE} characters.")
@click.option("--note", help=f"More about it, up to {texts.MAX_NOTE} characters.")
@click.option(
    "--at", "at", help="When to ask (ISO 8601; without offset in the athlete's zone); default: now."
)
def prompt(
    run_id: str,
    session_id: str,
    athlete_id: str | None,
    chat_id: str | None,
    topic: str | None,
    title: str | None,
    note: str | None,
    at: str | None,
) -> None:
    """Queue one session prompt.

    The running service sends it; what Telegram has refused before is tried once more. Only the athlete may
    answer, also in a group. With --chat-id alone, of a group, any athlete there may.
    """
    settings = read_settings()
    try:
        check_id(run_id, "--run-id")
        check_id(session_id, "--session-id")
        title = _text(title, "--title", texts.MAX_TITLE)
        note = _text(note, "--note", texts.MAX_NOTE)
        chat = None if chat_id is None else parse_chat_id(chat_id)
    except InvalidPrompt as exc:
        raise ConfigError(str(exc).replace("chatId", "--chat-id", 1)) from None
    _due_at(at, settings.timezone)
    to_ask = queue_question(settings, run_id, session_id, athlete_id, chat, topic, at, title=title, note=note)
    asked = call(settings, to_ask)
    for warning in asked.warnings():
        click.echo(f"warning: {warning}", err=True)
    what = f"{run_id} / {session_id} in chat {asked.place}"
    if asked.state is None:
        away = settings.mongo_url is None and not is_served(settings.data_dir)
        then = "start `run` on this DATA_DIR to send it" if away else "the running service sends it"
        due = iso_utc(asked.due_at) + (", which is past" if at and asked.due_at < system_clock() else "")
        click.echo(f"queued: {what}, due {due}; {then}")
    elif asked.is_retried:
        click.echo(f"queued once more: {what} was {asked.state}; the running service tries it again")
    else:
        given = "; what is said now about time, title or note changes nothing" if at or title or note else ""
        click.echo(f"nothing to do: {what} was queued before and is {asked.state}{given}")


@dataclass(frozen=True, slots=True)
class _Asked:
    """A prompt in the outbox.

    Attributes:
        athlete: who is asked, if that is known.
        state: None if it is new there.
        is_retried: whether Telegram had refused it, and it is tried once more.
        closed: that its chat takes no messages, as far as is known.
    """

    place: ChatTopic
    athlete: Athlete | None
    due_at: datetime
    state: str | None
    is_retried: bool
    closed: Sequence[ClosedChat]

    def warnings(self) -> Iterator[str]:
        """What is most likely not meant."""
        if self.athlete is None:
            if self.place.chat_id > 0:
                yield f"{self.place.chat_id} is not on the roster, so taps of this person will be refused"
        elif self.athlete.user_id is None:
            yield f"{self.athlete.athlete_id} has not accepted the invitation, so their taps will be refused"
        elif self.athlete.pause_at(self.due_at) is not None:
            yield f"{self.athlete.athlete_id} is paused then, so it will be cancelled unless the pause ends"
        for chat in self.closed:
            yield refuses(chat)


async def queue_question(
    settings: Settings,
    run_id: str,
    session_id: str,
    athlete_id: str | None,
    chat_id: int | None,
    topic: str | None = None,
    at: str | None = None,
    **what: Any,
) -> _Asked:
    """Put a question about a session into the outbox.

    Args:
        athlete_id, chat_id, topic, at: as `prompt` takes them.
        what: title and note.

    Raises:
        ConfigError: nobody is to be asked, or there is no such time.
        StorageError: MongoDB is away, or refuses it.
    """
    async with open_database(settings) as db:
        roster = await read_people(settings, db)
        athlete, chat_id = _whom(roster, athlete_id, chat_id)
        place = _place(chat_id, topic, athlete)
        due_at = _due_at(at, settings.timezone if athlete is None else athlete.hours.zone)
        now, late_after_days = system_clock(), settings.late_after_days
        undelivered = UndeliveredStore(db)
        closed = await undelivered.closed(late_after_days, now, chat_id)
        state = await PromptStore(db).queue(
            run_id,
            session_id,
            chat_id,
            due_at=due_at,
            now=now,
            athlete_id=None if athlete is None else athlete.athlete_id,
            user_id=None if athlete is None else athlete.user_id,
            thread_id=place.thread_id,
            **what,
        )
        is_retried = state == PromptState.UNDELIVERABLE and await undelivered.retry(
            run_id, session_id, chat_id, late_after_days, now
        )
        return _Asked(place, athlete, due_at, state, is_retried, closed)


def _place(chat_id: int, topic: str | None, athlete: Athlete | None) -> ChatTopic:
    """Where to ask: in a topic of the chat, or where the athlete is asked in it."""
    if topic is None:
        is_theirs = athlete is not None and athlete.chat_id == chat_id
        return ChatTopic(chat_id, athlete.thread_id if is_theirs and athlete is not None else None)
    try:
        return ChatTopic(chat_id, read_topic(topic, chat_id))
    except ValueError as exc:
        raise ConfigError(f"--topic: {exc}") from None


def _whom(roster: Roster, athlete_id: str | None, chat_id: int | None) -> tuple[Athlete | None, int]:
    """Who is asked, and where."""
    if athlete_id is None and chat_id is not None:
        return roster.by_user(chat_id), chat_id  # in a private chat, which has its user's id
    if athlete_id is None:
        athlete = roster.sole()
        if athlete is None:
            reachable = len(roster.reachable())
            raise ConfigError(
                "--athlete or --chat-id: required, because the roster has"
                f" {texts.count(reachable, 'athlete')} who can be asked; `athlete list` shows them"
            )
    else:
        athlete = roster.by_id(athlete_id)
        if athlete is None:
            raise ConfigError(
                f"--athlete: nobody on the roster is called {athlete_id!r}; `athlete list` shows who is"
            )
    chat_id = athlete.chat_id if chat_id is None else chat_id
    if chat_id is None:
        raise ConfigError(
            f"--athlete: {athlete_id} has not accepted the invitation yet; give --chat-id to ask all the same"
        )
    return athlete, chat_id


def _due_at(at: str | None, zone: tzinfo) -> datetime:
    try:
        return system_clock() if at is None else parse_instant(at, zone)
    except (ValueError, OverflowError):
        raise ConfigError(
            f"--at: {at!r} is not a date and time; write one such as 2026-02-16T20:00"
        ) from None


def _text(value: str | None, option: str, limit: int) -> str | None:
    """A text from the command line.

    Raises:
        InvalidPrompt: too long, or not UTF-8.
    """
    if value is None or not value.strip():
        return None
    if len(value) > limit:
        raise InvalidPrompt(f"{option}: {len(value)} characters; write at most {limit}")
    return check_id(value, option)


@click.command()
@click.option(
    "--days",
    type=click.IntRange(1, MAX_DAYS),
    default=DEFAULT_DAYS,
    show_default=True,
    help="How far back.",
)
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.option(
    "--picture", type=click.Path(dir_okay=False, path_type=Path), help="Also write the picture (PNG) there."
)
def stats(days: int, as_json: bool, picture: Path | None) -> None:
    """Show the same figures as /stats."""
    settings = read_settings()
    figures = call(settings, _stats(settings, days, picture))
    click.echo(json.dumps(figures.to_json(), indent=2) if as_json else stats_text(figures, Language.EN))


async def _stats(settings: Settings, days: int, picture: Path | None) -> Stats:
    async with open_database(settings) as db, beside_service(settings, db) as journal:
        stores = build_stores(db, journal, system_clock)
        roster = build_roster(settings, stores, system_clock)
        figures = await build_figures(settings, stores, roster, system_clock).collect(days)
    if picture is not None:
        await _write_picture(settings, figures, picture)
    return figures


async def _write_picture(settings: Settings, figures: Stats, path: Path) -> None:
    try:
        png = await build_painter(settings).draw(figures, Language.EN)
        path.write_bytes(png)  # noqa: ASYNC240  # nothing else is going on
    except PictureError as exc:
        raise PictureError(f"--picture: {exc}") from None
    except OSError as exc:
        raise ConfigError(f"--picture: {path} cannot be written ({exc.strerror})") from None
