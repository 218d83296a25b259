"""Sends words to an athlete in the coach's name. Doing it again, after a crash, changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.core.coach import names, texts
from bot.core.i18n.language import Language
from bot.core.people.athlete import Athlete
from bot.core.shared.update_order import UpdateStamp
from bot.core.talk.words import Direction, Word, goes_at
from bot.core.telegram.attachments import Attachment
from bot.core.telegram.chats import ChatTopic
from bot.core.telegram.reactions import Reaction
from bot.services.chat.commands import CommandRequest
from bot.services.chat.reply import Reply
from bot.services.chat.words import Written
from bot.services.coach.roster import CoachRoster
from bot.store.coach.messages import CoachMessageStore, Told


@dataclass(frozen=True, slots=True)
class Letter:
    """A message of a coach's, as far as its words are not concerned.

    Attributes:
        author, author_id: who wrote it.
        at: when this bot first received it.
        language: of the reply.
    """

    chat_id: int
    message_id: int
    thread_id: int | None
    author: str | None
    author_id: int
    stamp: UpdateStamp
    language: Language
    attachments: tuple[Attachment, ...] = ()
    is_edit: bool = False

    @property
    def at(self) -> datetime:
        """When it was received."""
        return self.stamp.at

    @classmethod
    def of(cls, words: Written) -> Letter:
        """What was written without a command."""
        update = words.update
        return cls(
            chat_id=update.chat_id,
            message_id=update.message_id,
            thread_id=update.thread_id,
            author=update.sender_name,
            author_id=update.user_id,
            stamp=words.stamp,
            language=words.language,
            attachments=update.attachments,
            is_edit=update.is_edit,
        )

    @classmethod
    def of_command(cls, request: CommandRequest) -> Letter:
        """What was written behind /ask."""
        update = request.update
        return cls(
            chat_id=update.chat_id,
            message_id=update.message_id or -update.update_id,
            thread_id=update.thread_id,
            author=update.sender_name,
            author_id=update.user_id,
            stamp=request.stamp,
            language=request.language,
        )


class CoachPost:
    """Has words go to an athlete."""

    def __init__(self, messages: CoachMessageStore, roster: CoachRoster) -> None:
        self._messages = messages
        self._roster = roster

    async def send(self, letter: Letter, athlete: Athlete, text: str, answered: Told | None) -> Reply:
        """Have them sent; returns what to say to who wrote them.

        Args:
            answered: the message of ours that they reply to, if that is known.

        Raises:
            StorageError: doing it again is harmless.
        """
        language = letter.language
        who = names.label(athlete, await self._roster.load())
        if athlete.user_id is None:
            return Reply(texts.no_telegram(who, language), is_outcome=True)
        word = Word(
            direction=Direction.TO_ATHLETE,
            user_id=athlete.user_id,
            athlete_id=athlete.athlete_id,
            chat_id=letter.chat_id,
            message_id=letter.message_id,
            thread_id=letter.thread_id,
            author=letter.author or language.texts.coach.a_coach,
            author_id=letter.author_id,
            text=text,
            attachments=letter.attachments,
            stamp=letter.stamp,
            answers=None if answered is None else answered.answers,
            is_edit=letter.is_edit,
        )
        heard = await self._messages.last_heard(athlete.user_id)
        if answered is not None and answered.heard_at is not None:
            heard = answered.heard_at if heard is None else max(heard, answered.heard_at)
        goes = goes_at(letter.at, athlete.quiet_until(letter.at), heard)
        # In private: a group in which they are asked would read it, too.
        is_kept = await self._messages.put(word, ChatTopic(athlete.user_id), goes)
        if letter.is_edit:
            return Reply("")
        if not is_kept:
            return Reply(language.texts.coach.not_here, is_outcome=True)
        until = None if goes == letter.at else goes.astimezone(athlete.hours.zone)
        # Where it is clear for whom it is, and it goes at once, no more need be said.
        is_clear = answered is not None and until is None
        reaction = Reaction.PASSED_ON if is_clear else None
        return Reply(texts.on_its_way(who, until, language), is_outcome=True, reaction=reaction)
