"""The sandbox over real HTTP, called by aiohttp and by python-telegram-bot."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup
from telegram.error import BadRequest, RetryAfter
from telegram.request import HTTPXRequest

from bot.sandbox.control import SandboxClient, tap
from bot.sandbox.errors import SandboxError
from bot.sandbox.server import SandboxServer
from bot.sandbox.world import User, World

TOKEN = "7000000001:AAsandbox"
ANNA = User(11, "Anna")
BUTTONS = [[{"text": "Done", "callback_data": "done"}, {"text": "Hard", "callback_data": "hard"}]]


class Api:
    """Calls the server as a bot does."""

    def __init__(self, session: aiohttp.ClientSession, root: str) -> None:
        self.session = session
        self.root = root

    async def __call__(self, method: str, *, token: str = TOKEN, **request: Any) -> tuple[int, Any]:
        """Posts; returns HTTP status and the reply's JSON."""
        async with self.session.post(f"{self.root}/bot{token}/{method}", **request) as response:
            return response.status, await response.json()

    async def result(self, method: str, **params: Any) -> Any:
        """Posts parameters as JSON; returns the result of a call that must succeed."""
        status, reply = await self(method, json=params)
        assert status == 200, reply
        return reply["result"]


@pytest.fixture
async def server() -> AsyncIterator[SandboxServer]:
    """A running server without sending limits."""
    async with SandboxServer(World(limits=None), token=TOKEN) as running:
        yield running


@pytest.fixture
async def api(server: SandboxServer) -> AsyncIterator[Api]:
    """A bot's way to the server."""
    async with aiohttp.ClientSession() as session:
        yield Api(session, server.url)


@pytest.fixture
async def client(server: SandboxServer) -> AsyncIterator[SandboxClient]:
    """A script's way to the server."""
    async with SandboxClient(server.url) as opened:
        yield opened


async def waits(server: SandboxServer, polls: int) -> None:
    """Returns when the server has got so many calls of getUpdates."""
    while len(server.world.ledger.calls("getUpdates")) < polls:  # noqa: ASYNC110 - a ledger has no event
        await asyncio.sleep(0.005)
    await asyncio.sleep(0.01)


async def test_wrong_tokens_and_methods(api: Api) -> None:
    """A wrong token is unauthorised; a malformed one and an unknown method are not found."""
    unauthorised = {"ok": False, "error_code": 401, "description": "Unauthorized"}
    not_found = {"ok": False, "error_code": 404, "description": "Not Found"}
    assert await api("getMe", token="7000000001:wrong") == (401, unauthorised)
    assert await api("getMe", token="nonsense") == (404, not_found)
    assert await api("noSuchMethod") == (404, not_found)
    async with api.session.get(f"{api.root}/elsewhere") as response:
        assert response.status == 404


async def test_every_kind_of_body(api: Api) -> None:
    """Query strings, forms, multipart forms and JSON all carry parameters, under names in any case."""
    markup = {"inline_keyboard": BUTTONS}
    texts = {"chat_id": "5", "text": "é & 🏃", "reply_markup": json.dumps(markup)}
    form = aiohttp.FormData(default_to_multipart=True)
    for name, value in texts.items():
        form.add_field(name, value)
    requests: list[dict[str, Any]] = [
        {"data": texts},
        {"data": form},
        {"params": texts},
        {"json": {"chat_id": 5, "text": "é & 🏃", "reply_markup": markup}},
        {"params": {"chat_id": "5", "text": "overruled"}, "json": {**texts, "chat_id": 5}},
    ]
    for request in requests:
        status, reply = await api("SENDmessage", **request)
        assert status == 200, reply
        assert (reply["result"]["text"], reply["result"]["reply_markup"]) == ("é & 🏃", markup)
    async with api.session.get(f"{api.root}/bot{TOKEN}/getMe") as response:
        assert (await response.json())["result"]["is_bot"] is True


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{", "application/json"),
        (b"[1]", "application/json"),
        (b'{"text":"\xff"}', "application/json"),
        (b'{"chat_id":5,"text":"\\ud800"}', "application/json"),
        (b"chat_id=5&text=%ff", "application/x-www-form-urlencoded"),
        (b"x", "multipart/form-data"),
        (b"x", "multipart/form-data; boundary=b"),
        (b"--b\r\n\r\nx\r\n--b--", "multipart/form-data; boundary=b"),
        (b"chat_id=5&text=x&reply_markup={", "application/x-www-form-urlencoded"),
        (b"chat_id=5&text=x&reply_markup=[]", "application/x-www-form-urlencoded"),
        (b"chat_id=5&text=x&reply_markup={}", "text/plain"),
        (b'{"chat_id":5,"text":"x","reply_parameters":{"message_id":[]}}', "application/json"),
        (
            b'{"chat_id":5,"text":"x","reply_markup":{"inline_keyboard":[[{"text":"a","callback_data":"\\ud800"}]]}}',
            "application/json",
        ),
        (
            b'--b\r\nContent-Disposition: form-data; name="text"; filename="t"\r\n\r\nhi\r\n--b--',
            "multipart/form-data; boundary=b",
        ),
    ],
)
async def test_faulty_bodies(api: Api, body: bytes, kind: str) -> None:
    """A body that cannot be read is a bad request, never a failure of the server."""
    status, reply = await api("sendMessage", data=body, headers={"Content-Type": kind})
    assert status == 400
    assert reply["description"].startswith("Bad Request: ")


async def test_files_are_measured_not_kept(api: Api, server: SandboxServer) -> None:
    """A photo and a document arrive with name, size and caption; the ledger keeps no content."""
    for method, field in (("sendPhoto", "photo"), ("sendDocument", "document")):
        form = aiohttp.FormData()
        form.add_field("chat_id", "5")
        form.add_field("caption", "<i>week</i>")
        form.add_field("parse_mode", "HTML")
        form.add_field(field, b"\r\n--x\0" * 1000, filename='we"ek.png', content_type="image/png")
        status, reply = await api(method, data=form)
        assert status == 200, reply
        assert reply["result"]["caption"] == "week"
    assert reply["result"]["document"]["file_name"] == 'we"ek.png'
    (call,) = server.world.ledger.calls("sendPhoto")
    assert call["params"]["photo"] == {"file_name": 'we"ek.png', "file_size": 6000}
    status, reply = await api("sendPhoto", json={"chat_id": 5})
    assert (status, reply["description"]) == (400, "Bad Request: there is no photo in the request")


async def test_small_methods(api: Api) -> None:
    """Commands, chats, webhooks and the rest answer as Telegram does."""
    commands = [{"command": "stats", "description": "Figures"}]
    assert await api.result("setMyCommands", commands=commands) is True
    assert await api.result("getMyCommands") == commands
    assert await api.result("deleteMyCommands") is True
    assert await api.result("getMyCommands") == []
    assert (await api.result("getChat", chat_id=-7))["type"] == "group"
    assert await api.result("sendChatAction", chat_id=5, action="typing") is True
    assert await api.result("setWebhook", url="https://example.org") is True
    assert (await api("getUpdates"))[0] == 409
    assert await api.result("deleteWebhook") is True
    assert (await api.result("getWebhookInfo"))["url"] == ""
    assert await api.result("logOut") is True
    assert await api.result("close") is True
    message = await api.result("sendMessage", chat_id=5, text="x")
    assert await api.result("deleteMessage", chat_id=5, message_id=message["message_id"]) is True
    for params, reason in (
        ({"text": "x"}, "chat_id is empty"),
        ({"chat_id": "@name", "text": "x"}, "chat not found"),
        ({"chat_id": 5}, "message text is empty"),
    ):
        status, reply = await api("sendMessage", json=params)
        assert (status, reply["description"]) == (400, f"Bad Request: {reason}")
    status, reply = await api("editMessageText", json={"chat_id": 5, "text": "x"})
    assert (status, reply["description"]) == (400, "Bad Request: message identifier is not specified")


async def test_long_poll_wakes(api: Api, server: SandboxServer) -> None:
    """A long poll answers as soon as there is an update, and empty after its timeout."""
    started = time.monotonic()
    assert await api.result("getUpdates", timeout=1) == []
    assert 0.9 < time.monotonic() - started < 20
    poll = asyncio.create_task(api.result("getUpdates", timeout=30))
    await waits(server, 2)
    server.world.message(5, ANNA, "hi")
    (update,) = await asyncio.wait_for(poll, 20)
    assert update["message"]["text"] == "hi"


async def test_second_poller_ends_the_first(api: Api, server: SandboxServer) -> None:
    """A new getUpdates ends the one that waits with 409 and gets the updates itself."""
    first = asyncio.create_task(api("getUpdates", json={"timeout": 30}))
    await waits(server, 1)
    second = asyncio.create_task(api.result("getUpdates", timeout=30))
    status, reply = await asyncio.wait_for(first, 20)
    assert (status, reply["description"]) == (
        409,
        "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
    )
    server.world.message(5, ANNA, "hi")
    assert len(await asyncio.wait_for(second, 20)) == 1


async def test_poll_of_a_dead_bot_takes_nothing(api: Api, server: SandboxServer) -> None:
    """Updates after a bot's death in its poll are not counted as delivered."""
    message_id = server.world.message_at(ANNA.id, date=time.time(), text="?", buttons=BUTTONS)
    poll = asyncio.create_task(api.result("getUpdates", timeout=30))
    await waits(server, 1)
    poll.cancel()
    with pytest.raises(asyncio.CancelledError):
        await poll
    await asyncio.sleep(0.05)
    given = server.world.tap(ANNA.id, message_id, ANNA, data="done")
    await asyncio.sleep(0.05)
    assert given.delivered_at == []
    (call,) = server.world.ledger.calls("getUpdates")
    assert (call["status"], call["delivered"], call["replied"]) == (None, False, False)


async def test_refusing_faults(api: Api, client: SandboxClient) -> None:
    """Scripted statuses, foreign bodies and broken JSON come once each, then all is well."""
    await client.fault("status", "getMe", status=429, retry_after=3)
    await client.fault("status", "getMe", status=502, body="<html>Bad Gateway</html>")
    await client.fault("garbage", "getMe")
    status, reply = await api("getMe")
    assert (status, reply["parameters"]) == (429, {"retry_after": 3})
    async with api.session.post(f"{api.root}/bot{TOKEN}/getMe") as response:
        assert (response.status, await response.text()) == (502, "<html>Bad Gateway</html>")
    async with api.session.post(f"{api.root}/bot{TOKEN}/getMe") as response:
        assert response.status == 200
        with pytest.raises(ValueError, match="Expecting"):
            await response.json()
    assert (await api("getMe"))[0] == 200
    assert await client.faults_fired() == {"status": 2, "garbage": 1}
    assert [call["fault"] for call in await client.ledger("getMe")] == ["status", "status", "garbage", None]


@pytest.mark.parametrize(
    ("kind", "done"), [("reset", False), ("hang", False), ("reset_after", True), ("hang_after", True)]
)
async def test_losing_faults(api: Api, client: SandboxClient, kind: Any, done: bool) -> None:
    """A lost call is never answered; whether its message was sent tells before from after."""
    await client.fault(kind, "sendMessage", seconds=0.1)
    with pytest.raises(aiohttp.ClientConnectionError):
        await api("sendMessage", json={"chat_id": 5, "text": "hi"})
    assert len(await client.messages(5)) == done
    (call,) = await client.ledger("sendMessage")
    assert (call["status"], call["delivered"], call["replied"]) == (None, done, False)
    assert (await client.counts())["calls"] == {"sendMessage": {"unanswered": 1}}


async def test_delay_and_duration(api: Api, client: SandboxClient) -> None:
    """A delayed call is done later; a fault with a duration ends with it."""
    await client.fault("delay", seconds=0.2)
    started = time.monotonic()
    assert (await api("getMe"))[0] == 200
    assert time.monotonic() - started >= 0.2
    await client.fault("status", times=None, for_seconds=60, status=500)
    assert [(await api("getMe"))[0] for _ in range(3)] == [500] * 3
    await client.advance(60)
    assert (await api("getMe"))[0] == 200
    await client.fault("hang")
    await client.clear_faults()
    assert (await api("getMe"))[0] == 200


async def test_stop_ends_waiting_calls() -> None:
    """Stopping does not wait, whatever hangs or polls, and a stopped server can start again."""
    server = SandboxServer(World(), token=TOKEN)
    async with aiohttp.ClientSession() as session:
        await server.start()
        api = Api(session, server.url)
        async with SandboxClient(server.url) as client:
            await client.fault("hang", "getMe")
        calls = [asyncio.create_task(api("getMe")), asyncio.create_task(api("getUpdates?timeout=50"))]
        await waits(server, 1)
        started = time.monotonic()
        await server.stop()
        assert time.monotonic() - started < 10
        for result in await asyncio.gather(*calls, return_exceptions=True):
            assert isinstance(result, aiohttp.ClientConnectionError)
        await server.stop()
        with pytest.raises(RuntimeError, match="not running"):
            _ = server.url
        async with server:
            api.root = server.url
            assert (await api("getMe"))[0] == 200


async def test_control_drives_a_whole_story(api: Api, client: SandboxClient) -> None:
    """A script in another process sends old prompts, taps by the thousand, moves the clock and counts."""
    now = await client.time()
    message_id = await client.message_at(ANNA.id, date=now - 60, text="How was it?", buttons=BUTTONS)
    first = await client.tap(ANNA.id, message_id, ANNA, button=1)
    assert (first["data"], first["user_id"]) == ("hard", 11)
    others = [tap(ANNA.id, message_id, user, data="done") for user in range(1, 5000)]
    query_ids = await client.taps(others)
    assert len({first["query_id"], *query_ids}) == 5000
    updates = await api.result("getUpdates", limit=3)
    assert [update["callback_query"]["from"]["id"] for update in updates] == [11, 1, 2]
    await api.result("answerCallbackQuery", callback_query_id=first["query_id"], text="Saved")
    await api.result("getUpdates", offset=updates[0]["update_id"] + 1, limit=1)
    await client.advance(150)
    counts = await client.counts()
    assert counts["taps"] == {"given": 5000, "delivered": 3, "confirmed": 1, "answered": 1, "expired": 4999}
    assert counts["pending"] == 0
    assert counts["calls"] == {"getUpdates": {"200": 2}, "answerCallbackQuery": {"200": 1}}
    assert (await client.given_taps())[0]["answer"] == "Saved"


async def test_control_changes_the_world(api: Api, client: SandboxClient) -> None:
    """Every other step of a script works over HTTP too."""
    await client.settings(limits=True, query_lifetime=5, update_lifetime=50, inaccessible_after=1)
    await api.result("sendMessage", chat_id=5, text="a")
    status, reply = await api("sendMessage", json={"chat_id": 5, "text": "b"})
    assert (status, reply["parameters"]) == (429, {"retry_after": 1})
    assert (await client.counts())["calls"]["sendMessage"] == {"200": 1, "429": 1}
    await client.settings(limits={"private_burst": 2}, ledger="counts", inaccessible_after=None)
    await client.clear_ledger()
    for _ in range(2):
        await api.result("sendMessage", chat_id=5, text="c")
    assert await client.ledger() == []
    await client.settings(limits=False)
    await client.set_chat(6, blocked=True)
    assert (await api("sendMessage", json={"chat_id": 6, "text": "x"}))[0] == 403
    (message_id,) = await client.messages_at([{"chat_id": 5, "date": 1, "text": "old", "buttons": BUTTONS}])
    await client.set_message(5, message_id, accessible=False)
    await client.set_time(1_000_000.0)
    assert int(await client.time()) == 1_000_000
    written = await client.message(5, 5, "/start")
    await client.edit_message(5, written, "/help")
    await client.inject({"nonsense": 1})
    last = await client.inject_raw('{"more":[}')
    async with api.session.get(f"{api.root}/bot{TOKEN}/getUpdates") as response:
        assert '"more":[}' in await response.text()
    assert await api.result("getUpdates", offset=last + 1) == []
    await client.restart_update_ids(9)
    assert (await client.tap(5, message_id, 5, text="Done"))["update_id"] == 9
    (update,) = await api.result("getUpdates")
    assert update["callback_query"]["message"]["date"] == 0
    with pytest.raises(SandboxError, match="has no message 77"):
        await client.tap(5, 77, 5, button=0)
    async with api.session.post(f"{api.root}/sandbox/tap", data=b"{") as response:
        assert response.status == 400


async def test_python_telegram_bot_understands(server: SandboxServer) -> None:
    """The library that the product uses reads every object and error as Telegram's."""
    request = HTTPXRequest()
    bot = Bot(TOKEN, base_url=f"{server.url}/bot", request=request, get_updates_request=HTTPXRequest())
    async with bot:
        assert (await bot.get_me()).username == "sandbox_feedback_bot"
        markup = InlineKeyboardMarkup([[InlineKeyboardButton("Done", callback_data="done")]])
        sent = await bot.send_message(ANNA.id, "<b>How</b> was it?", parse_mode="HTML", reply_markup=markup)
        assert sent.text_html == "<b>How</b> was it?"
        given = server.world.tap(ANNA.id, sent.message_id, ANNA, text="Done")
        (update,) = await bot.get_updates(timeout=5)
        query = update.callback_query
        assert query is not None
        assert (query.id, query.data, query.message) == (given.query_id, "done", sent)
        assert await query.answer("Saved")
        edited = await query.edit_message_text("Saved: done", reply_markup=markup)
        assert not isinstance(edited, bool)
        assert edited.text == "Saved: done"
        with pytest.raises(BadRequest, match="Message is not modified"):
            await bot.edit_message_text("Saved: done", ANNA.id, sent.message_id, reply_markup=markup)
        assert await bot.get_updates(offset=update.update_id + 1) == ()
        assert given.confirmed_at is not None
        document = await bot.send_document(ANNA.id, b"a,b\n", filename="week.csv", caption="Week")
        assert document.document is not None
        assert (document.document.file_name, document.document.file_size) == ("week.csv", 4)
        assert (await bot.get_chat(ANNA.id)).first_name == "Anna"
        server.world.set_message(ANNA.id, sent.message_id, accessible=False)
        server.world.tap(ANNA.id, sent.message_id, ANNA, data="done")
        (update,) = await bot.get_updates()
        assert update.callback_query is not None
        assert update.callback_query.message is not None
        assert not update.callback_query.message.is_accessible


async def test_python_telegram_bot_meets_the_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A message too many is the library's RetryAfter."""
    monkeypatch.setenv("PTB_TIMEDELTA", "true")
    async with SandboxServer(World(), token=TOKEN) as server, Bot(TOKEN, f"{server.url}/bot") as bot:
        await bot.send_message(5, "a")
        with pytest.raises(RetryAfter):
            await bot.send_message(5, "b")
