"""Takes what is written between athletes and the coach, see `bot.services.chat.words`."""

from __future__ import annotations

from bot.core.people.athlete import Athlete, Roster
from bot.core.prompts.prompt import PromptKind
from bot.core.talk.words import Direction, Word
from bot.core.telegram.chats import ChatTopic
from bot.core.telegram.reactions import Reaction
from bot.core.telegram.updates import NoteUpdate
from bot.services.chat.reply import Reply
from bot.services.chat.words import Written
from bot.services.coach.post import CoachPost, Letter
from bot.services.coach.roster import CoachRoster
from bot.store.coach.messages import CoachMessageStore, Told

_NOTHING = Reply("")
_ABOUT_ATHLETES = (PromptKind.ALERT, PromptKind.WORD)
_FROM_COACH = (PromptKind.NOTICE, PromptKind.WORD)


class FromCoach:
    """Takes what is written in the coach's chat."""

    def __init__(self, messages: CoachMessageStore, post: CoachPost, roster: CoachRoster) -> None:
        self._messages = messages
        self._post = post
        self._roster = roster

    async def take(self, words: Written) -> Reply | None:
        """See `Taker`: a reply to what tells of an athlete is for them; all else is told how that goes."""
        update = words.update
        if not words.is_coach_chat:
            return None
        texts_ = words.language.texts.coach
        roster = await self._roster.load()
        told = await self._told(update)
        athletes = _meant(told, update, roster)
        if len(athletes) == 1:
            if not words.text and not update.attachments:
                return _NOTHING
            return await self._post.send(Letter.of(words), athletes[0], words.text, told)
        if told is None and not athletes and words.sender is not None:  # they train here, too
            return None
        if update.is_edit:
            return _NOTHING
        if athletes:
            return Reply(texts_.several)
        return Reply(texts_.not_here if told is not None else texts_.how_to_reply)

    async def _told(self, update: NoteUpdate) -> Told | None:
        if update.replied_to is None:
            return None
        return await self._messages.told(update.chat_id, update.replied_to, _ABOUT_ATHLETES)


class ToCoach:
    """Takes what athletes write to their coach.

    Args:
        coach: COACH_CHAT_ID; None: words are kept, and shown where answers are.
    """

    def __init__(self, messages: CoachMessageStore, coach: ChatTopic | None) -> None:
        self._messages = messages
        self._coach = coach

    async def answer(self, words: Written) -> Reply | None:
        """Take a reply to what the coach wrote, or has seen; None: it is none."""
        update = words.update
        if update.replied_to is None or words.sender is None:
            return None
        told = await self._messages.told(update.chat_id, update.replied_to, _FROM_COACH)
        if told is None or told.user_id != update.user_id:
            return None
        return await self._pass_on(words, told)

    async def keep(self, words: Written) -> Reply | None:
        """Take what is about no session."""
        if words.sender is None or not words.update.is_private:
            return None
        return await self._pass_on(words, None)

    async def _pass_on(self, words: Written, told: Told | None) -> Reply:
        update, athlete, language = words.update, words.athlete, words.language
        came_with = update.attachments
        if not words.text and not came_with:
            return _NOTHING
        word = Word(
            direction=Direction.TO_COACH,
            user_id=update.user_id,
            athlete_id=athlete.athlete_id,
            chat_id=update.chat_id,
            message_id=update.message_id,
            thread_id=update.thread_id,
            author=athlete.name or update.sender_name or athlete.athlete_id,
            author_id=update.user_id,
            text=words.text,
            attachments=came_with,
            stamp=words.stamp,
            answers=None if told is None else told.answers,
            is_edit=update.is_edit,
        )
        if not await self._messages.put(word, self._coach, words.at) or update.is_edit:
            return _NOTHING
        said = language.texts.coach.kept if self._coach is None else language.texts.coach.passed_on
        reaction = None if told is None or self._coach is None else Reaction.PASSED_ON
        return Reply(said, is_outcome=True, reaction=reaction)


class CoachsWordAnswered:
    """The taker of replies to what the coach wrote."""

    def __init__(self, to_coach: ToCoach) -> None:
        self._to_coach = to_coach

    async def take(self, words: Written) -> Reply | None:
        """See `Taker`."""
        return await self._to_coach.answer(words)


class KeptForCoach:
    """The taker of what is about no session: it is for the coach."""

    def __init__(self, to_coach: ToCoach) -> None:
        self._to_coach = to_coach

    async def take(self, words: Written) -> Reply | None:
        """See `Taker`."""
        return await self._to_coach.keep(words)


def _meant(told: Told | None, update: NoteUpdate, roster: Roster) -> list[Athlete]:
    """The athletes whom the message that is replied to tells of."""
    if told is not None:
        found = [roster.by_user(told.user_id) or roster.by_id(told.athlete_id)]
    else:
        found = [roster.by_user(user_id) for user_id in update.people]
    return [athlete for athlete in found if athlete is not None]
