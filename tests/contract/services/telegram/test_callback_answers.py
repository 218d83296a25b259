"""Answers to callback queries."""

from __future__ import annotations

from collections import deque

from bot.core.shared.errors import TelegramNotSent, TelegramRateLimited
from bot.services.telegram.callback_answers import CallbackAnswer
from tests.support.fakes import FakeApi, running
from tests.support.processing import Recording


async def test_answers_are_tried_again_until_they_get_through(api: FakeApi, recording: Recording) -> None:
    """A lost connection and a 429 are no reason to leave a tap without an answer."""
    failures = deque([TelegramNotSent("down"), TelegramRateLimited("wait", 0.001)])

    async def fail(_query: str, _text: str) -> None:
        if failures:
            raise failures.popleft()

    api.on_answer = fail
    done: list[str] = []
    async with running(*recording.answerer.loops()):
        recording.answerer.put(CallbackAnswer("q", "text", alert=True), lambda: done.append("q"))
        await recording.answerer.join()
    assert api.answers == [("q", "text", True)]
    assert done == ["q"]
