"""Words between athletes and the coach: who takes them, and how they go on their way."""

from __future__ import annotations

from dataclasses import dataclass

from bot.core.telegram.chats import ChatTopic
from bot.services.chat.words import Taker
from bot.services.coach.post import CoachPost
from bot.services.coach.roster import CoachRoster
from bot.services.coach.takers import CoachsWordAnswered, FromCoach, KeptForCoach, ToCoach
from bot.store.coach.messages import CoachMessageStore


@dataclass(frozen=True, slots=True)
class CoachTalk:
    """The takers of such words, in the order in which they are asked: see `bot.services.processing.wiring`.

    Attributes:
        post: sends a coach's words.
        from_coach: takes what is written in the coach's chat.
        answered: takes replies to what the coach wrote.
        kept: takes what is about no session.
    """

    post: CoachPost
    from_coach: Taker
    answered: Taker
    kept: Taker

    @classmethod
    def of(cls, messages: CoachMessageStore, roster: CoachRoster, coach: ChatTopic | None) -> CoachTalk:
        """Wire them.

        Args:
            coach: COACH_CHAT_ID.
        """
        post, to_coach = CoachPost(messages, roster), ToCoach(messages, coach)
        return cls(
            post,
            FromCoach(messages, post, roster),
            CoachsWordAnswered(to_coach),
            KeptForCoach(to_coach),
        )
