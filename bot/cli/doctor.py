"""The command `doctor`."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace

import click

from bot.app.bootstrap import bot_name
from bot.app.database import declared_indexes, open_database
from bot.app.instance_lock import is_served, journal_file, open_journal
from bot.core.health import machine_checks as machine
from bot.core.health.doctor_report import (
    Finding,
    fail,
    fail_as_said,
    has_failed,
    in_order,
    ok,
    skip,
    to_json,
    warn,
)
from bot.core.shared.clock import system_clock
from bot.core.shared.errors import BotError, ConfigError
from bot.core.shared.printable import one_line
from bot.logs import RedactingFormatter, setup_logging
from bot.services.health.doctor import (
    AskingApi,
    DoctorNotes,
    ExpectedDatabase,
    look_at_mongodb,
    look_at_people,
    look_at_telegram,
    look_at_webhook,
    skip_mongodb,
    take,
)
from bot.services.health.doctor_machine import (
    is_ours,
    look_at_data_dir,
    look_at_journal,
    look_at_port,
    look_at_privacy,
    look_for_journal,
    machine_zone,
)
from bot.settings import ENV_FILE, Settings, doubts, load_readable
from bot.store.inbox.journal_file import read_witness
from bot.telegram.client import BotClient

# Seconds. After a crash the embedded MongoDB replays its journal first.
_EMBEDDED_STARTS_WITHIN = 20.0
_EMBEDDED_CURE = "look into DATA_DIR/mongodb/mongod.log, or set MONGO_URL to a MongoDB server"


@click.command(short_help="Check everything that the bot needs.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def doctor(as_json: bool) -> int:
    """Check everything that the bot needs: one line each, with the cure where something is wrong.

    Configuration, DATA_DIR, journal, token, webhook, athletes, MongoDB with rights, indexes and dates, plans,
    clock, time zone, HTTP port. It may run beside the service; run it as the same user. It tries a file in
    DATA_DIR and a collection in MongoDB, and takes them away again. Without MONGO_URL it starts the embedded
    MongoDB, whose files stay in DATA_DIR, unless they would belong to somebody else than DATA_DIR. It makes
    nothing else.

    The exit status is 0 when nothing FAILs, 1 when something does, 2 when the configuration cannot be read;
    whatever can be checked then, is.
    """
    settings, faults = load_readable()
    setup_logging("CRITICAL", settings.log_format, settings.secrets())  # the lines say it all
    formatter = RedactingFormatter(settings.secrets(), as_json=False)

    def redact(text: str) -> str:
        return one_line(formatter.redact(text))  # names and reasons are somebody else's words

    findings = [
        replace(finding, message=redact(finding.message), cure=finding.cure and redact(finding.cure))
        for finding in in_order(asyncio.run(_Examination(settings, faults).run()))
    ]
    click.echo(json.dumps(to_json(findings), indent=2) if as_json else "\n".join(map(str, findings)))
    if any(finding.level == "FAIL" and finding.check == "config" for finding in findings):
        return ConfigError.exit_status
    return BotError.exit_status if has_failed(findings) else 0


class _Examination:
    """Looks at everything that the settings name.

    Args:
        faults: what in the settings cannot be read, where defaults stand in; that is not looked at.
    """

    def __init__(self, settings: Settings, faults: Sequence[str]) -> None:
        self._settings = settings
        self._faults = faults
        self._notes = DoctorNotes()
        self._served = False

    def _unread(self, *names: str) -> str | None:
        """Which of these variables, or of all, nobody could read."""
        return next(
            (
                name
                for name in names
                if any(name in fault or "cannot be read (" in fault for fault in self._faults)
            ),
            None,
        )

    async def run(self) -> list[Finding]:
        """All findings, in no order."""
        settings = self._settings
        findings = [fail_as_said("config", fault) for fault in self._faults]
        findings += [warn("config", doubt, cure) for doubt, cure in doubts(os.environ)]
        has_data_dir = False
        if self._unread("DATA_DIR"):
            findings.append(skip("data", "DATA_DIR cannot be read"))
        else:
            found, has_data_dir = await asyncio.to_thread(look_at_data_dir, settings.data_dir)
            findings += found
            findings += await asyncio.to_thread(look_at_privacy, settings.data_dir, ENV_FILE)
        self._served = has_data_dir and is_served(settings.data_dir)
        async with AsyncExitStack() as stack:
            api = await self._client(stack)
            parts = await asyncio.gather(
                self._journal(has_data_dir), self._telegram(api), self._mongodb(has_data_dir), self._http()
            )
            findings += [finding for part in parts for finding in part]
            if unread := self._unread("ATHLETE_IDS", "ADMIN_IDS"):
                findings.append(skip("people", f"{unread} cannot be read"))
            else:
                findings += await look_at_people(
                    api, settings.athlete_ids, settings.admin_ids, settings.coach_chat_id, self._notes
                )
        findings += look_at_webhook(
            settings.telegram_api_url, settings.webhook_url, system_clock, self._notes
        )
        findings += [machine.judge_clock(self._notes.skews), self._zone()]
        # MONGO_URL is read last, by the driver.
        if not any(finding.check == "config" for finding in findings):
            findings.append(ok("config", "every setting can be read"))
        return findings

    async def _client(self, stack: AsyncExitStack) -> BotClient | None:
        if self._settings.telegram_bot_token is None or self._unread("TELEGRAM_API_URL"):
            return None
        token = self._settings.telegram_bot_token.get_secret_value()
        return await stack.enter_async_context(
            BotClient(
                token,
                self._settings.telegram_api_url,
                lambda date: self._notes.witness(date, system_clock()),
            )
        )

    async def _telegram(self, api: AskingApi | None) -> list[Finding]:
        if api is not None:
            return await look_at_telegram(api, self._notes)
        if unread := self._unread("TELEGRAM_BOT_TOKEN", "TELEGRAM_API_URL"):
            return [skip(check, f"{unread} cannot be read") for check in ("token", "webhook")]
        cure = "TELEGRAM_BOT_TOKEN=<what @BotFather shows>, in .env"
        return [fail("token", "TELEGRAM_BOT_TOKEN is not set", cure), skip("webhook", "see token")]

    async def _journal(self, has_data_dir: bool) -> list[Finding]:
        if not has_data_dir:
            return [skip(check, "see data") for check in ("service", "journal")]
        settings = self._settings
        file = journal_file(settings.data_dir)
        if not file.exists() or not file.stat().st_size:
            return [
                machine.judge_service(
                    is_running=self._served,
                    last_poll=None,
                    now=system_clock(),
                    data_dir=str(settings.data_dir),
                ),
                look_for_journal(file),
            ]

        async def work() -> Iterable[Finding]:
            async with open_journal(settings.data_dir) as journal:
                return await look_at_journal(journal, file, system_clock, is_served=self._served)

        found = await take("journal", work, "restore DATA_DIR from a backup (docs/backup.md)")
        return [machine.judge_unreadable(it, is_served=self._served) for it in found]

    async def _mongodb(self, has_data_dir: bool) -> list[Finding]:
        settings = self._settings
        if unread := self._unread("MONGO_URL", "MONGO_DB"):
            why = f"{unread} cannot be read"
            return [skip("mongodb", why), *skip_mongodb(why)]
        if settings.mongo_url is None and not has_data_dir:
            return [skip("mongodb", "see data"), *skip_mongodb("see data")]
        if settings.mongo_url is None and not self._served and not is_ours(settings.data_dir):
            why = (
                "the embedded MongoDB's files would not be the service's; run this as the service's user"
                if settings.data_dir.exists()
                else "there is no embedded MongoDB yet, and root does not make it; run this as the service's"
                " user"
            )
            return [skip("mongodb", why), *skip_mongodb("see mongodb")]
        # It asks for no password, so that other programs here can use it, too.
        who = ", which every account of this machine can reach" if settings.mongo_url is None else ""
        expected = ExpectedDatabase(
            settings.mongo_place() + who,
            declared_indexes(settings),
            settings.athlete_ids,
            settings.hours(),
            None if settings.telegram_bot_token is None else bot_name(settings),
            None if (known := read_witness(journal_file(settings.data_dir))) is None else f"{known[0]:x}",
        )
        opened = []

        async with AsyncExitStack() as stack:

            async def work() -> Iterable[Finding]:
                try:
                    opened.append(await stack.enter_async_context(open_database(settings)))
                except ConfigError as exc:
                    return [fail_as_said("config", str(exc)), skip("mongodb", "see config")]
                return ()

            found = await take("mongodb", work, _EMBEDDED_CURE, _EMBEDDED_STARTS_WITHIN)
            if not opened:
                return [*found, *skip_mongodb("see mongodb")]
            return await look_at_mongodb(opened[0], expected, system_clock, self._notes)

    async def _http(self) -> list[Finding]:
        settings = self._settings
        if self._unread("HTTP_PORT", "HTTP_TOKEN", "HTTP_HOST"):
            return [skip("http", "see config")]
        if settings.http_port is None:
            return [ok("http", "off; HTTP_PORT and HTTP_TOKEN switch it on")]
        host, port = settings.http_host, settings.http_port

        async def work() -> Iterable[Finding]:
            state, detail = await look_at_port(host, port)
            return [machine.judge_http(f"{host}:{port}", state, is_running=self._served, detail=detail)]

        return await take("http", work, "stop what holds the port, or set another HTTP_PORT")

    def _zone(self) -> Finding:
        if self._unread("TIMEZONE"):
            return skip("timezone", "TIMEZONE cannot be read")
        settings = self._settings
        return machine.judge_zone(
            settings.timezone, machine_zone(), system_clock(), is_set="timezone" in settings.model_fields_set
        )
