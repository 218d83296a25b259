"""What athletes ask about themselves: /week, /privacy and /mydata."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta

from bot.core.facts.commands import Command
from bot.core.people import privacy_texts
from bot.core.people.athlete import Athlete
from bot.core.people.tombstone import DataSubject
from bot.core.records.collections import FEEDBACK_EVENTS, PLAN_SNAPSHOTS, RUN_EVENTS
from bot.core.records.retention import Retention
from bot.core.shared.clock import Clock, iso_utc
from bot.core.shared.tolerant import as_json
from bot.core.summary import week_message
from bot.core.summary.summary import week_of
from bot.services.chat.commands import CommandRequest, Handler
from bot.services.chat.reply import File, Reply
from bot.services.reports.week_report import WeekReports
from bot.store.inbox.journal import Journal
from bot.store.mongodb.client import Document
from bot.store.personal_data import PersonalStore

MAX_FILE = 45_000_000
"""Bytes; Telegram takes 50 MB from bots."""

_NOTES = {
    "about": "Everything that this bot stores about you. Instants are ISO 8601 in UTC.",
    "taps": "Taps are also counted. A count holds the id of the tap, when it came and what became of it, and"
    " not whose it was, so yours cannot be told from others'.",
}


@dataclass(frozen=True, slots=True)
class DisclosureRules:
    """What the settings say about stored data."""

    retention: Retention
    coach_is_told: bool


class PersonalCommands:
    """Answers what somebody asks about themselves. Nothing is changed."""

    def __init__(
        self,
        weeks: WeekReports,
        store: PersonalStore,
        journal: Journal,
        clock: Clock,
        disclosed: DisclosureRules,
    ) -> None:
        self._weeks = weeks
        self._store = store
        self._journal = journal
        self._clock = clock
        self._disclosed = disclosed
        self._one_file = asyncio.Lock()

    def handlers(self) -> Mapping[Command, Handler]:
        """The commands that are carried out here."""
        return {Command.WEEK: self._week, Command.PRIVACY: self._privacy, Command.MYDATA: self._my_data}

    async def _week(self, request: CommandRequest) -> Reply:
        athlete, language = request.athlete, request.language
        which = week_message.read_week(request.update.argument)
        if which is None:
            return Reply(week_message.usage(language))
        start = week_of(request.at, athlete.hours.zone) + timedelta(weeks=which)
        return Reply(await self._weeks.week_text(athlete, start, language), html=True)

    async def _privacy(self, request: CommandRequest) -> Reply:
        retention = self._disclosed.retention
        text = privacy_texts.privacy(
            request.language,
            answers=retention[FEEDBACK_EVENTS],
            plans=retention[PLAN_SNAPSHOTS],
            runs=retention[RUN_EVENTS],
            coach_is_told=self._disclosed.coach_is_told,
        )
        return Reply(text)

    async def _my_data(self, request: CommandRequest) -> Reply:
        athlete = request.athlete
        async with self._one_file:  # it is held in memory
            content, is_whole = await self._file(athlete, request.update.user_id)
        name = f"mydata-{request.at.astimezone(athlete.hours.zone).date().isoformat()}.json"
        texts = request.language.texts.privacy
        return Reply(texts.mydata if is_whole else texts.mydata_cut, file=File(name, content))

    async def _file(self, athlete: Athlete, user_id: int, most: int = MAX_FILE) -> tuple[bytes, bool]:
        """Everything about somebody as one JSON object, and whether that is all of it."""
        known = {**_NOTES, "generatedAt": iso_utc(self._clock())}
        parts = bytearray(_json(known)[:-1])
        section: str | None = None
        is_whole = True
        async with aclosing(self._records(athlete, user_id)) as records:
            async for name, document in records:
                text = _json(as_json(document))
                if len(parts) + len(text) + len(name) > most:
                    is_whole = False
                    break
                if name == section:
                    parts += b",\n"
                else:
                    parts += (b"" if section is None else b"]") + b",\n" + _json(name) + b": [\n"
                    section = name
                parts += text
        if section is not None:
            parts += b"]"
        if not is_whole:
            parts += (
                b',\n"cut": "Telegram takes no larger file; there is more of the last part, and behind it"'
            )
        return bytes(parts + b"}\n"), is_whole

    async def _records(self, athlete: Athlete, user_id: int) -> AsyncGenerator[tuple[str, Document]]:
        person = DataSubject.of(user_id, athlete)
        async with aclosing(self._store.read(person)) as records:
            async for record in records:
                yield record
        for document in await self._journal.of_user(user_id):
            yield "journal", document


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
