"""The commands of the running bot: `run`, `demo`, `bootstrap`, `prompt`, `stats`."""

from __future__ import annotations

import asyncio
import json
import signal
from typing import Any

import click

from bot import app
from bot.cli.shared import call, read_settings
from bot.core import texts
from bot.core.clock import iso_utc, parse_instant, system_clock
from bot.core.errors import BotError, ConfigError
from bot.core.prompts import InvalidPrompt, check_id, parse_chat_id
from bot.flows.commands import DEFAULT_STATS_DAYS, MAX_STATS_DAYS
from bot.settings import Settings
from bot.store import dates
from bot.store.indexes import bootstrap as bootstrap_indexes
from bot.store.indexes import describe_retention
from bot.store.prompts import PromptStore


@click.command()
def run() -> None:
    """Run the service: poll Telegram, record taps, send due prompts."""
    settings = read_settings()
    asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)
    await app.serve(settings, stop)


@click.command()
@click.option("--keep", is_flag=True, help="Keep the demo's data and say where it is.")
def demo(keep: bool) -> None:
    """Show the whole loop: no token, no account, no installed server."""
    from bot.demo import run_demo  # noqa: PLC0415  # brings the local Bot API server, which nothing else needs

    asyncio.run(run_demo(keep=keep))


@click.command()
@click.option(
    "--convert-dates",
    is_flag=True,
    help="Also turn ISO texts into dates; MongoDB then deletes what has expired.",
)
def bootstrap(convert_dates: bool) -> None:
    """Create or repair every index; may be run any number of times."""
    settings = read_settings()
    if not call(settings, _bootstrap(settings, convert_dates=convert_dates)):
        raise BotError("some indexes could not be brought into order; the lines above say why")


async def _bootstrap(settings: Settings, *, convert_dates: bool) -> bool:
    indexes = app.declared_indexes(settings)
    async with app.open_database(settings) as (db, _):
        reports = await bootstrap_indexes(db, indexes)
        for line in (*reports, *describe_retention(indexes)):
            click.echo(str(line))
        # After the indexes, since it reads through them.
        for converted in await dates.convert_dates(db) if convert_dates else ():
            click.echo(str(converted))
        if not convert_dates:
            for odd in await dates.find_odd_dates(db):
                click.echo(f"warning: {odd}", err=True)
    return all(report.outcome != "failed" for report in reports)


@click.command()
@click.option("--run-id", required=True, help="The plan run that the session belongs to.")
@click.option("--session-id", required=True, help="The session within the run.")
@click.option("--chat-id", help="Where to ask; default: the one athlete of ATHLETE_IDS.")
@click.option("--title", help=f"What was planned, up to {texts.MAX_TITLE} characters.")
@click.option("--note", help=f"More about it, up to {texts.MAX_NOTE} characters.")
@click.option("--at", "at", help="When to ask (ISO 8601; without offset in TIMEZONE); default: now.")
def prompt(
    run_id: str, session_id: str, chat_id: str | None, title: str | None, note: str | None, at: str | None
) -> None:
    """Queue one session prompt; the running service sends it."""
    settings = read_settings()
    chat = _chat(settings, chat_id)
    try:
        check_id(run_id, "--run-id")
        check_id(session_id, "--session-id")
        title = _text(title, "--title", texts.MAX_TITLE)
        note = _text(note, "--note", texts.MAX_NOTE)
        due_at = system_clock() if at is None else parse_instant(at, settings.timezone)
    except InvalidPrompt as exc:
        raise ConfigError(str(exc)) from None
    except (ValueError, OverflowError):
        raise ConfigError(
            f"--at: {at!r} is not a date and time; write one such as 2026-02-16T20:00"
        ) from None
    if chat > 0 and chat not in settings.athlete_ids:
        click.echo(f"warning: {chat} is not in ATHLETE_IDS, so taps of this person will be refused", err=True)
    state = call(settings, _queue(settings, run_id, session_id, chat, title=title, note=note, due_at=due_at))
    what = f"{run_id} / {session_id} in chat {chat}"
    if state is None:
        away = settings.mongo_url is None and not app.is_served(settings.data_dir)
        then = "start `run` on this DATA_DIR to send it" if away else "the running service sends it"
        click.echo(f"queued: {what}, due {iso_utc(due_at)}; {then}")
    else:
        click.echo(f"nothing to do: {what} was queued before and is {state}")


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


def _chat(settings: Settings, chat_id: str | None) -> int:
    if chat_id is None:
        if len(settings.athlete_ids) != 1:
            raise ConfigError(
                "--chat-id: required, because ATHLETE_IDS lists"
                f" {texts.count(len(settings.athlete_ids), 'athlete')}"
            )
        return next(iter(settings.athlete_ids))
    try:
        return parse_chat_id(chat_id)
    except InvalidPrompt as exc:
        raise ConfigError(str(exc).replace("chatId", "--chat-id", 1)) from None


async def _queue(settings: Settings, run_id: str, session_id: str, chat_id: int, **what: Any) -> str | None:
    async with app.open_database(settings) as (db, _):
        return await PromptStore(db).queue(run_id, session_id, chat_id, now=system_clock(), **what)


@click.command()
@click.option(
    "--days",
    type=click.IntRange(1, MAX_STATS_DAYS),
    default=DEFAULT_STATS_DAYS,
    show_default=True,
    help="How far back.",
)
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def stats(days: int, as_json: bool) -> None:
    """Show the same figures as /stats."""
    settings = read_settings()
    figures = call(settings, _stats(settings, days))
    click.echo(json.dumps(figures.to_json(), indent=2) if as_json else texts.stats(figures))


async def _stats(settings: Settings, days: int) -> Any:
    async with app.open_journal(settings.data_dir) as journal, app.open_database(settings) as (db, _):
        return await app.build_stores(db, journal).figures(system_clock).collect(days)
