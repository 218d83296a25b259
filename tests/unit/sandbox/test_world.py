"""The sandbox's rules, with a clock in the hand and exactly on their boundaries."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.sandbox.commands import run_command
from bot.sandbox.errors import ApiError, SandboxError
from bot.sandbox.faults import Fault, FaultScript
from bot.sandbox.limits import Limits
from bot.sandbox.text import commands_in, parse_html, utf16_length
from bot.sandbox.world import User, World

ANNA = User(11, "Anna", "anna_runs", "en")
START = 1_770_000_000.0


class Clock:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """The hand on the clock of `world`."""
    return Clock()


@pytest.fixture
def world(clock: Clock) -> World:
    """A world without sending limits."""
    return World(now=clock, limits=None)


def keyboard(*data: str) -> dict[str, Any]:
    """One row of buttons, named Button 0, Button 1 and so on."""
    row = [{"text": f"Button {number}", "callback_data": value} for number, value in enumerate(data)]
    return {"inline_keyboard": [row]}


def ask(world: World, *data: str) -> int:
    """Sends a prompt with these buttons; returns its message id."""
    sent = world.send_message(ANNA.id, "How was it?", reply_markup=keyboard(*(data or ("done", "hard"))))
    return int(sent["message_id"])


def fetch(world: World, offset: int = 0, limit: int = 100) -> list[dict[str, Any]]:
    """The updates that a getUpdates returns."""
    return [json.loads(body) for body in world.get_updates(offset, limit)]


def refusal(error: pytest.ExceptionInfo[ApiError]) -> tuple[int, str]:
    """What the bot would read."""
    return error.value.code, error.value.description


def test_message_ids_count_per_chat(world: World) -> None:
    """Every chat counts its messages from 1, the users' included."""
    assert [world.send_message(chat, "hi")["message_id"] for chat in (1, 1, 2)] == [1, 2, 1]
    assert world.message(2, ANNA, "hello") == 2


def test_unconfirmed_updates_come_again(world: World) -> None:
    """An update is gone only when a later offset confirms it."""
    for text in ("a", "b", "c"):
        world.message(ANNA.id, ANNA, text)
    first = fetch(world, limit=2)
    assert [update["message"]["text"] for update in first] == ["a", "b"]
    assert fetch(world, limit=2) == first
    assert [update["message"]["text"] for update in fetch(world, first[0]["update_id"] + 1)] == ["b", "c"]
    assert fetch(world, first[0]["update_id"] + 3) == []
    assert fetch(world) == []


def test_update_ids_are_sequential_from_a_chosen_start(clock: Clock) -> None:
    """Ids start where the world is told and leave no gaps."""
    world = World(now=clock, first_update_id=500)
    for _ in range(3):
        world.message(ANNA.id, ANNA, "hi")
    assert [update["update_id"] for update in fetch(world)] == [500, 501, 502]


def test_negative_offset_keeps_the_last_updates(world: World) -> None:
    """Offset -2 returns the last two updates and confirms those before."""
    for text in "abcd":
        world.message(ANNA.id, ANNA, text)
    assert [update["message"]["text"] for update in fetch(world, -2)] == ["c", "d"]
    assert [update["message"]["text"] for update in fetch(world)] == ["c", "d"]
    assert len(fetch(world, -9)) == 2


def test_update_ids_restart_in_an_empty_queue_only(world: World) -> None:
    """After a restart the bot's old, far too high offset confirms nothing."""
    world.message(ANNA.id, ANNA, "before")
    with pytest.raises(SandboxError, match="unconfirmed"):
        world.restart_update_ids(7)
    offset = fetch(world)[-1]["update_id"] + 1
    assert fetch(world, offset) == []
    world.restart_update_ids(7)
    world.message(ANNA.id, ANNA, "after")
    assert [update["update_id"] for update in fetch(world, offset)] == [7]
    assert fetch(world, 8) == []


def test_callback_query_expires_at_150_seconds(world: World, clock: Clock) -> None:
    """A tap is delivered until just before 150 s and not from then on, while messages stay for a day."""
    message_id = ask(world)
    world.message(ANNA.id, ANNA, "kept")
    tap = world.tap(ANNA.id, message_id, ANNA, data="done")
    clock.now += 149.999
    assert len(fetch(world)) == 2
    clock.now = START + 150
    assert [list(update)[1] for update in fetch(world)] == ["message"]
    assert tap.expired
    assert tap.delivered_at == [START + 149.999]
    clock.now = START + 86_399.9
    assert world.pending() == 1
    clock.now = START + 86_400
    assert world.pending() == 0


def test_answer_fails_from_150_seconds_on(world: World, clock: Clock) -> None:
    """An answer is in time until just before 150 s after the tap, and may be repeated."""
    tap = world.tap(ANNA.id, ask(world), ANNA, button=0)
    clock.now += 149.999
    assert world.answer_callback_query(tap.query_id, text="Saved")
    assert world.answer_callback_query(tap.query_id, text="Again", show_alert=True)
    assert (tap.answered_at, tap.answer, tap.alert) == (START + 149.999, "Again", True)
    clock.now = START + 150
    for query_id in (tap.query_id, "1", ""):
        with pytest.raises(ApiError) as error:
            world.answer_callback_query(query_id)
        assert refusal(error) == (
            400,
            "Bad Request: query is too old and response timeout expired or query ID is invalid",
        )


def test_lifetimes_can_be_set(world: World, clock: Clock) -> None:
    """A new lifetime counts for updates that wait already."""
    world.tap(ANNA.id, ask(world), ANNA, button=0)
    world.queue.query_lifetime = 2.0
    clock.now += 2
    assert fetch(world) == []


def test_answer_of_200_characters(world: World) -> None:
    """200 characters are the longest answer."""
    tap = world.tap(ANNA.id, ask(world), ANNA, button=0)
    assert world.answer_callback_query(tap.query_id, text="é" * 200)
    with pytest.raises(ApiError) as error:
        world.answer_callback_query(tap.query_id, text="é" * 201)
    assert refusal(error) == (400, "Bad Request: MESSAGE_TOO_LONG")


def test_tap_carries_the_message_as_it_was(world: World) -> None:
    """A callback query shows sender, data and the whole message with its keyboard at the time of the tap."""
    message_id = ask(world)
    world.tap(ANNA.id, message_id, ANNA, text="Button 1")
    world.edit_message_text(ANNA.id, message_id, "Later", reply_markup=keyboard("done"))
    (update,) = fetch(world)
    query = update["callback_query"]
    assert query["from"] == {
        "id": 11,
        "is_bot": False,
        "first_name": "Anna",
        "username": "anna_runs",
        "language_code": "en",
    }
    assert query["data"] == "hard"
    assert query["message"]["text"] == "How was it?"
    assert query["message"]["date"] == int(START)
    assert query["message"]["chat"] == {
        "id": 11,
        "type": "private",
        "first_name": "Anna",
        "username": "anna_runs",
    }
    assert query["message"]["reply_markup"] == keyboard("done", "hard")
    assert query["id"].isdigit()


def test_only_real_buttons_can_be_tapped(world: World) -> None:
    """A missing button or message is an error of the script, unless the data is forged on purpose."""
    message_id = ask(world)
    for choice in ({"data": "pain"}, {"button": 2}, {"text": "Pain"}, {}):
        with pytest.raises(SandboxError, match="has no button"):
            world.tap(ANNA.id, message_id, ANNA, **choice)
    with pytest.raises(SandboxError, match="has no message 99"):
        world.tap(ANNA.id, 99, ANNA, data="done")
    with pytest.raises(SandboxError, match="needs its data"):
        world.tap(ANNA.id, message_id, ANNA, force=True)
    forged = world.tap(ANNA.id, message_id, ANNA, data="x\0" * 99, force=True)
    assert fetch(world)[0]["callback_query"]["data"] == forged.data


def test_inaccessible_messages(world: World, clock: Clock) -> None:
    """By a switch or by age, a tap shows nothing of its message but chat, id and date 0."""
    bare = {"chat": {"id": 11, "type": "private", "first_name": "Anna", "username": "anna_runs"}, "date": 0}
    switched, aged = ask(world), ask(world)
    world.set_message(ANNA.id, switched, accessible=False)
    world.tap(ANNA.id, switched, ANNA, button=0)
    world.inaccessible_after = 100.0
    clock.now += 99.9
    world.tap(ANNA.id, aged, ANNA, button=0)
    clock.now = START + 100
    world.tap(ANNA.id, aged, ANNA, button=0)
    shown = [update["callback_query"]["message"] for update in fetch(world)]
    assert shown[0] == {**bare, "message_id": switched}
    assert shown[1]["text"] == "How was it?"
    assert shown[2] == {**bare, "message_id": aged}


def test_message_at_is_old_from_the_start(world: World) -> None:
    """A message of the coach workflow has the date and buttons that it is given."""
    date = START - 20 * 86_400
    message_id = world.message_at(
        ANNA.id, date=date, text="Old", buttons=keyboard("session_feedback|r|s|done")["inline_keyboard"]
    )
    world.tap(ANNA.id, message_id, ANNA, data="session_feedback|r|s|done")
    assert fetch(world)[0]["callback_query"]["message"]["date"] == date
    assert world.ledger.calls() == []


def test_user_messages_mark_commands(world: World) -> None:
    """Commands are marked in UTF-16 units, replies carry the message, edits come as edited_message."""
    prompt = ask(world)
    message_id = world.message(ANNA.id, ANNA, "🏃 /stats@sandbox_bot now", reply_to=prompt)
    world.edit_message(ANNA.id, message_id, "/help")
    message, edited = fetch(world)
    assert message["message"]["entities"] == [{"type": "bot_command", "offset": 3, "length": 18}]
    assert message["message"]["reply_to_message"]["message_id"] == prompt
    assert edited["edited_message"]["text"] == "/help"
    assert edited["edited_message"]["edit_date"] == int(START)
    assert commands_in("a/b http://x/y /") == []


def test_allowed_updates_are_remembered(world: World) -> None:
    """Kinds that the bot did not name are not queued, until it names none."""
    message_id = ask(world)
    world.get_updates(allowed_updates=["message"])
    tap = world.tap(ANNA.id, message_id, ANNA, button=0)
    world.message(ANNA.id, ANNA, "hi")
    assert tap.update_id is None
    assert [list(update)[1] for update in fetch(world)] == ["message"]
    world.get_updates(allowed_updates=[])
    assert world.tap(ANNA.id, message_id, ANNA, button=0).update_id is not None


def test_injected_updates_pass_unchanged(world: World) -> None:
    """Any object and any raw text reach the bot, with the next id or a later one of their own."""
    first = world.inject({"message": "poison"})
    assert world.inject({"update_id": first + 5, "poll": {}}) == first + 5
    assert world.inject_raw(' {"message":{"text":"\\ud800","n":1e999}} ') == first + 6
    bodies = world.get_updates()
    assert json.loads(bodies[0]) == {"update_id": first, "message": "poison"}
    assert bodies[2] == f'{{"update_id":{first + 6},"message":{{"text":"\\ud800","n":1e999}}}}'
    with pytest.raises(SandboxError, match="in the past"):
        world.inject({"update_id": first})
    with pytest.raises(SandboxError, match="in braces"):
        world.inject_raw("[1]")
    assert world.inject({}) == first + 7
    assert json.loads(world.get_updates(first + 7)[0]) == {"update_id": first + 7}


@pytest.mark.parametrize(("data", "fits"), [("x" * 64, True), ("é" * 32, True), ("é" * 32 + "x", False)])
def test_callback_data_has_64_bytes(world: World, data: str, fits: bool) -> None:
    """64 bytes, not characters, is the most that a button carries."""
    if fits:
        assert ask(world, data)
        return
    with pytest.raises(ApiError) as error:
        ask(world, data)
    assert refusal(error) == (400, "Bad Request: BUTTON_DATA_INVALID")


@pytest.mark.parametrize(
    ("button", "reason"),
    [
        ({"callback_data": "x"}, 'Can\'t find field "text"'),
        ({"text": 1, "callback_data": "x"}, 'Field "text" must be of type String'),
        ({"text": "a"}, "Text buttons are unallowed in the inline keyboard"),
        ({"text": "a", "callback_data": ""}, "Text buttons are unallowed in the inline keyboard"),
        ({"text": "a", "callback_data": ["x"]}, 'Field "callback_data" must be of type String'),
        ("a", "expected an Object"),
    ],
)
def test_faulty_buttons(world: World, button: object, reason: str) -> None:
    """A keyboard with a faulty button is refused with its fault."""
    with pytest.raises(ApiError) as error:
        world.send_message(1, "hi", reply_markup={"inline_keyboard": [[button]]})
    assert refusal(error) == (400, f"Bad Request: can't parse inline keyboard button: {reason}")


def test_text_of_4096_units(world: World) -> None:
    """4096 UTF-16 units are the longest text, counted after the tags are gone."""
    assert world.send_message(1, f"<b>{'x' * 4094}🏃</b>", parse_mode="HTML")
    with pytest.raises(ApiError) as error:
        world.send_message(1, "x" * 4095 + "🏃")
    assert refusal(error) == (400, "Bad Request: message is too long")
    for text, mode in (("", ""), (" \n", ""), ("<b></b>", "HTML")):
        with pytest.raises(ApiError) as error:
            world.send_message(1, text, parse_mode=mode)
        assert refusal(error) == (400, "Bad Request: message text is empty")
    with pytest.raises(ApiError) as error:
        world.send_message(1, "*x*", parse_mode="MarkdownV2")
    assert refusal(error) == (400, "Bad Request: unsupported parse_mode")


def test_html_becomes_text_and_entities() -> None:
    """Tags and references become plain text with entities in UTF-16 units, outer ones first."""
    text, entities = parse_html(
        '🏃<b>bold <i>both</i></b> &lt;&amp;&#8364;&#x1F3C3; & <a href="https://x.y/?a=1">link</a>'
        '<pre><code class="language-py">x</code></pre><span class="tg-spoiler">s</span>'
        "<blockquote expandable>q</blockquote><code>c</code><u></u><a>d</a>"
    )
    assert text == "🏃bold both <&€🏃 & linkxsqcd"
    assert entities == [
        {"type": "bold", "offset": 2, "length": 9},
        {"type": "italic", "offset": 7, "length": 4},
        {"type": "text_link", "offset": 20, "length": 4, "url": "https://x.y/?a=1"},
        {"type": "pre", "offset": 24, "length": 1, "language": "py"},
        {"type": "spoiler", "offset": 25, "length": 1},
        {"type": "expandable_blockquote", "offset": 26, "length": 1},
        {"type": "code", "offset": 27, "length": 1},
    ]
    assert utf16_length(text) == 29


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("é<p>x</p>", 'Unsupported start tag "p" at byte offset 2'),
        ("5 <6", "Unclosed start tag at byte offset 2"),
        ("<b>x", 'Can\'t find end tag corresponding to start tag "b"'),
        ("<b><i>x</b></i>", 'Unmatched end tag at byte offset 7, expected "</i>", found "</b>"'),
        ("x</b>", "Unexpected end tag at byte offset 1"),
        ("<b>x</b", "Unclosed end tag at byte offset 4"),
        ("<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
    ],
)
def test_faulty_html_is_refused(source: str, reason: str) -> None:
    """Faulty tags are refused with their byte offset."""
    with pytest.raises(ApiError) as error:
        parse_html(source)
    assert refusal(error) == (400, f"Bad Request: can't parse entities: {reason}")


def test_edits(world: World) -> None:
    """Edits replace text and keyboard, and are refused when nothing changes or nothing can be edited."""
    message_id = ask(world, "done")
    edited = world.edit_message_text(
        ANNA.id, message_id, "<b>Saved</b>", parse_mode="HTML", reply_markup=keyboard("done")
    )
    assert (edited["text"], edited["reply_markup"]) == ("Saved", keyboard("done"))
    assert world.message_of(ANNA.id, message_id) == edited
    unchanged = (
        "Bad Request: message is not modified: specified new message content and reply markup are "
        "exactly the same as a current content and reply markup of the message"
    )
    with pytest.raises(ApiError) as error:
        world.edit_message_text(
            ANNA.id, message_id, "<b>Saved</b>", parse_mode="HTML", reply_markup=keyboard("done")
        )
    assert refusal(error) == (400, unchanged)
    with pytest.raises(ApiError) as error:
        world.edit_message_reply_markup(ANNA.id, message_id, reply_markup=keyboard("done"))
    assert refusal(error) == (400, unchanged)
    bare = world.edit_message_reply_markup(ANNA.id, message_id)
    assert "reply_markup" not in bare
    assert bare["entities"] == [{"type": "bold", "offset": 0, "length": 5}]


def test_edits_that_are_impossible(world: World) -> None:
    """A missing message is not found, a user's or locked one can't be edited, a photo has no text."""
    with pytest.raises(ApiError, match="message to edit not found"):
        world.edit_message_text(ANNA.id, 9, "x")
    with pytest.raises(ApiError, match="message can't be edited"):
        world.edit_message_text(ANNA.id, world.message(ANNA.id, ANNA, "mine"), "x")
    locked = ask(world)
    world.set_message(ANNA.id, locked, editable=False)
    with pytest.raises(ApiError, match="message can't be edited"):
        world.edit_message_text(ANNA.id, locked, "x")
    photo = world.send_file(ANNA.id, {"photo": []}, caption="c")["message_id"]
    with pytest.raises(ApiError, match="there is no text in the message to edit"):
        world.edit_message_text(ANNA.id, photo, "x")
    with pytest.raises(ApiError, match="message caption is too long"):
        world.send_file(ANNA.id, {"photo": []}, caption="c" * 1025)


def test_deleted_messages_are_gone(world: World) -> None:
    """A message can be deleted once."""
    message_id = ask(world)
    assert world.delete_message(ANNA.id, message_id)
    with pytest.raises(ApiError) as error:
        world.delete_message(ANNA.id, message_id)
    assert refusal(error) == (400, "Bad Request: message to delete not found")


def test_chats_that_refuse(world: World) -> None:
    """Unknown, blocked, left and migrated chats refuse in Telegram's words, until it is undone."""
    world.set_chat(1, unknown=True)
    world.set_chat(2, blocked=True)
    world.set_chat(-3, blocked=True)
    world.set_chat(-4, migrated_to=-1_000_000_000_004)
    expected = {
        1: (400, "Bad Request: chat not found"),
        2: (403, "Forbidden: bot was blocked by the user"),
        -3: (403, "Forbidden: bot was kicked from the group chat"),
        -4: (400, "Bad Request: group chat was upgraded to a supergroup chat"),
    }
    for chat_id, words in expected.items():
        with pytest.raises(ApiError) as error:
            world.send_message(chat_id, "hi")
        assert refusal(error) == words
    assert error.value.parameters == {"migrate_to_chat_id": -1_000_000_000_004}
    assert world.send_message(-1_000_000_000_004, "hi")["chat"]["type"] == "supergroup"
    world.set_chat(1, unknown=False)
    assert world.send_message(1, "hi")


def members(world: World) -> list[tuple[int, int, str, str]]:
    """Chat, actor, old and new status of each update about the bot's membership that waits."""
    updates = [json.loads(update) for update in world.get_updates(allowed_updates=["my_chat_member"])]
    changes = [update["my_chat_member"] for update in updates if "my_chat_member" in update]
    for change in changes:
        who = {change[which]["user"]["id"] for which in ("old_chat_member", "new_chat_member")}
        assert (who, change["date"]) == ({world.get_me()["id"]}, int(START))
    return [
        (it["chat"]["id"], it["from"]["id"], it["old_chat_member"]["status"], it["new_chat_member"]["status"])
        for it in changes
    ]


def test_who_has_not_started_the_bot(world: World) -> None:
    """403 for somebody whom the bot has met elsewhere; a message of theirs starts it, and one in a group
    does not."""
    world.set_chat(ANNA.id, started=False)
    world.message(-3, ANNA, "/help")
    with pytest.raises(ApiError) as error:
        world.send_message(ANNA.id, "hi")
    assert refusal(error) == (403, "Forbidden: bot can't initiate conversation with a user")
    assert world.get_chat(ANNA.id)["id"] == ANNA.id
    world.message(ANNA.id, ANNA, "/start")
    assert world.send_message(ANNA.id, "hi")
    assert members(world) == []  # of a first start Telegram tells by the message alone


def test_the_bot_is_told_when_it_is_blocked_and_kicked(world: World) -> None:
    """Once for each change; who writes to a bot that they had blocked has unblocked it."""
    members(world)
    for blocked in (True, True, False):
        world.set_chat(ANNA.id, blocked=blocked)
        world.set_chat(-3, blocked=blocked)
    assert [(old, new) for chat_id, _, old, new in members(world) if chat_id == -3] == [
        ("member", "kicked"),
        ("kicked", "member"),
    ]
    assert [change for change in members(world) if change[0] > 0] == [
        (ANNA.id, ANNA.id, "member", "kicked"),
        (ANNA.id, ANNA.id, "kicked", "member"),
    ]
    world.set_chat(ANNA.id, blocked=True)
    world.message(ANNA.id, ANNA, "/start")
    assert members(world)[-1] == (ANNA.id, ANNA.id, "kicked", "member")
    assert world.send_message(ANNA.id, "hi")


def test_membership_is_told_to_who_wants_it(world: World) -> None:
    """Not if `allowed_updates` names other kinds only."""
    world.get_updates(allowed_updates=["message"])
    world.set_chat(ANNA.id, blocked=True)
    assert world.pending() == 0


def test_replies(world: World) -> None:
    """A reply shows its message; a reply to nothing is refused unless that is allowed."""
    message_id = ask(world)
    reply = world.send_message(ANNA.id, "hi", reply_parameters={"message_id": message_id})
    assert reply["reply_to_message"]["message_id"] == message_id
    with pytest.raises(ApiError, match="message to be replied not found"):
        world.send_message(ANNA.id, "hi", reply_parameters={"message_id": 99})
    lost = {"message_id": 99, "allow_sending_without_reply": True}
    assert "reply_to_message" not in world.send_message(ANNA.id, "hi", reply_parameters=lost)


def test_one_message_a_second_to_a_private_chat(clock: Clock) -> None:
    """The second message within a second is refused with the whole seconds to wait; it does not count."""
    world = World(now=clock)
    world.send_message(1, "a")
    clock.now += 0.75
    with pytest.raises(ApiError) as error:
        world.send_message(1, "b")
    assert refusal(error) == (429, "Too Many Requests: retry after 1")
    assert error.value.parameters == {"retry_after": 1}
    assert world.send_message(2, "other chat")
    clock.now = START + 1
    assert world.send_message(1, "b")
    assert [message["text"] for message in world.messages(1)] == ["a", "b"]


def test_twenty_messages_a_minute_to_a_group(clock: Clock) -> None:
    """The 21st message waits until the first is a minute old."""
    world = World(now=clock)
    for _ in range(20):
        world.send_message(-5, "hi")
        clock.now += 1
    with pytest.raises(ApiError) as error:
        world.send_message(-5, "hi")
    assert error.value.parameters == {"retry_after": 40}
    clock.now = START + 59.5
    with pytest.raises(ApiError) as error:
        world.send_message(-5, "hi")
    assert error.value.parameters == {"retry_after": 1}
    clock.now = START + 60
    assert world.send_message(-5, "hi")


def test_thirty_messages_a_second_over_all(clock: Clock) -> None:
    """The 31st message within a second is refused, also to a chat that got none."""
    world = World(now=clock)
    for chat_id in range(1, 31):
        world.send_message(chat_id, "hi")
    with pytest.raises(ApiError) as error:
        world.send_message(31, "hi")
    assert error.value.code == 429
    clock.now += 1
    assert world.send_message(31, "hi")


def test_limits_can_be_changed(clock: Clock) -> None:
    """A burst of three to one chat is refilled at the private rate; no limits means none."""
    world = World(now=clock, limits=Limits(private_burst=3))
    for _ in range(3):
        world.send_message(1, "hi")
    with pytest.raises(ApiError) as error:
        world.send_message(1, "hi")
    assert error.value.parameters == {"retry_after": 3}
    world.limits = None
    for _ in range(100):
        world.send_message(1, "hi")


def test_webhook_forbids_polling(world: World) -> None:
    """While a webhook is set, getUpdates is refused; deleting it may drop what waits."""
    world.message(ANNA.id, ANNA, "hi")
    world.set_webhook("https://example.org/hook")
    assert world.get_webhook_info()["pending_update_count"] == 1
    with pytest.raises(ApiError) as error:
        world.get_updates()
    assert error.value.code == 409
    assert error.value.description == (
        "Conflict: can't use getUpdates method while webhook is active; "
        "use deleteWebhook to delete the webhook first"
    )
    world.set_webhook("", drop_pending_updates=True)
    assert fetch(world) == []


def test_clock_can_be_moved(world: World, clock: Clock) -> None:
    """The clock is set and advanced, and goes on from there."""
    world.set_time(1000.0)
    world.advance(5)
    clock.now += 1
    assert world.time() == 1006.0


def test_taps_are_followed(world: World, clock: Clock) -> None:
    """The ledger knows of each tap when it was delivered, confirmed and answered, and counts them once."""
    message_id = ask(world)
    seen = world.tap(ANNA.id, message_id, ANNA, button=0)
    clock.now += 1
    fetch(world)
    clock.now += 1
    assert seen.update_id is not None
    fetch(world, seen.update_id)
    clock.now += 1
    world.answer_callback_query(seen.query_id)
    fetch(world, seen.update_id + 1)
    missed = world.tap(ANNA.id, message_id, ANNA, button=1)
    clock.now += 150
    shown = world.given_taps()
    assert [tap["query_id"] for tap in shown] == [seen.query_id, missed.query_id]
    assert shown[0]["delivered_at"] == [START + 1, START + 2]
    assert (shown[0]["answered_at"], shown[0]["confirmed_at"]) == (START + 3, START + 3)
    assert (shown[1]["expired"], shown[1]["delivered_at"]) == (True, [])
    assert world.counts()["taps"] == {
        "given": 2,
        "delivered": 1,
        "confirmed": 1,
        "answered": 1,
        "expired": 1,
    }
    assert world.given_taps(since=1) == shown[1:]


def test_faults_meet_their_methods_only(clock: Clock) -> None:
    """A fault meets its methods, in any case, as often and as long as told."""
    script = FaultScript()
    script.add(Fault("hang", ["sendMessage", "getMe"], times=2))
    script.add(Fault("status", "*", times=None, until=clock() + 10, status=502))
    assert [
        fault.kind for name in ("getme", "getchat", "sendmessage") if (fault := script.take(name, clock()))
    ]
    assert script.fired == {"hang": 2, "status": 1}
    assert script.take("sendmessage", clock() + 9.9) is not None
    assert script.take("sendmessage", clock() + 10) is None


def test_fault_words() -> None:
    """A refusal has the status's own words unless others are given."""
    assert Fault("status", status=502).refusal() == (502, "Bad Gateway", None)
    assert Fault("status", status=429, retry_after=3).refusal() == (
        429,
        "Too Many Requests: retry after 3",
        {"retry_after": 3},
    )
    assert Fault("status", status=599, description="Odd").refusal() == (599, "Odd", None)
    with pytest.raises(SandboxError, match="unknown fault 'explode'"):
        Fault("explode")  # type: ignore[arg-type]
    with pytest.raises(SandboxError, match="needs its seconds"):
        Fault("delay")


@pytest.mark.parametrize(
    ("name", "arguments", "reason"),
    [
        ("jump", {}, "unknown command 'jump'"),
        ("tap", {"user": 1}, "tap needs the argument 'chat_id'"),
        ("tap", {"user": 1, "chat_id": 1, "message_id": 1, "colour": "red"}, "unexpected keyword"),
        ("set_time", {}, "set_time needs the argument 'unix'"),
        ("settings", {"ledger": "some"}, "full or counts"),
        ("time", [], "must be a JSON object"),
    ],
)
def test_faulty_commands(world: World, name: str, arguments: object, reason: str) -> None:
    """A faulty command of a script is refused with its fault."""
    with pytest.raises(SandboxError, match=reason):
        run_command(world, FaultScript(), name, arguments)


FORUM = -1_001_234_567_890


def replied_to(message: dict[str, Any]) -> int | None:
    """The message that one replies to."""
    found: int | None = message.get("reply_to_message", {}).get("message_id")
    return found


def test_topics(world: World) -> None:
    """What is written in a topic names it, and replies to its beginning for want of something else; threads
    of replies in General are no topics."""
    topic = world.open_topic(FORUM, "Anna", ANNA)
    assert topic > 1  # which is General's
    world.message(FORUM, ANNA, "in it", thread_id=topic)
    sent = world.send_message(FORUM, "too", message_thread_id=topic)
    world.message(FORUM, ANNA, "a reply", reply_to=sent["message_id"])
    general = world.send_message(FORUM, "in General")
    world.message(FORUM, ANNA, "a reply there", reply_to=general["message_id"])
    shown = [
        (it.get("message_thread_id"), it.get("is_topic_message"), replied_to(it))
        for it in world.messages(FORUM)
    ]
    assert shown == [
        (topic, True, None),
        (topic, True, topic),
        (topic, True, None),
        (topic, True, sent["message_id"]),
        (None, None, None),
        (general["message_id"], None, general["message_id"]),
    ]
    assert world.get_chat(FORUM)["is_forum"] is True
    quoting = world.send_message(FORUM, "x", reply_parameters={"message_id": sent["message_id"]})
    assert quoting["message_thread_id"] == topic


def test_topics_that_take_nothing(world: World) -> None:
    """Closed, deleted, or never there: in Telegram's words."""
    topic = world.open_topic(FORUM, "Anna", ANNA)
    world.set_topic(FORUM, topic, closed=True)
    for chat, thread, reason in (
        (FORUM, topic, "Bad Request: TOPIC_CLOSED"),
        (FORUM, 99, "Bad Request: message thread not found"),
        (FORUM, 1, "Bad Request: message thread not found"),
        (-5, topic, "Bad Request: message thread not found"),
    ):
        with pytest.raises(ApiError) as error:
            world.send_message(chat, "x", message_thread_id=thread)
        assert refusal(error) == (400, reason)
    world.set_topic(FORUM, topic)
    world.send_message(FORUM, "x", message_thread_id=topic)
    world.set_topic(FORUM, topic, deleted=True)
    with pytest.raises(ApiError):
        world.send_message(FORUM, "x", message_thread_id=topic)
    with pytest.raises(SandboxError):
        world.message(FORUM, ANNA, "x", thread_id=topic)


def test_albums_captions_and_stand_ins(world: World) -> None:
    """An album is several messages with one name; who writes as a chat is not named."""
    album = world.album(-5, ANNA, ["", "knee"])
    world.message(-5, ANNA, "x", as_chat=-5)
    world.message(-5, ANNA, "x", as_chat=-1_005_555_555_555)
    messages = [update["message"] for update in fetch(world)]
    assert [it["message_id"] for it in messages[:2]] == album
    assert len({it["media_group_id"] for it in messages[:2]}) == 1
    assert [it.get("caption") for it in messages[:2]] == [None, "knee"]
    assert [(it["from"]["id"], it["sender_chat"]["type"]) for it in messages[2:]] == [
        (1_087_968_824, "group"),
        (136_817_688, "channel"),
    ]
    world.edit_message(-5, album[1], "right knee")
    assert world.message_of(-5, album[1])["caption"] == "right knee"
