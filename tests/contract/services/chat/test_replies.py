"""Replies to commands."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from bot.api.openapi import examples
from bot.core.facts.commands import Command
from bot.core.figures import texts as stats_texts
from bot.core.figures.stats import Stats
from bot.core.i18n.language import Language
from bot.core.people import texts as people
from bot.core.shared.errors import PictureError, TelegramRateLimited, TelegramRejected
from bot.core.telegram.rate_limits import SendLimits
from bot.core.telegram.reactions import Reaction
from bot.core.telegram.updates import CommandUpdate, NoteUpdate
from bot.services.chat.replies import CommandReplies
from bot.services.chat.reply import Reply
from tests.support.fakes import ADMIN, ATHLETE, EN, STRANGER, FakeApi, eventually, running
from tests.support.flows import no_picture
from tests.support.processing import Recording


async def test_replies(api: FakeApi, recording: Recording) -> None:
    """Strangers learn their id, figures are for admins in private, and trouble is told in words."""
    commands = [
        CommandUpdate(1, STRANGER, 1, is_private=True, name="start", argument=""),
        CommandUpdate(1, STRANGER, 2, is_private=True, name="stats", argument=""),
        CommandUpdate(1, ADMIN, 3, is_private=False, name="stats", argument=""),
        CommandUpdate(1, ADMIN, 4, is_private=True, name="stats", argument="0"),
        CommandUpdate(1, ADMIN, 5, is_private=True, name="stats", argument="366"),
        CommandUpdate(1, ADMIN, 6, is_private=True, name="stats", argument="soon"),
        CommandUpdate(1, ADMIN, 7, is_private=True, name="stats", argument="7"),
        CommandUpdate(1, ATHLETE, 8, is_private=True, name="", argument=""),
        CommandUpdate(1, ATHLETE, 9, is_private=False, name="other", argument=""),
        CommandUpdate(1, ADMIN, 10, is_private=True, name="help", argument=""),
        CommandUpdate(1, ATHLETE, 11, is_private=True, name="other", argument=""),
    ]
    done: list[int] = []
    api.send_script.append(TelegramRejected("blocked"))
    async with running(recording.commands.run()):
        for number, command in enumerate(commands):
            recording.commands.put(command, lambda number=number: done.append(number))  # type: ignore[misc]
        await eventually(lambda: len(done) == len(commands))
    replies = {chat_id: text for chat_id, text, _ in api.sent}
    assert replies == {
        1: people.welcome(STRANGER, EN, athlete=False, admin=False),
        2: people.for_others(Command.STATS, EN),
        3: people.elsewhere(Command.STATS, EN),
        4: EN.texts.figures.usage,
        5: EN.texts.figures.usage,
        6: EN.texts.figures.usage,
        7: EN.texts.figures.later,
        8: EN.texts.people.try_help,
        11: EN.texts.people.unknown_command,
        10: people.admin_help(EN),
    }


def replies_with(
    api: FakeApi,
    recording: Recording,
    stats: Callable[[int], Awaitable[Stats]],
    draw: Callable[[Stats, Language], Awaitable[bytes]],
) -> CommandReplies:
    """Replies with other figures."""
    languages = recording.languages
    return CommandReplies(api, SendLimits(), recording.parts.chat(languages, stats, draw), languages)


def asking(argument: str = "") -> CommandUpdate:
    """An admin asks for figures."""
    return CommandUpdate(1, ADMIN, ADMIN, is_private=True, name="stats", argument=argument)


async def test_stats_come_with_their_picture_as_one_message(api: FakeApi, recording: Recording) -> None:
    """The text stands below the picture; while it is drawn, others get their replies."""
    painting, asked, done = asyncio.Event(), list[int](), list[str]()

    async def figures(days: int) -> Stats:
        asked.append(days)
        return examples.stats()

    async def draw(_stats: Stats, _language: Language) -> bytes:
        await painting.wait()
        return b"png"

    commands = replies_with(api, recording, figures, draw)
    hello = CommandUpdate(2, STRANGER, 5, is_private=True, name="start", argument="")
    async with running(commands.run()):
        commands.put(asking("7"), lambda: done.append("stats"))
        await eventually(lambda: asked == [7])
        commands.put(hello, lambda: done.append("start"))
        await eventually(lambda: done == ["start"])
        painting.set()
        await eventually(lambda: done == ["start", "stats"])
    text = stats_texts.stats(examples.stats(), Language.EN)
    assert api.photos == [(ADMIN, b"png", text)]
    assert [chat_id for chat_id, *_ in api.sent] == [5]


@pytest.mark.parametrize("refusal", [None, TelegramRejected("PHOTO_INVALID_DIMENSIONS")])
@pytest.mark.parametrize("is_missing_extra", [True, False])
async def test_without_a_picture_the_text_comes_alone(
    api: FakeApi, recording: Recording, refusal: Exception | None, *, is_missing_extra: bool
) -> None:
    """It says so; with the cure, if that is an extra to be installed. Nothing is sent twice."""

    async def figures(_days: int) -> Stats:
        return examples.stats()

    async def draw(_stats: Stats, _language: Language) -> bytes:
        if refusal is None:
            raise PictureError("no paint", is_missing_extra=is_missing_extra)
        return b"png"

    if refusal is not None:
        api.photo_script.append(refusal)
    api.send_script.append(TelegramRateLimited("wait", 0.01))
    done: list[int] = []
    commands = replies_with(api, recording, figures, draw)
    async with running(commands.run()):
        commands.put(asking(), lambda: done.append(1))
        await eventually(lambda: done == [1])
    text = stats_texts.without_picture(
        stats_texts.stats(examples.stats(), Language.EN),
        Language.EN,
        is_missing_extra=is_missing_extra and refusal is None,
    )
    assert [sent for _, sent, _ in api.sent] == [text, text]  # the first one was limited
    assert len(api.photos) == (0 if refusal is None else 1)


async def test_a_defect_in_the_figures_is_told(api: FakeApi, recording: Recording) -> None:
    """Whoever asked gets a reply, and the next one is served."""

    async def figures(_days: int) -> Stats:
        raise RuntimeError("defect")

    done: list[int] = []
    commands = replies_with(api, recording, figures, no_picture)
    async with running(commands.run()):
        for _ in range(2):
            commands.put(asking(), lambda: done.append(1))
        await eventually(lambda: done == [1, 1])
    assert [text for _, text, _ in api.sent] == [EN.texts.figures.later] * 2


async def test_a_flood_is_not_replied_to(api: FakeApi, recording: Recording) -> None:
    """Of many messages from one person three wait for a reply, the others are done with at once."""
    done: list[int] = []
    for number in range(50):
        command = CommandUpdate(1, STRANGER, 1, is_private=True, name="start", argument="")
        recording.commands.put(command, lambda number=number: done.append(number))  # type: ignore[misc]
    assert len(done) == 47
    # Somebody else in the same chat, a group, is replied to.
    other = CommandUpdate(1, ATHLETE, 1, is_private=False, name="start", argument="")
    recording.commands.put(other, lambda: done.append(50))
    assert len(done) == 47
    # An athlete's notes to several questions are none: what became of each is told.
    note = CommandUpdate(1, ATHLETE, ATHLETE, is_private=True, name="", argument="")
    for _ in range(40):
        recording.commands.put(note, lambda: done.append(-1), Reply("noted", is_outcome=True))
    assert done.count(-1) == 10
    assert api.sent == []


def noted(message_id: int) -> NoteUpdate:
    """An athlete's reply to a question."""
    return NoteUpdate(
        1, ATHLETE, 7, is_private=True, message_id=message_id, text="knee", replied_to=1, payloads=(),
        is_edit=False,
    )  # fmt: skip


async def test_a_reaction_in_place_of_a_reply(api: FakeApi, recording: Recording) -> None:
    """Where it cannot be given the text is sent, once; a limit is waited for, and what fails is let be."""
    done: list[int] = []
    reply = Reply("Noted.", is_outcome=True, reaction=Reaction.NOTED)
    api.reaction_script.extend(
        [None, TelegramRejected("REACTION_INVALID"), TelegramRateLimited("wait", 0.01), None]
    )
    async with running(recording.commands.run()):
        for number in (5, 6, 8):
            recording.commands.put(noted(number), lambda number=number: done.append(number), reply)  # type: ignore[misc]
        await eventually(lambda: len(done) == 3)
    assert api.reactions == [(7, 5, Reaction.NOTED), (7, 8, Reaction.NOTED)]
    assert [(chat_id, text) for chat_id, text, _ in api.sent] == [(7, "Noted.")]
