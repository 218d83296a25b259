"""The command `setup`: from a token to a bot that has written to its first athlete.

Nothing is written before everything is known, and then at once; what `.env` has already, stays.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo, available_timezones

import click
from dotenv import dotenv_values

from bot.app.instance_lock import is_served
from bot.cli.doctor import examine_all
from bot.cli.installation.env_file import check_writable, read_env, with_values, write_env
from bot.cli.installation.files import find_files
from bot.cli.installation.first_contact import FirstContact, KnownBot, UnseenError
from bot.cli.installation.terminal import Terminal, is_terminal
from bot.cli.service import queue_question
from bot.cli.shared import call, program
from bot.core.health.doctor_report import Finding, has_failed
from bot.core.health.telegram_checks import judge_webhook
from bot.core.i18n.language import language_of
from bot.core.people.newcomers import Newcomer
from bot.core.people.zones import find_zone
from bot.core.shared.clock import system_clock
from bot.core.shared.errors import (
    BotError,
    ConfigError,
    EmbeddedMongoError,
    TelegramError,
    TelegramRejected,
    TelegramUnauthorized,
)
from bot.core.shared.formatting import count
from bot.core.shared.printable import one_line
from bot.logs import setup_logging
from bot.services.health.doctor_machine import machine_zone
from bot.settings import ENV_FILE, TOKEN, Settings, load_readable, load_settings, read_ids
from bot.store.embedded.binary import find_mongod

_TOKEN, _ATHLETES, _ADMINS = "TELEGRAM_BOT_TOKEN", "ATHLETE_IDS", "ADMIN_IDS"
_ZONE, _MONGO = "TIMEZONE", "MONGO_URL"
_ASKED = (_TOKEN, _ATHLETES, _ADMINS, _ZONE, _MONGO)
_TEMPLATE = "config/env.example"
_RUN_ID = "setup"


@click.command(short_help="Connect a bot of yours, and write .env.")
@click.option("--token", help="The bot's token, from @BotFather; better in TELEGRAM_BOT_TOKEN.")
@click.option("--athlete", "athletes", metavar="ID", help="Telegram user id of an athlete; several: commas.")
@click.option(
    "--admin", "admins", metavar="ID", help="Telegram user id of an admin; default: the only --athlete."
)
@click.option("--timezone", help="The athletes' IANA zone, such as Europe/Madrid.")
@click.option("--mongo-url", help="A MongoDB of your own; default: the one that comes along.")
@click.option("--yes", is_flag=True, help="Ask nothing: take what is proposed, replace what .env has.")
def setup(
    token: str | None,
    athletes: str | None,
    admins: str | None,
    timezone: str | None,
    mongo_url: str | None,
    yes: bool,
) -> int:
    """Connect a bot of yours, and write .env.

    Asks for the bot's token, waits until you have pressed Start in Telegram, asks for your time zone, writes
    .env, checks everything, and sends you a first message. Nothing is written before all is known: Ctrl-C
    leaves everything as it was. What .env has already, stays; ids are added to those that it has.

    Without a terminal, or with --yes, nothing is asked: everything comes from options, from variables of
    their settings' names, or from .env.
    """
    setup_logging("CRITICAL", "text", ())  # the dialog says what there is to say
    given = {_TOKEN: token, _ATHLETES: athletes, _ADMINS: admins, _ZONE: timezone, _MONGO: mongo_url}
    terminal = Terminal() if is_terminal() and not yes else None
    given_ones = {name: text for name, text in given.items() if text is not None}
    with asyncio.Runner() as runner:
        work = _Setup(runner, terminal, given_ones, replaces=yes)
        return _until_interrupted(work)


def _until_interrupted(work: _Setup) -> int:
    try:
        return work.carry_out()
    except (click.Abort, KeyboardInterrupt):
        click.echo()
        done = f"{ENV_FILE} is written" if work.has_written else "nothing was written"
        raise BotError(f"stopped, and {done}; `{program()} setup` goes on") from None


class _Setup:
    """One run of it.

    Args:
        runner: of calls to Telegram.
        terminal: None where nobody can be asked.
        given: values from the command line, by their settings' names.
        replaces: whether what `.env` has may be replaced without asking.

    Attributes:
        has_written: whether `.env` is as it was meant to be.
    """

    def __init__(
        self,
        runner: asyncio.Runner,
        terminal: Terminal | None,
        given: Mapping[str, str],
        *,
        replaces: bool,
    ) -> None:
        self._runner = runner
        self._terminal = terminal
        self._given = given
        self._replaces = replaces
        self._settings = Settings()
        self._faults: Mapping[str, str] = {}
        self._in_file: Mapping[str, str | None] = {}
        self._news: dict[str, str] = {}
        self._person: Newcomer | None = None
        self.has_written = False

    def carry_out(self) -> int:
        """All steps; returns the exit status.

        Raises:
            BotError: it cannot go on; nothing was written, unless `has_written`.
            click.Abort: whoever was asked wants no more of it.
        """
        check_writable(ENV_FILE)
        self._settings, self._faults = _readable_settings()
        wrong = [fault for name, fault in self._faults.items() if name not in self._given]
        if wrong and self._terminal is None:
            raise ConfigError("\n".join(wrong))
        self._in_file = dotenv_values(ENV_FILE, encoding="utf-8-sig")
        self._show_present()
        telegram, bot = self._connect()
        self._find_people(telegram, bot)
        self._choose_zone()
        self._choose_mongodb()
        self._write()
        if not self._examine():
            return BotError.exit_status
        self._meet(telegram, bot)
        return 0

    # What there is already

    def _show_present(self) -> None:
        if self._terminal is None:
            return
        self._terminal.say(
            "This connects a bot of yours. Nothing is written before the end, and Ctrl-C stops at any time."
        )
        if not ENV_FILE.exists():
            return
        self._terminal.head(f"{ENV_FILE} is there already, and what it says stays:")
        for line in _masked(self._in_file, self._settings):
            click.echo(f"  {line}")
        for fault in self._faults.values():
            self._terminal.say(f"{_sentence(fault)} So it is asked for anew.")

    # 1. The bot

    def _connect(self) -> tuple[FirstContact, KnownBot]:
        """The bot of a token that Telegram takes."""
        secret = self._settings.telegram_bot_token
        present = None if secret is None else secret.get_secret_value()
        token = self._given.get(_TOKEN) or present
        if self._terminal is None:
            if token is None:
                raise _missing("--token", f"; or set {_TOKEN}")
            try:
                telegram = self._telegram(_read_token(token))
            except ValueError as exc:
                raise ConfigError(f"--token: {exc}") from None
            bot = telegram.look()
        else:
            self._terminal.head("1. The bot")
            telegram, bot, token = self._ask_token(self._terminal, token)
        self._take(_TOKEN, _read_token(token), present, "--token")
        self._check_webhook(telegram, bot)
        return telegram, bot

    def _ask_token(self, terminal: Terminal, token: str | None) -> tuple[FirstContact, KnownBot, str]:
        if token is None:
            terminal.say(
                "In Telegram, write /newbot to @BotFather (https://t.me/BotFather), and answer what it asks:"
                " a name, and a user name that ends in bot. It replies with a token, such as 123456:ABC-DEF."
            )
        while True:
            try:
                token = _read_token(terminal.ask_secret("Paste the token") if token is None else token)
                telegram = self._telegram(token)
                bot = telegram.look()
            except (ValueError, TelegramUnauthorized) as exc:
                terminal.say(_sentence(str(exc).removeprefix(f"{_TOKEN}: ")))
                token = None
            except TelegramError as exc:
                terminal.say(_sentence(str(exc)))
                if not terminal.confirm("Try again?", default=True):
                    raise
            else:
                name = "" if bot.name == bot.username else f', "{one_line(bot.name)}"'
                terminal.say(f"This is @{one_line(bot.username)}{name}.")
                return telegram, bot, token

    def _telegram(self, token: str) -> FirstContact:
        return FirstContact(self._runner, token, self._settings.telegram_api_url)

    def _check_webhook(self, telegram: FirstContact, bot: KnownBot) -> None:
        """With a webhook of another program's, nothing that is written to the bot can be fetched."""
        if not bot.webhook.get("url") or self._settings.webhook_url is not None:
            return
        found = judge_webhook(bot.webhook, self._settings.telegram_api_url, None, system_clock())
        if self._terminal is not None:
            self._terminal.say(
                f"But {found.message}. Another program, such as n8n, gets what is written to this bot. Two"
                " programs cannot share a bot: make one for this program alone, or take this one from the"
                " other."
            )
            if self._terminal.confirm(
                "Remove the webhook, so that the other program gets nothing more?", default=False
            ):
                telegram.remove_webhook()
                return
        raise BotError(f"{found.message}; {found.cure}")

    # 2. People

    def _find_people(self, telegram: FirstContact, bot: KnownBot) -> None:
        settings = self._settings
        athletes, admins = self._ids(_ATHLETES, "--athlete"), self._ids(_ADMINS, "--admin")
        if self._terminal is not None and not athletes | settings.athlete_ids:
            self._terminal.head("2. You")
            user_id = self._await_start(self._terminal, telegram, bot)
            athletes, admins = frozenset({user_id}), admins or frozenset({user_id})
        athletes |= settings.athlete_ids
        if not athletes:
            raise _missing("--athlete", "; /start tells everybody their id")
        admins |= settings.admin_ids
        if not admins:
            if len(athletes) > 1:
                raise ConfigError(f"--admin: required, because there are {count(len(athletes), 'athlete')}")
            admins = athletes
        self._take(_ATHLETES, _listed(athletes), _listed(settings.athlete_ids), "--athlete", adds=True)
        self._take(_ADMINS, _listed(admins), _listed(settings.admin_ids), "--admin", adds=True)

    def _ids(self, name: str, option: str) -> frozenset[int]:
        try:
            return read_ids(self._given.get(name, ""))
        except ValueError as exc:
            raise ConfigError(f"{option}: {exc}") from None

    def _await_start(self, terminal: Terminal, telegram: FirstContact, bot: KnownBot) -> int:
        """The person who is to be the athlete: they write to the bot, and say that it was them."""
        if is_served(self._settings.data_dir):
            return self._ask_id(terminal, "the service is running here, and takes what is written to it")
        terminal.say(f"Open {bot.link} and press Start (or write it anything). Waiting for you ...")
        others: set[int] = set()
        try:
            while True:
                for person in telegram.wait_for_somebody(others, self._tell_trouble):
                    if terminal.confirm(f"{person.described(system_clock())}. Is that you?"):
                        self._person = person
                        return person.user_id
                    others.add(person.user_id)
                terminal.say("They stay strangers. Waiting for you ...")
        except UnseenError as exc:
            return self._ask_id(terminal, str(exc))

    def _tell_trouble(self, reason: str) -> None:
        if self._terminal is not None:
            self._terminal.say(f"{_sentence(reason)} Still trying ...")

    def _ask_id(self, terminal: Terminal, why: str) -> int:
        terminal.say(
            f"Your message cannot be seen from here: {why}. So type your Telegram id, a number: a feedback"
            " bot that runs answers /start with it."
        )
        while True:
            try:
                (user_id,) = read_ids(terminal.ask("Your id"))
            except ValueError:
                terminal.say("That is no Telegram id; write one number, such as 123456.")
            else:
                return user_id

    # 3. Zone, and MongoDB

    def _choose_zone(self) -> None:
        known = available_timezones()
        is_set = "timezone" in self._settings.model_fields_set and _ZONE not in self._faults
        present = self._settings.timezone.key if is_set else None
        given = self._given.get(_ZONE)
        proposed = str(machine_zone() or "UTC")
        try:
            zone = present if given is None else find_zone(given, known)
        except ValueError as exc:
            raise ConfigError(f"--timezone: {exc}") from None
        if zone is None and self._terminal is None:
            if not self._replaces:
                raise _missing("--timezone", f"; or --yes takes {proposed}, this machine's")
            zone = proposed
        if zone is None and self._terminal is not None:
            zone = self._ask_zone(self._terminal, proposed, known)
        self._take(_ZONE, zone or proposed, present, "--timezone")

    def _ask_zone(self, terminal: Terminal, proposed: str, known: Collection[str]) -> str:
        terminal.head("3. Your time zone")
        terminal.say(f"Sessions are asked about on their day, at {self._settings.prompt_time:%H:%M} there.")
        while True:
            try:
                zone = find_zone(terminal.ask("Zone, or city", proposed), known)
            except ValueError as exc:
                terminal.say(_sentence(str(exc)))
                continue
            now = datetime.now(ZoneInfo(zone))
            terminal.say(f"{zone}: it is {now:%H:%M} there.")
            return zone

    def _choose_mongodb(self) -> None:
        present = self._settings.mongo_url
        url = self._given.get(_MONGO)
        if url is None and present is None:
            try:
                find_mongod()
            except EmbeddedMongoError as exc:
                if self._terminal is None:
                    raise ConfigError(f"--mongo-url: required, because none comes along; {exc}") from None
                self._terminal.head("4. MongoDB")
                self._terminal.say(str(exc))
                url = self._terminal.ask_secret("Address of your MongoDB (mongodb://...)")
        known = None if present is None else present.get_secret_value()
        if url := url or known:
            self._take(_MONGO, url, known, "--mongo-url")

    # Writing

    def _take(self, name: str, value: str, present: str | None, option: str, *, adds: bool = False) -> None:
        """Keep a value for `.env`; what is there already is replaced only if that is meant."""
        if value == present and self._in_file.get(name):
            return
        if present and value != present and not adds and not self._replaces:
            if self._terminal is None:
                raise ConfigError(f"{option}: {name} has another value already; --yes replaces it")
            if not self._terminal.confirm(f"{name} has another value already. Replace it?", default=False):
                return
        self._news[name] = value

    def _write(self) -> None:
        if ENV_FILE.exists() and not self._news:
            click.echo(f"\n{ENV_FILE} stays as it is.")
        else:
            template = ENV_FILE if ENV_FILE.exists() else find_files()[_TEMPLATE]
            write_env(ENV_FILE, with_values(read_env(template), self._news), load_settings)
            group = " and its group" if ENV_FILE.stat().st_mode & 0o070 else ""
            click.echo(f"\nWritten: {ENV_FILE}, which only its owner{group} can read.")
        self.has_written = True
        environment = {name.upper(): value for name, value in os.environ.items()}
        for name, value in self._news.items():
            if environment.get(name, value) != value:
                click.echo(f"warning: {name} in the environment hides that of {ENV_FILE}; unset it", err=True)

    # The end

    def _examine(self) -> bool:
        """Whether `doctor` finds nothing that keeps the bot from its work."""
        findings = examine_all()
        amiss = [it for it in findings if it.level in ("warn", "FAIL") and not _is_made_by_run(it)]
        good = sum(it.level == "ok" for it in findings)
        unseen = sum(it.level == "skip" for it in findings)
        later = f", {unseen} cannot be looked at yet" if unseen else ""
        click.echo(f"Checked (`doctor`): {good} things are well{later}{'; but:' if amiss else '.'}")
        for finding in amiss:
            self._print(str(finding), "  ")
        if not has_failed(amiss):
            return True
        click.echo(f"\nMend what FAILs, then look again: {program()} doctor")
        return False

    def _meet(self, telegram: FirstContact, bot: KnownBot) -> None:
        """Write to the athlete, with a first question if they wish; say how to go on."""
        settings = load_settings()
        listed = settings.athlete_ids
        user_id = next(iter(listed)) if len(listed) == 1 else None
        if self._person is not None:
            user_id = self._person.user_id
        language = language_of(None if self._person is None else self._person.language_code)
        texts = language.texts.people
        is_asked = self._terminal is not None and user_id is not None and self._wants_question(self._terminal)
        if user_id is not None and is_asked:
            session = f"question-{system_clock():%Y%m%dT%H%M%S}"
            call(
                settings,
                queue_question(
                    settings, _RUN_ID, session, None, user_id, title=texts.first_session, note=None
                ),
            )
        if user_id is not None and _ATHLETES in self._news:
            try:
                telegram.write(user_id, texts.connected)
            except TelegramRejected as exc:
                self._print(f"{user_id} cannot be written to yet ({exc}): open {bot.link}, and press Start.")
            except TelegramError as exc:
                self._print(f"{exc}, so no first message was sent.")
            else:
                self._print("Telegram: the bot has written to you.")
        if is_served(settings.data_dir):
            hint = ": restart it, so that it takes what is new" if self._news else ""
            click.echo(f"\nThe service runs already{hint}.")
            return
        question = " Your first question comes then." if is_asked else ""
        click.echo(f"\nStart the service here; Ctrl-C stops it.{question}\n\n  {program()} run")
        click.echo(f"\nMore athletes are invited with\n\n  {program()} athlete add NAME")

    @staticmethod
    def _wants_question(terminal: Terminal) -> bool:
        return terminal.confirm("Shall the bot ask you a first question, to see how it works?", default=True)

    def _print(self, text: str, indent: str = "") -> None:
        if self._terminal is None:
            click.echo(f"{indent}{text}")
        else:
            self._terminal.say(text, indent=indent)


def _readable_settings() -> tuple[Settings, Mapping[str, str]]:
    """The settings as they are, and what is wrong of that which is asked for, by its name.

    Raises:
        ConfigError: something else is wrong.
    """
    settings, faults = load_readable()
    if others := [fault for fault in faults if not fault.startswith(_ASKED)]:
        raise ConfigError("\n".join(others))
    return settings, {fault.partition(":")[0]: fault for fault in faults}


def _is_made_by_run(finding: Finding) -> bool:
    """Whether it will be well as soon as the service has been started."""
    return finding.check == "indexes" and finding.message.startswith(("missing:", "none of"))


def _masked(values: Mapping[str, str | None], settings: Settings) -> list[str]:
    """What `.env` says, without what nobody may read."""
    lines = []
    for name, value in values.items():
        field = Settings.model_fields.get(name.lower())
        if not value:
            continue
        if name.upper() == _TOKEN:
            shown = f"{value.partition(':')[0]}:..." if TOKEN.fullmatch(value) else "..."
        elif name.upper() == _MONGO:
            shown = settings.mongo_place()
        elif field is None or "SecretStr" in str(field.annotation):
            shown = "..."
        else:
            shown = value
        lines.append(one_line(f"{name}={shown}"))
    return lines


def _read_token(text: str) -> str:
    """The token in what was pasted, which may be all of @BotFather's message.

    Raises:
        ValueError: there is none.
    """
    found = TOKEN.findall(text)
    if not found:
        raise ValueError("this is no token; it looks like 123456:ABC-DEF")
    return str(max(found, key=len))


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '?')) else '.'}"


def _listed(ids: Collection[int]) -> str:
    return ",".join(map(str, sorted(ids)))


def _missing(option: str, hint: str) -> ConfigError:
    return ConfigError(f"{option}: required, because there is no terminal to ask at{hint}")
