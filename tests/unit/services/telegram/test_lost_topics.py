"""Topics that take nothing are told once."""

from __future__ import annotations

import pytest

from bot.core.health.vitals import TopicLost
from bot.services.telegram.lost_topics import LostTopics


def test_each_topic_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """In the log, with the cure, and as news for admins."""
    topics = LostTopics()
    for topic in (42, 42, 43, 42):
        topics(-100, topic, "TOPIC_CLOSED")
    assert topics.news() == [TopicLost(-100, 42, "TOPIC_CLOSED"), TopicLost(-100, 43, "TOPIC_CLOSED")]
    topics(-100, 43, "TOPIC_CLOSED")
    topics(-101, 43, "message thread not found")
    assert topics.news() == [TopicLost(-101, 43, "message thread not found")]
    assert len(caplog.messages) == 3
    assert "topic 42 of chat -100 takes no messages" in caplog.messages[0]
    assert "open the topic again, or name another one" in caplog.messages[0]
