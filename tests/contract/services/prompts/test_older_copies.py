"""One truth in the chat: older messages with a question say where it goes on."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.core.people.athlete import Athlete, ContactHours, Roster
from bot.core.prompts.prompt import Answered, Prompt, read_prompt
from bot.core.shared.errors import TelegramRejected, TelegramUnknown
from bot.core.telegram.rate_limits import SendLimits
from bot.services.pain.alert_writer import AlertWriter
from bot.services.prompts.older_copies import OlderCopies
from bot.services.prompts.renderer import PromptRenderer
from bot.services.telegram.message_editor import MessageEditor
from bot.store.inbox.disk_journal import DiskJournal
from bot.store.prompts.coach_alerts import CoachAlertStore
from bot.store.prompts.copies import CopyStore
from bot.store.prompts.outbox import Outbox
from bot.store.prompts.prompts import PromptStore
from tests.support.fakes import NOW, Database, FakeApi, running
from tests.support.flows import Parts
from tests.support.processing import languages_of

ANA, GROUP = 7, -1001234567890
HOUR = timedelta(hours=1)
QUESTION = "How did your session go?\n<b>Tempo</b>"
ASKED, BELOW, ABOVE = (f"{QUESTION}\n\n{text}" for text in (
    "⤵️ Asked again below.", "⤵️ Answered below.", "⤴️ Answered above.",
))  # fmt: skip


class Chat:
    """An outbox, and what edits the messages that were sent from it."""

    def __init__(self, db: Database, api: FakeApi) -> None:
        self.db, self.api = db, api
        self.prompts, self.outbox = PromptStore(db), Outbox(db)
        self.roster: Roster | None = Roster((Athlete("ana", ANA, ANA, ContactHours(ZoneInfo("UTC"))),))
        self.may_edit, self.seconds = True, 0.0
        self.copies = self.started()

    def started(self) -> OlderCopies:
        """What runs after a start; what was in memory before is gone."""
        clock = lambda: NOW  # noqa: E731
        renderer = PromptRenderer(
            AlertWriter(CoachAlertStore(self.db), lambda: self.roster, languages_of(self.db, clock), UTC),
            *(self.prompts, lambda: self.roster, languages_of(self.db, clock)),
            *(clock, UTC, Parts.of(self.db, DiskJournal(Path("unused")), clock).weeks()),
        )
        self.editor = MessageEditor(self.api, SendLimits(), self._monotonic)
        return OlderCopies(
            *(CopyStore(self.db), renderer, self.editor, lambda: self.roster),
            *(lambda: self.may_edit, lambda: self.seconds),
        )

    def _monotonic(self) -> float:
        """Every chat's turn has come at each look."""
        self.seconds += 100
        return self.seconds

    async def put(self, **fields: Any) -> Prompt:
        """A question that is to be sent."""
        document = {"runId": "r", "sessionId": "s", "chatId": str(ANA), "userId": ANA, "title": "Tempo"}
        await self.db.session_prompts.insert_one({**document, **fields})
        return await self.prompt()

    async def prompt(self) -> Prompt:
        """The question as it stands."""
        document = await self.db.session_prompts.find_one({})
        assert document is not None
        return read_prompt(document)

    async def send(self, *message_ids: int) -> None:
        """It is sent, each time as another message."""
        for message_id in message_ids:
            await self.outbox.settle_sent(await self.prompt(), message_id, NOW, NOW)

    async def answer(self, message_id: int | None, chat: int = ANA) -> None:
        """It is answered below this message; a tap that came behind another one says None."""
        await self.prompts.settle_taps([Answered("r", "s", chat, ANA, NOW, message_id)], [])

    async def look(self) -> dict[int, str | None]:
        """Look twice; returns what was edited, by message."""
        before = len(self.api.edits)
        for _ in range(2):
            await self.copies.look()
            async with running(self.editor.run()):
                await self.editor.drain()
        assert all(keyboard == [] for *_, keyboard in self.api.edits[before:])
        return {message_id: text for _, message_id, text, _ in self.api.edits[before:]}

    async def is_due(self) -> bool:
        """Whether something is to be edited still."""
        return await self.db.session_prompts.count_documents({"copiesAt": {"$exists": True}}) > 0


@pytest.fixture
def chat(db: Database, api: FakeApi) -> Chat:
    """See `Chat`."""
    return Chat(db, api)


async def test_the_usual_day(chat: Chat) -> None:
    """A question that is asked once and answered: nothing is edited, and nothing is to be."""
    await chat.put()
    await chat.send(1)
    assert not await chat.is_due()
    await chat.answer(1)
    assert not await chat.is_due()
    assert await chat.look() == {}


async def test_asked_again_and_answered(chat: Chat) -> None:
    """Older messages point to the newest one, and then to the one with the answer; once each time."""
    await chat.put()
    await chat.send(1, 5)
    assert await chat.look() == {1: ASKED}
    assert not await chat.is_due()
    await chat.send(9)
    assert await chat.look() == {1: ASKED, 5: ASKED}
    await chat.answer(9)
    assert await chat.look() == {1: BELOW, 5: BELOW}
    assert await chat.look() == {}
    await chat.answer(9)
    assert not await chat.is_due()


async def test_answered_in_an_older_message(chat: Chat) -> None:
    """Its buttons were still there: then the newer ones point up; a change of mind below points there."""
    await chat.put()
    await chat.send(1, 5)
    await chat.answer(1)
    assert await chat.look() == {5: ABOVE}
    await chat.answer(5)
    assert await chat.look() == {1: BELOW}
    await chat.answer(None)  # an older tap that came behind
    assert not await chat.is_due()


async def test_answered_while_it_is_sent_again(chat: Chat) -> None:
    """What arrives then was answered above."""
    await chat.put()
    await chat.send(1)
    await chat.answer(1)
    await chat.send(5)
    assert await chat.look() == {5: ABOVE}


async def test_a_group(chat: Chat) -> None:
    """A link leads there, by its topic."""
    await chat.put(chatId=str(GROUP), messageThreadId=3)
    await chat.send(1, 5)
    [text] = (await chat.look()).values()
    assert text == f'{QUESTION}\n\n<a href="https://t.me/c/1234567890/3/5">⤵️ Asked again below.</a>'


async def test_what_is_killed_before_it_is_shown(chat: Chat) -> None:
    """After the restart it is shown."""
    await chat.put()
    await chat.send(1, 5)
    await chat.copies.look()
    chat.copies = chat.started()
    assert await chat.look() == {1: ASKED}
    await chat.answer(5)
    chat.copies = chat.started()
    assert await chat.look() == {1: BELOW}
    assert not await chat.is_due()


@pytest.mark.parametrize(("errors", "edits"), [([TelegramRejected("gone")], 1), ([TelegramUnknown("?")], 2)])
async def test_what_telegram_does_not_take(chat: Chat, errors: Iterable[Exception], edits: int) -> None:
    """A message that is gone is let be; a failure is tried again, not at once."""
    chat.api.edit_script.extend(errors)
    await chat.put()
    await chat.send(1, 5)
    chat._monotonic = lambda: chat.seconds  # type: ignore[method-assign]
    chat.copies = chat.started()
    await chat.look()
    assert len(chat.api.edits) == 1
    assert await chat.is_due() == (edits == 2)
    chat.seconds += 29.9
    await chat.look()
    assert len(chat.api.edits) == 1
    chat.seconds += 0.1
    await chat.look()
    assert len(chat.api.edits) == edits
    assert not await chat.is_due()


async def test_who_waits(chat: Chat) -> None:
    """As long as nobody knows the athletes, and while another service edits, it stays to be done."""
    await chat.put()
    await chat.send(1, 5)
    roster, chat.roster = chat.roster, None
    assert await chat.look() == {}
    chat.roster, chat.may_edit = roster, False
    assert await chat.look() == {}
    chat.may_edit = True
    assert await chat.look() == {1: ASKED}


@pytest.mark.parametrize("fields", [{"chatId": "nobody"}, {"messages": "odd"}, {"messages": []}])
async def test_what_others_have_spoilt(chat: Chat, fields: dict[str, Any]) -> None:
    """It holds up nobody."""
    await chat.put()
    await chat.send(1, 5)
    await chat.db.session_prompts.update_one({}, {"$set": fields})
    assert await chat.look() == {}
    assert not await chat.is_due()


@pytest.mark.parametrize("kind", ["reminder", "weekly"])
async def test_what_is_no_question(chat: Chat, kind: str) -> None:
    """A second copy of it says the same as the first."""
    await chat.put(kind=kind)
    await chat.send(1, 5)
    assert not await chat.is_due()
