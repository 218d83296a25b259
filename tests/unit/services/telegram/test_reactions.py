"""Reactions, and what is done where none can be given."""

from __future__ import annotations

import pytest

from bot.core.shared.errors import (
    TelegramNotSent,
    TelegramRateLimited,
    TelegramRejected,
    TelegramUnsupported,
)
from bot.core.telegram.rate_limits import SendLimits
from bot.core.telegram.reactions import Reaction
from bot.services.telegram.reactions import MessageReactions
from tests.support.fakes import FakeApi, eventually, running

NOTED, READ = Reaction.NOTED, Reaction.READ


async def test_a_server_that_knows_none_is_asked_once() -> None:
    """Then it is remembered."""
    api = FakeApi()
    reactions = MessageReactions(api, SendLimits())
    api.reaction_script.extend([None, TelegramUnsupported("404")])
    assert [await reactions.give(7, number, NOTED) for number in range(4)] == [True, False, False, False]
    assert api.reactions == [(7, 0, NOTED)]
    assert not api.reaction_script


async def test_a_chat_that_allows_none() -> None:
    """Another one may."""
    api = FakeApi()
    reactions = MessageReactions(api, SendLimits())
    api.reaction_script.append(TelegramRejected("REACTION_INVALID"))
    assert not await reactions.give(7, 1, NOTED)
    assert await reactions.give(8, 1, NOTED)


@pytest.mark.parametrize("error", [TelegramNotSent("no network"), TelegramRateLimited("wait", 1)])
async def test_what_may_go_another_time_is_said(error: Exception) -> None:
    """To whoever asked for it."""
    api = FakeApi()
    api.reaction_script.append(error)
    with pytest.raises(type(error)):
        await MessageReactions(api, SendLimits()).give(7, 1, NOTED)


async def test_reactions_that_nobody_waits_for() -> None:
    """Of several to one message the last is given; trouble with one does not end the others."""
    api = FakeApi()
    reactions = MessageReactions(api, SendLimits())
    api.reaction_script.extend(
        [TelegramNotSent("no network"), RuntimeError("a defect"), TelegramRateLimited("wait", 0.01)]
    )
    for message_id, reaction in ((1, READ), (2, READ), (3, NOTED), (4, NOTED), (3, READ)):
        reactions.put(message_id, message_id, reaction)
    async with running(reactions.run()):
        await reactions.drain()
        await eventually(lambda: len(api.reactions) == 2)
    assert sorted(api.reactions) == [(3, 3, READ), (4, 4, NOTED)]
