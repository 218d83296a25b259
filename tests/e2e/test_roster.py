"""The roster with real processes: invited on the command line, let in by Telegram's link, asked and heard."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.core.answers.payloads import Later, format_later, parse_payload
from bot.core.i18n.language import Language
from bot.sandbox.world import User
from tests.support.bot import ADMIN, Rig
from tests.support.processes import Finished, wait_until

ANA, BEN, CAT = User(7_001, "Ana"), User(7_002, "Ben"), User(7_003, "Cat")
GROUP = -100_777
ZONE = "Pacific/Kiritimati"  # 14 hours ahead: nearly always another day than UTC's, or soon


@pytest.fixture
async def rig(tmp_path: Path, mongo_url: str) -> AsyncIterator[Rig]:
    """A bot whose ATHLETE_IDS is empty."""
    async with Rig(tmp_path / "bot", mongo_url=mongo_url, ATHLETE_IDS="", LOG_LEVEL="DEBUG") as rig:
        yield rig


async def done(rig: Rig, *arguments: str) -> Finished:
    """A command that works."""
    result = await rig.command(*arguments)
    assert result.status == 0, result
    return result


async def reply_to(rig: Rig, user: User, text: str) -> str:
    """The bot's reply to a message in a private chat."""
    before = len(rig.world.messages(user.id))
    rig.world.message(user.id, user, text)
    return str((await rig.messages(user.id, before + 2))[-1]["text"])


async def invite(rig: Rig, athlete_id: str, *options: str) -> str:
    """Invite somebody; returns the code of the printed link."""
    result = await done(rig, "athlete", "add", athlete_id, *options)
    link = re.search(r"^https://t\.me/sandbox_feedback_bot\?start=(\S+)$", result.out, re.MULTILINE)
    assert link is not None, result
    return link[1]


async def test_from_invitation_to_answer(rig: Rig) -> None:
    """Invite, accept, ask, tap: the answer is stored in the athlete's own zone; the code is in no log."""
    bot = await rig.start()
    await wait_until(lambda: "nobody is on the roster" in bot.log, 20, "the warning of an empty roster")
    code = await invite(rig, "ana", "--name", "Ana", "--timezone", ZONE)
    assert "registered" in await reply_to(rig, ANA, "/start")
    assert "Welcome, Ana!" in await reply_to(rig, ANA, f"/start {code}")
    assert "does not work" in await reply_to(rig, BEN, f"/start {code}")

    queued = await done(rig, "prompt", "--run-id=r", "--session-id=s", "--athlete=ana")
    assert queued.err == ""
    sent = await rig.prompt_in_state("sent", sessionId="s")
    assert (sent["athleteId"], sent["userId"], sent["chatId"]) == ("ana", ANA.id, str(ANA.id))
    tap = rig.world.tap(ANA.id, sent["messageId"], ANA, button=2)
    await rig.answered([tap])
    assert "Saved" in (tap.answer or "")
    (event,) = await rig.stored(1)
    assert event["userId"] == ANA.id
    assert event["sessionDate"] == sent["sentAt"].astimezone(ZoneInfo(ZONE)).date().isoformat()
    await rig.prompt_in_state("answered", sessionId="s")

    figures = await rig.stats()
    assert figures["taps"]["refused-command"] == 2  # before she was let in, and Ben's try
    assert figures["feedback_event_write_success_rate"] == 1.0
    assert code not in bot.log
    assert code not in str(await rig.db["athletes"].find({}).to_list())


async def test_in_a_group(rig: Rig) -> None:
    """Each question is its athlete's: the others' taps are refused kindly, and Later is for them alone."""
    for user, name in ((ANA, "ana"), (BEN, "ben")):
        await done(rig, "athlete", "add", name, f"--user-id={user.id}", f"--chat-id={GROUP}")
    await rig.start()
    await done(rig, "prompt", "--run-id=r", "--session-id=s", "--athlete=ana")
    await done(rig, "prompt", "--run-id=r", "--session-id=any", f"--chat-id={GROUP}")
    sent = await rig.prompt_in_state("sent", sessionId="s")
    message = rig.world.message_of(GROUP, sent["messageId"])
    buttons = [b["callback_data"] for row in message["reply_markup"]["inline_keyboard"] for b in row]
    later = next(n for n, data in enumerate(buttons) if isinstance(parse_payload(data), Later))
    foreign = [rig.world.tap(GROUP, sent["messageId"], BEN, button=n) for n in (0, later)]
    stranger = rig.world.tap(GROUP, sent["messageId"], CAT, button=0)
    await rig.answered([*foreign, stranger])
    assert all("another athlete" in (tap.answer or "") for tap in foreign)
    assert "another athlete" not in (stranger.answer or "")
    assert await rig.events() == []
    own = rig.world.tap(GROUP, sent["messageId"], ANA, button=later)
    await rig.answered([own])
    assert own.answer == "When shall I ask again?"
    tomorrow = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(days=1)
    chosen = format_later("r", "s", tomorrow)
    own = rig.world.tap(GROUP, sent["messageId"], ANA, data=chosen, force=True)
    await rig.answered([own])
    assert "I will ask again" in (own.answer or "")
    postponed = await rig.prompt_in_state("pending", sessionId="s")
    assert postponed["again"] == "later"
    assert postponed["dueAt"] > datetime.now(UTC)
    everybody_s = await rig.prompt_in_state("sent", sessionId="any")
    await rig.answered([rig.world.tap(GROUP, everybody_s["messageId"], BEN, button=0)])
    (event,) = await rig.stored(1)
    assert (event["userId"], event["sessionId"]) == (BEN.id, "any")
    taps = (await rig.stats())["taps"]
    assert (taps["refused"], taps["postponed"], taps["written"]) == (3, 1, 1)


async def test_who_stands_in_the_settings_gets_a_name(rig: Rig) -> None:
    """Whether there is a document of theirs already, as after a pause, or not; their number goes on meaning
    them, and nobody is there twice."""
    rig.settings["ATHLETE_IDS"] = f"{ANA.id},{BEN.id},{CAT.id}"
    ana = await done(rig, "athlete", "add", "ana", f"--user-id={ANA.id}", "--name=Ana")
    assert ana.out == f"on the roster as ana: user {ANA.id}, whom ATHLETE_IDS lists\n"
    await done(rig, "athlete", "pause", str(BEN.id), "3")
    await done(rig, "athlete", "add", "ben", f"--user-id={BEN.id}", "--timezone=Asia/Tokyo")
    cat = await done(rig, "athlete", "add", str(CAT.id))
    assert f"`athlete add NAME --user-id {CAT.id}` names them" in cat.out
    await done(rig, "athlete", "add", "cat", f"--user-id={CAT.id}")
    assert (await done(rig, "athlete", "add", str(CAT.id), "--name=Cat")).out == "changed: cat: name Cat\n"
    people = json.loads((await done(rig, "athlete", "list", "--json")).out)
    assert {it["athleteId"]: (it["userId"], it["state"]) for it in people} == {
        "ana": (ANA.id, "active"),
        "ben": (BEN.id, "paused"),
        "cat": (CAT.id, "active"),
    }
    taken = await rig.command("athlete", "add", "dan", f"--user-id={BEN.id}")
    assert (taken.status, taken.err) == (
        2,
        f"error: --user-id: {BEN.id} is athlete 'ben' already; change that one, or remove it first\n",
    )


async def test_a_pause_and_what_the_coach_sees(rig: Rig) -> None:
    """/pause and /resume, in the list and its JSON; a tap of somebody removed counts no more."""
    await done(rig, "athlete", "add", "ana", f"--user-id={ANA.id}", "--quiet-hours=22:00-7:00")
    await rig.start()
    assert "until" in await reply_to(rig, ANA, "/pause 3")
    listed = await done(rig, "athlete", "list")
    head, line = listed.out.splitlines()
    assert head.split() == ["ID", "NAME", "STATE", "USER", "ZONE", "HOURS"]
    assert re.search(rf"^ana +- +paused until \S+ 00:00 +{ANA.id} +UTC +ask 20:00, quiet 22:00-07:00$", line)
    warned = await done(rig, "prompt", "--run-id=r", "--session-id=s")
    assert "ana is paused" in warned.err
    assert await reply_to(rig, ANA, "/resume") == Language.EN.texts.people.resumed
    (shown,) = json.loads((await done(rig, "athlete", "list", "--json")).out)
    assert (shown["athleteId"], shown["state"], shown["pausedUntil"]) == ("ana", "active", None)
    assert (shown["userId"], shown["quietHours"]) == (ANA.id, "22:00-07:00")
    assert (await done(rig, "athlete", "pause", "ana")).out.startswith("paused: ana")
    assert (await done(rig, "athlete", "resume", "ana")).out == "resumed: ana\n"
    removed = await rig.command("athlete", "remove", "ana", ATHLETE_IDS=str(ANA.id))
    assert (removed.status, removed.out) == (0, "removed: ana\n")
    assert "taps still count" in removed.err
    assert "removed" in (await done(rig, "athlete", "list")).out


async def test_adding_again_changes_or_invites_again(rig: Rig) -> None:
    """With options the settings, without them a new invitation; the earlier code is void."""
    first = await invite(rig, "ana", "--reminder-time=7:30")
    changed = await done(rig, "athlete", "add", "ana", "--prompt-time=21:00", "--reminder-time=default")
    assert changed.out == "changed: ana: promptTime 21:00, reminderTime default\n"
    second = await invite(rig, "ana")
    await rig.start()
    assert "does not work" in await reply_to(rig, ANA, f"/start {first}")
    assert "Welcome!" in await reply_to(rig, ANA, f"/start {second}")
    nothing = await done(rig, "athlete", "add", "ana")
    assert "nothing to do" in nothing.out
    (shown,) = json.loads((await done(rig, "athlete", "list", "--json")).out)
    assert (shown["promptTime"], shown["reminderTime"]) == ("21:00", None)


async def test_what_lets_the_bot_write_to_an_athlete_is_said(rig: Rig) -> None:
    """They start it, or it is in the group where they are asked."""
    alone = await done(rig, "athlete", "add", "cy", "--user-id=7003")
    assert "they must send the bot /start" in alone.out
    in_group = await done(rig, "athlete", "add", "dan", "--user-id=7004", "--chat-id=-1007:4")
    assert "must be a member of that group" in in_group.out


async def test_without_telegram_the_code_is_printed_alone(rig: Rig) -> None:
    """No token, or nobody there: the invitation stands, and how to use it is said."""
    without = await rig.command("athlete", "add", "ana", TELEGRAM_BOT_TOKEN=None)
    away = await rig.command("athlete", "add", "ben", TELEGRAM_API_URL="http://127.0.0.1:1")
    for result, reason in ((without, "TELEGRAM_BOT_TOKEN is not set"), (away, "no connection")):
        assert result.status == 0, result
        assert reason in result.err
        assert re.search(r"^/start \S{32}$", result.out, re.MULTILINE)
    await rig.start()
    assert "Welcome!" in await reply_to(rig, ANA, without.out.splitlines()[-1])


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("add|ana|--timezone|Mars", "--timezone: 'Mars'"),
        ("add|ana|--user-id|7002", "--user-id: 7002 is athlete 'ben' already"),
        ("pause|ben|yesterday", "UNTIL: 'yesterday'"),
        ("remove|99", "ID: 99 stands in ATHLETE_IDS alone"),
    ],
)
async def test_what_cannot_be_used_is_refused_with_the_cure(
    roster_of_ben: Rig, arguments: str, complaint: str
) -> None:
    """Exit status 2, one line, and nothing is written."""
    before = await roster_of_ben.db["athletes"].find({}).to_list()
    result = await roster_of_ben.command("athlete", *arguments.split("|"), ATHLETE_IDS=str(ADMIN))
    assert (result.status, result.out) == (2, ""), result
    assert result.err.startswith(f"error: {complaint}")
    assert len(result.err.splitlines()) == 1
    assert await roster_of_ben.db["athletes"].find({}).to_list() == before


@pytest.fixture
async def roster_of_ben(rig: Rig) -> Rig:
    """Ben is on the roster."""
    await rig.db["athletes"].insert_one({"athleteId": "ben", "userId": BEN.id, "state": "active"})
    return rig


async def test_whom_a_prompt_cannot_be_for(roster_of_ben: Rig) -> None:
    """Nobody in particular, nobody at all, somebody who is not there yet."""
    await roster_of_ben.db["athletes"].insert_one({"athleteId": "ana", "state": "invited"})
    for arguments, complaint in (
        ([], "--athlete or --chat-id: required, because the roster has 2 athletes"),
        (["--athlete=nobody"], "--athlete: nobody on the roster is called 'nobody'"),
        (["--athlete=ana"], "--athlete: ana has not accepted"),
    ):
        result = await roster_of_ben.command(
            "prompt", "--run-id=r", "--session-id=s", *arguments, ATHLETE_IDS=str(ADMIN)
        )
        assert (result.status, result.out) == (2, "")
        assert result.err.startswith(f"error: {complaint}")
    assert await roster_of_ben.prompts() == []


async def test_whom_a_prompt_is_for(roster_of_ben: Rig) -> None:
    """The only one there is; by name in a group; in their zone; a stranger's chat is warned of."""
    rig = roster_of_ben
    await rig.db["athletes"].update_one({}, {"$set": {"timezone": "America/New_York"}})
    alone = await rig.command("prompt", "--run-id=r", "--session-id=alone", "--at=2026-02-16T20:00")
    assert "due 2026-02-17T01:00:00.000Z, which is past;" in alone.out
    group = await rig.prompt("r", "group", GROUP, "--athlete=ben")
    own = await rig.prompt("r", "own", BEN.id)
    assert [result.err for result in (alone, group, own)] == ["", "", ""]
    strange = await rig.prompt("r", "strange", CAT.id)
    assert f"warning: {CAT.id} is not on the roster" in strange.err
    found = {d["sessionId"]: d for d in await rig.prompts()}
    assert found["alone"]["dueAt"] == datetime(2026, 2, 17, 1, tzinfo=UTC)
    for session_id, chat_id in (("alone", BEN.id), ("group", GROUP), ("own", BEN.id)):
        document = found[session_id]
        whose = (document["athleteId"], document["userId"], document["chatId"])
        assert whose == ("ben", BEN.id, str(chat_id))
    assert "userId" not in found["strange"]
