"""The weekly question about the coming week: once, to whom it is due."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.core.availability.asking import WeeklyHour
from bot.core.availability.days import DayWish
from bot.core.people.athlete import Athlete, ContactHours, Pause, Roster
from bot.core.prompts.prompt import InvalidPrompt, PromptKind, read_prompt
from bot.core.shared.update_order import UpdateStamp
from bot.services.availability.questions import AvailabilityQuestions
from bot.services.prompts.renderer import PromptRenderer
from bot.store.availability.availability import AvailabilityStore
from bot.store.mongodb.indexes import INDEXES, bootstrap
from bot.store.prompts.prompts import PromptStore
from tests.support.fakes import EN, Database

HOUR = datetime(2026, 2, 21, 10, tzinfo=UTC)
MONDAY = date(2026, 2, 23)
HOURS = ContactHours(ZoneInfo("UTC"))
ANA, BEN = Athlete("ana", 7, 7, HOURS), Athlete("ben", 8, -5, HOURS)
EVA = Athlete("eva", 9, 9, HOURS, pauses=(Pause(HOUR - timedelta(days=1), None),))


class Asking:
    """The weekly question, at a time that is set by hand."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.now = HOUR
        self.hour: WeeklyHour | None = WeeklyHour(5, time(10))
        self.roster: Roster | None = Roster((ANA, BEN, EVA))
        self.store = AvailabilityStore(db)

    async def look(self) -> list[str]:
        """Look, as after a restart; returns in whose private chats a question is."""
        questions = AvailabilityQuestions(
            PromptStore(self.db), self.store, lambda: self.roster, self.hour, lambda: self.now
        )
        await questions.look()
        await questions.look()
        found = self.db.session_prompts.find({"kind": PromptKind.AVAILABILITY.value})
        return sorted([document["chatId"] async for document in found])


@pytest.fixture
async def asking(db: Database) -> Asking:
    """See `Asking`."""
    await bootstrap(
        db, [index for index in INDEXES if index.collection in ("session_prompts", "availability")]
    )
    return Asking(db)


async def test_once_to_whom_it_is_due(asking: Asking) -> None:
    """In private, also whose sessions are asked about in a group; not in a pause, not before the hour, not
    if it is switched off."""
    asking.now = HOUR - timedelta(milliseconds=1)
    assert await asking.look() == []
    asking.now, asking.hour = HOUR, None
    assert await asking.look() == []
    asking.hour, asking.roster = WeeklyHour(5, time(10)), None
    assert await asking.look() == []
    asking.roster = Roster((ANA, BEN, EVA))
    assert await asking.look() == ["7", "8"]
    assert await asking.look() == ["7", "8"]
    [question] = await asking.db.session_prompts.find({"athleteId": "ana"}).to_list()
    assert (question["dueAt"], question["notAfter"]) == (HOUR, datetime(2026, 2, 23, tzinfo=UTC))
    assert question["state"] == "pending"


async def test_who_has_said_it_is_not_asked(asking: Asking) -> None:
    """By themselves, with /availability."""
    await asking.store.say(ANA, DayWish(MONDAY, is_possible=True), UpdateStamp(1, HOUR))
    assert await asking.look() == ["8"]


async def test_what_it_says(asking: Asking, db: Database) -> None:
    """Seven buttons; a document of that kind by somebody else says no week."""
    await asking.look()
    document = await db.session_prompts.find_one({"athleteId": "ana"})
    assert document is not None
    renderer = object.__new__(PromptRenderer)
    shown = renderer._availability(read_prompt(document), EN)
    assert "23 February to 1 March" in shown.text
    assert shown.keyboard is not None
    assert sum(map(len, shown.keyboard)) == 7
    with pytest.raises(InvalidPrompt, match="sessionId"):
        renderer._availability(read_prompt(document | {"sessionId": "odd"}), EN)
