"""The way of messages: which of them wait for MongoDB, and what a defect with one of them does."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from bot.core.shared.errors import StorageUnavailable
from bot.core.telegram.updates import CommandUpdate
from bot.services.chat.change_commands import ChangeCommands
from bot.services.chat.commands import ChatCommands
from bot.services.chat.replies import CommandReplies
from bot.services.chat.reply import Reply
from bot.services.processing.dead_letters import MAX_TRIES
from bot.services.words.notes import NoteTaker
from tests.support.fakes import ADMIN, EN, NOW, FakeApi, eventually, message_update, running, tap_update
from tests.support.processing import Recording

ANA, BEN, CLEO = 71, 72, 73
NOT_DONE = EN.texts.people.not_done


@pytest.fixture
async def athletes(recording: Recording) -> None:
    """Three athletes."""
    for user_id in (ANA, BEN, CLEO):
        assert await recording.athletes.add(f"a{user_id}", {"userId": user_id}, NOW)
    await recording.roster.refresh()


async def test_what_needs_no_mongodb_does_not_wait_for_it(api: FakeApi, recording: Recording) -> None:
    """/help is replied to while others' taps wait; each once."""
    recording.events.down = StorageUnavailable("away")
    await recording.receive(
        tap_update(1), message_update(2, "/help", ADMIN), message_update(3, "/stats", ADMIN)
    )
    async with running(*recording.flows()):
        await eventually(lambda: recording.events.calls > 2)
        await eventually(lambda: [chat for chat, _, _ in api.sent] == [ADMIN])
        recording.events.down = None
        await eventually(recording.emptied)
    assert [chat for chat, _, _ in api.sent] == [ADMIN, ADMIN]
    assert "/stats" in api.sent[0][1]


@pytest.mark.usefixtures("athletes")
async def test_a_defect_with_one_command_does_not_repeat_the_others(
    api: FakeApi, recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are carried out once, and the one is a dead letter of which its sender is told."""
    carry_out = ChatCommands.carry_out
    carried_out: Counter[int] = Counter()

    async def fail(self: ChatCommands, update: CommandUpdate, *arguments: Any, **options: Any) -> Reply:
        carried_out[update.user_id] += 1
        if update.user_id == BEN:
            raise ValueError("a defect")
        return await carry_out(self, update, *arguments, **options)

    monkeypatch.setattr(ChatCommands, "carry_out", fail)
    await recording.receive(*(message_update(n, "/pause 7", n) for n in (ANA, BEN, CLEO)))
    async with running(*recording.flows()):
        await eventually(recording.emptied)
        await eventually(lambda: len(api.sent) == 3)
    assert carried_out == {ANA: 1, BEN: 1 + MAX_TRIES, CLEO: 1}
    assert {chat for chat, text, _ in api.sent if text == NOT_DONE} == {BEN}
    assert (await recording.journal.state()).dead == 1


@pytest.mark.usefixtures("athletes")
@pytest.mark.parametrize("text", ["/help", "/pause 7"])
@pytest.mark.parametrize("defects", [1, 100])
async def test_a_defect_in_replying_ends_nothing(
    api: FakeApi, recording: Recording, monkeypatch: pytest.MonkeyPatch, text: str, defects: int
) -> None:
    """The others are replied to; what always fails, or would at the next try, is a dead letter."""
    put = CommandReplies.put
    tries: Counter[int] = Counter()

    def fail(self: CommandReplies, command: Any, *arguments: Any) -> None:
        tries[command.user_id] += 1
        if command.user_id == BEN and tries[BEN] <= defects:
            raise ValueError("a defect")
        put(self, command, *arguments)

    monkeypatch.setattr(CommandReplies, "put", fail)
    await recording.receive(*(message_update(n, text, n) for n in (ANA, BEN, CLEO)))
    async with running(*recording.flows()):
        await eventually(recording.emptied)
        await recording.receive(message_update(99, "/help", ANA))
        await eventually(recording.emptied)
    is_told = text == "/pause 7" and defects < MAX_TRIES
    assert Counter(chat for chat, _, _ in api.sent) == {ANA: 2, CLEO: 1, **({BEN: 1} if is_told else {})}
    assert (await recording.journal.state()).dead == (0 if is_told else 1)


@pytest.mark.usefixtures("athletes")
async def test_a_defect_in_telling_of_a_refused_change_ends_nothing(
    api: FakeApi, recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What fails in the reply to a dead letter leaves it a dead letter."""

    async def fail(_self: ChangeCommands, *_arguments: Any, **_options: Any) -> Reply:
        raise ValueError("a defect")

    def fail_to_reply(_self: CommandReplies, *_arguments: Any) -> None:
        raise ValueError("another defect")

    monkeypatch.setattr(ChatCommands, "carry_out", fail)
    monkeypatch.setattr(CommandReplies, "put", fail_to_reply)
    await recording.receive(message_update(1, "/pause 7", ANA))
    async with running(*recording.flows()):
        await eventually(recording.emptied)
    assert api.sent == []
    assert (await recording.journal.state()).dead == 1


@pytest.mark.usefixtures("athletes")
async def test_a_defect_in_telling_of_a_note_ends_nothing(
    api: FakeApi, recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The note is a dead letter, and what comes after it is replied to."""

    async def fail(_self: NoteTaker, *_arguments: Any) -> Reply:
        raise ValueError("a defect")

    monkeypatch.setattr(NoteTaker, "_renewed", fail)
    note = message_update(1, "my knee", ANA)
    note["message"] |= {
        "message_id": 5,
        "date": int(NOW.timestamp()),
        "reply_to_message": {
            "message_id": 4,
            "date": int(NOW.timestamp()) - 60,
            "from": {"id": 1, "is_bot": True},
            "reply_markup": {
                "inline_keyboard": [[{"text": "Done", "callback_data": "session_feedback|r|s|done"}]]
            },
        },
    }
    await recording.receive(note)
    async with running(*recording.flows()):
        await eventually(recording.emptied)
        await recording.receive(message_update(2, "/help", ANA))
        await eventually(recording.emptied)
    assert [chat for chat, _, _ in api.sent] == [ANA]
    assert (await recording.journal.state()).dead == 1
