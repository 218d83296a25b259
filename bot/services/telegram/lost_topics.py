"""Topics that are closed or deleted: told once, while what was meant for them goes to the chat itself."""

from __future__ import annotations

import logging

from bot.core.health.vitals import TopicLost

log = logging.getLogger(__name__)


class LostTopics:
    """Called for each message that was not taken in a topic, and went to the chat itself."""

    def __init__(self) -> None:
        self._told: set[tuple[int, int]] = set()
        self._news: list[TopicLost] = []

    def __call__(self, chat_id: int, thread_id: int, reason: str) -> None:
        """Say so, if that is new since the start."""
        if (chat_id, thread_id) in self._told:
            return
        self._told.add((chat_id, thread_id))
        self._news.append(TopicLost(chat_id, thread_id, reason))
        log.warning(
            "topic %d of chat %d takes no messages, so that they go to the chat itself (%s); open the topic"
            " again, or name another one",
            thread_id, chat_id, reason,
        )  # fmt: skip

    def news(self) -> list[TopicLost]:
        """What is to be told to admins: once each."""
        news, self._news = self._news, []
        return news
