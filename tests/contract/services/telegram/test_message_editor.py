"""Edits of messages."""

from __future__ import annotations

from functools import partial

from bot.core.answers.keyboards import answered_keyboard, prompt_keyboard
from bot.core.answers.message import MessageEdit
from bot.core.facts.answer_types import FeedbackType
from bot.core.shared.errors import TelegramRateLimited, TelegramRejected
from tests.support.fakes import EN, FakeApi, eventually, running
from tests.support.processing import Recording


async def test_of_several_changes_only_the_last_is_shown(api: FakeApi, recording: Recording) -> None:
    """A message that waits for its edit is edited once, with the answer that counts then."""
    for type_ in FeedbackType:
        keyboard = answered_keyboard(prompt_keyboard("r", "s", EN), type_)
        recording.marker.put(1, 2, partial(MessageEdit, None, [], keyboard))
    async with running(recording.marker.run()):
        await recording.marker.drain()
    assert api.edits == [(1, 2, None, answered_keyboard(prompt_keyboard("r", "s", EN), FeedbackType.PAIN))]


async def test_marks_survive_limits_refusals_and_defects(api: FakeApi, recording: Recording) -> None:
    """A 429 is tried again, a refusal is let be, and a defect does not end the marks of others."""
    api.edit_script.extend(
        [TelegramRateLimited("wait", 0.01), TelegramRejected("not found"), RuntimeError("defect"), None, None]
    )
    for chat_id in (1, 2, 3, 4):
        recording.marker.put(chat_id, 2, partial(MessageEdit, "How?", [], []))
    async with running(recording.marker.run()):
        await eventually(lambda: len(api.edits) == 5)
    assert sorted(chat_id for chat_id, *_ in api.edits) == [1, 1, 2, 3, 4]
