"""The client of the Bot API against the local Bot API server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest

from bot.core.shared.errors import TelegramRejected, TelegramUnsupported
from bot.sandbox.faults import Fault
from bot.sandbox.server import SandboxServer
from bot.sandbox.world import User, World
from bot.services.telegram.api import SentMessage, Within
from bot.telegram.client import BotClient

TOKEN = "123456789:AAE-made-up-for-tests_0123456789abcd"


async def test_each_reply_tells_the_time() -> None:
    """The clock's witness hears the `Date` of replies to polls and to other calls."""
    dates: list[str] = []
    server = SandboxServer(World(), token=TOKEN)
    await server.start()
    try:
        async with BotClient(TOKEN, server.url, dates.append) as api:
            await api.get_updates(None, 0, 1)
            await api.send(7, "Hello")
    finally:
        await server.stop()
    assert len(dates) == 2
    for date in dates:
        assert abs(parsedate_to_datetime(date) - datetime.now(UTC)) < timedelta(seconds=60)


async def test_what_only_asks() -> None:
    """The bot itself, the webhook, and a chat, which may be one that it does not know."""
    world = World()
    world.set_webhook("https://elsewhere.example/hook")
    world.set_chat(8, unknown=True)
    server = SandboxServer(world, token=TOKEN)
    await server.start()
    try:
        async with BotClient(TOKEN, server.url) as api:
            assert (await api.get_me())["username"] == await api.username()
            assert (await api.webhook_info())["url"] == "https://elsewhere.example/hook"
            assert (await api.chat(7))["id"] == 7
            with pytest.raises(TelegramRejected, match=r"(?i)chat not found"):
                await api.chat(8)
    finally:
        await server.stop()


@pytest.mark.parametrize("deleted", [False, True])
async def test_what_a_topic_does_not_take_goes_to_the_chat_itself(*, deleted: bool) -> None:
    """A text, a picture and a file alike, without the quote that would lead there; and it is told. What the
    chat does not take either is refused as ever."""
    world = World(limits=None)
    anna, forum = User(7, "Anna"), -1_001_234_567_890
    topic = world.open_topic(forum, "Anna", anna)
    written = world.message(forum, anna, "/help", thread_id=topic)
    within = Within(topic, written)
    lost: list[tuple[int, int, str]] = []
    server = SandboxServer(world, token=TOKEN)
    await server.start()

    def note(chat_id: int, thread_id: int, reason: str) -> None:
        lost.append((chat_id, thread_id, reason))

    try:
        async with BotClient(TOKEN, server.url, on_lost_topic=note) as api:
            sends: list[Callable[[], Awaitable[SentMessage]]] = [
                lambda: api.send(forum, "Hello", within=within),
                lambda: api.send_photo(forum, b"png", "Hello", within=within),
                lambda: api.send_document(forum, "a.csv", b"a", "Hello", within=within),
            ]
            for send in sends:
                assert (await send()).message_id is not None
                sent = world.messages(forum)[-1]
                quoted = sent["reply_to_message"]["message_id"]
                assert (sent["message_thread_id"], sent["is_topic_message"], quoted) == (topic, True, written)
            assert lost == []
            world.set_topic(forum, topic, closed=True, deleted=deleted)
            for send in sends:
                assert (await send()).message_id is not None
                assert not {"message_thread_id", "reply_to_message"} & world.messages(forum)[-1].keys()
            reason = "Message thread not found" if deleted else "Topic_closed"
            assert [(chat, thread, why.lower()) for chat, thread, why in lost] == 3 * [
                (forum, topic, reason.lower())
            ]
            world.set_chat(forum, blocked=True)
            with pytest.raises(TelegramRejected):
                await sends[0]()
            assert len(lost) == 3
    finally:
        await server.stop()


async def test_a_message_that_is_gone_is_not_quoted() -> None:
    """The reply comes all the same."""
    world = World(limits=None)
    server = SandboxServer(world, token=TOKEN)
    await server.start()
    try:
        async with BotClient(TOKEN, server.url) as api:
            await api.send(-5, "Hello", within=Within(reply_to=99))
    finally:
        await server.stop()
    assert "reply_to_message" not in world.messages(-5)[-1]


STYLED = [
    [{"text": "Done", "callback_data": "a", "style": "success"}, {"text": "Later", "callback_data": "b"}]
]
PLAIN = [[{"text": "Done", "callback_data": "a"}, {"text": "Later", "callback_data": "b"}]]


async def test_buttons_have_their_colours() -> None:
    """A server that knows them shows them."""
    world = World(limits=None)
    server = SandboxServer(world, token=TOKEN)
    await server.start()
    try:
        async with BotClient(TOKEN, server.url) as api:
            await api.send(7, "How?", keyboard=STYLED)
    finally:
        await server.stop()
    assert world.messages(7)[0]["reply_markup"]["inline_keyboard"] == STYLED


async def test_a_server_that_knows_no_colours() -> None:
    """It is sent again without, once; from then on buttons have none. A message that does not change, or a
    button that is wrong for another reason, is no sign of that."""
    world = World(limits=None)
    world.styles = False
    server = SandboxServer(world, token=TOKEN)
    await server.start()
    try:
        async with BotClient(TOKEN, server.url) as api:
            message = (await api.send(7, "How?", keyboard=STYLED)).message_id
            assert message is not None
            await api.edit_text(7, message, "How was it?", [], STYLED)
            await api.edit_keyboard(7, message, STYLED)  # not modified
        calls = [call["method"] for call in world.ledger.calls()]
        assert calls == ["sendMessage", "sendMessage", "editMessageText", "editMessageReplyMarkup"]
        world.styles = True
        async with BotClient(TOKEN, server.url) as api:
            await api.edit_keyboard(7, message, STYLED)
            await api.edit_keyboard(7, message, STYLED)  # not modified
            with pytest.raises(TelegramRejected, match=r"(?i)button_data_invalid"):
                await api.send(7, "How?", keyboard=[[{**STYLED[0][0], "callback_data": "x" * 65}]])
            await api.send(7, "How?", keyboard=STYLED)
    finally:
        await server.stop()
    first, second = world.messages(7)
    assert first["reply_markup"]["inline_keyboard"] == STYLED
    assert second["reply_markup"]["inline_keyboard"] == STYLED
    assert PLAIN != STYLED


async def test_reactions() -> None:
    """In place of the one before; a server that knows none is told from a refusal."""
    world = World(limits=None)
    server = SandboxServer(world, token=TOKEN)
    await server.start()
    try:
        async with BotClient(TOKEN, server.url) as client:
            written = world.message(7, User(7), "knee")
            for reaction in ("✍", "✍", "👀"):
                await client.react(7, written, reaction)
                assert world.message_of(7, written)["reactions"] == [reaction]
            for refused in ("✍️", "📝", ""):
                with pytest.raises(TelegramRejected, match=r"(?i)reaction_invalid"):
                    await client.react(7, written, refused)
            with pytest.raises(TelegramRejected, match="not found"):
                await client.react(7, written + 1, "👀")
            server.faults.add(Fault("status", "setMessageReaction", status=404))
            with pytest.raises(TelegramUnsupported):
                await client.react(7, written, "✍")
            assert world.message_of(7, written)["reactions"] == ["👀"]
    finally:
        await server.stop()
