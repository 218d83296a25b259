"""The button below what an athlete wrote: the coach has read it, which the athlete sees as a reaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeAlias

from bot.core.answers.message import MessageEdit
from bot.core.answers.rules import Cause, NotWritten, Outcome
from bot.core.coach import names, texts
from bot.core.i18n.language import Language
from bot.core.people.athlete import Athlete
from bot.core.talk.words import Direction, Word, chunks
from bot.core.telegram.action_payloads import Action, ActionTap
from bot.core.telegram.reactions import Reaction
from bot.core.telegram.updates import Tap
from bot.services.chat.button_actions import ActionDone, ActionHandler, ActionResult
from bot.services.coach.roster import CoachRoster
from bot.store.coach.messages import CoachMessageStore, read_word

React: TypeAlias = Callable[[int, int, Reaction], None]
"""Gives a message of a chat a reaction, soon."""


class ReadButton:
    """Marks athletes' words as read.

    Args:
        coach: COACH_CHAT_ID.
    """

    def __init__(
        self, messages: CoachMessageStore, coach: int | None, roster: CoachRoster, react: React
    ) -> None:
        self._messages = messages
        self._coach = coach
        self._roster = roster
        self._react = react

    def handlers(self) -> Mapping[Action, ActionHandler]:
        """The button that is seen to here."""
        return {Action.READ: self._mark_read}

    async def _mark_read(self, _read: ActionTap, tap: Tap, _athlete: Athlete | None) -> ActionResult:
        refused = NotWritten(Outcome.REFUSED, cause=Cause.NO_ALERT)
        if tap.chat_id is None or tap.message_id is None or self._coach is None:
            return refused
        # Not by what the button says, which anybody can send, but by the message that has it.
        told = await self._messages.told_coach(tap.chat_id, self._coach, tap.message_id)
        if told is None or told.answers is None:
            return refused
        by = tap.first_name or tap.username or str(tap.user_id)
        document = await self._messages.read(told.answers, by, tap.received_at)
        word = None if document is None else read_word(document)
        if document is None or word is None or word.direction is not Direction.TO_COACH:
            return refused
        for message_id in dict.fromkeys([word.message_id, *(it.message_id for it in word.attachments)]):
            self._react(word.chat_id, message_id, Reaction.READ)
        name = await athlete_link(word, self._roster)
        read_by = str(document.get("readBy") or by)
        return ActionDone(texts.read_toast, instead=partial(_shown, name, word, read_by))


async def athlete_link(word: Word, roster: CoachRoster) -> str:
    """The name of the athlete of a word, with a link by which a reply is known to be for them (HTML).

    Raises:
        StorageError: the roster cannot be read.
    """
    loaded = await roster.load()
    athlete = loaded.by_user(word.user_id) or loaded.by_id(word.athlete_id)
    if athlete is None:
        return names.link(str(word.user_id), None)
    if athlete.name is None and word.direction is Direction.TO_COACH:
        return names.link(word.author, word.user_id)
    return names.link(names.label(athlete, loaded), word.user_id)


def _shown(name: str, word: Word, read_by: str, language: Language) -> MessageEdit:
    first = next(iter(chunks(word.text)), "")
    return MessageEdit(texts.from_athlete(name, first, language, read_by=read_by), html=True)
