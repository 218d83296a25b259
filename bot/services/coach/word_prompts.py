"""Words between athletes and the coach in the outbox: when they go, how they read, what becomes of them."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.core.coach import texts
from bot.core.people.athlete import Athlete
from bot.core.prompts.prompt import InvalidPrompt, Prompt, PromptState
from bot.core.talk.words import Direction, Part, Word, chunks, read_part
from bot.core.telegram.action_payloads import Action, format_action
from bot.core.telegram.chats import ChatTopic
from bot.services.coach.read_button import athlete_link
from bot.services.coach.roster import CoachRoster
from bot.services.people.language_cache import LanguageCache
from bot.services.prompts.kinds import CopiedMessage, RenderedPrompt
from bot.store.coach.messages import CoachMessageStore, read_word
from bot.store.prompts.outbox import Outbox

_LOOK_AGAIN = timedelta(seconds=2)
_NO_ATHLETE = "its athlete is not on the roster any more"


class WordPrompts:
    """See `bot.services.prompts.kinds.OwnKind`.

    Args:
        coach: COACH_CHAT_ID.
    """

    def __init__(
        self,
        messages: CoachMessageStore,
        outbox: Outbox,
        roster: CoachRoster,
        languages: LanguageCache,
        coach: ChatTopic | None,
    ) -> None:
        self._messages = messages
        self._outbox = outbox
        self._roster = roster
        self._languages = languages
        self._coach = coach

    async def may_go(self, prompt: Prompt, athlete: Athlete | None, now: datetime) -> bool:
        """One after the other, as they were written; also in a pause: somebody writes, and no plan asks."""
        if prompt.user_id is not None and athlete is None:
            await self._outbox.settle_unasked(prompt, PromptState.CANCELLED, now, _NO_ATHLETE)
            return False
        if not await self._messages.is_next(prompt):
            await self._outbox.postpone(prompt, now + _LOOK_AGAIN)
            return False
        return True

    async def compose(self, prompt: Prompt, athlete: Athlete | None) -> RenderedPrompt | None:
        """None for what was deleted."""
        part = read_part(prompt.about)
        if part is None:
            raise InvalidPrompt("about: names no message; words are sent by the bot alone")
        document = await self._messages.word(part)
        word = None if document is None else read_word(document)
        if document is None or word is None:
            return None
        if part.number is None:
            return await self._not_delivered(prompt, word, document.get("refusal"))
        if part.copies is not None:
            return RenderedPrompt("", copies=CopiedMessage(part.chat_id, part.copies))
        return await self._text(prompt, part.number, word, athlete, document.get("readBy"))

    async def _text(
        self, prompt: Prompt, number: int, word: Word, athlete: Athlete | None, read_by: object
    ) -> RenderedPrompt | None:
        pieces = chunks(word.text) or [""]
        if number >= len(pieces):
            return None
        piece, quotes = pieces[number], None
        if word.answers is not None and word.answers.chat_id == prompt.chat_id and number == 0:
            quotes = word.answers.message_id
        edits = prompt.message_id if prompt.was_sent else None
        if word.direction is Direction.TO_ATHLETE:
            text = texts.from_coach(word.author, piece, self._languages.of_athlete(athlete))
            return RenderedPrompt(text, edits=edits, quotes=quotes)
        language, name = self._languages.of(prompt.chat_id), await athlete_link(word, self._roster)
        if number:
            return RenderedPrompt(texts.from_athlete(name, piece, language), edits=edits)
        is_read = isinstance(read_by, str)
        text = texts.from_athlete(name, piece, language, read_by=str(read_by) if is_read else None)
        read = {
            "text": language.texts.coach_alerts.seen_button,
            "callback_data": format_action(Action.READ),
        }
        return RenderedPrompt(text, [] if is_read else [[read]], edits, quotes)

    async def _not_delivered(self, prompt: Prompt, word: Word, refusal: object) -> RenderedPrompt | None:
        if not isinstance(refusal, str):
            return None  # it has arrived since
        quotes = word.message_id if word.chat_id == prompt.chat_id else None
        language = self._languages.of(prompt.chat_id)
        return RenderedPrompt(
            texts.not_delivered(await athlete_link(word, self._roster), refusal, language), quotes=quotes
        )

    async def sent(self, prompt: Prompt, message_id: int | None, sent_at: datetime, now: datetime) -> None:
        """See `OwnKind`."""
        await self._messages.settle(prompt, message_id, sent_at, now)

    async def refused(self, prompt: Prompt, reason: str, now: datetime) -> None:
        """Who wrote it is told, once."""
        if _is_part(read_part(prompt.about)) and prompt.user_id is not None:
            await self._messages.refused(prompt, reason, self._coach, now)


def _is_part(part: Part | None) -> bool:
    return part is not None and part.number is not None
