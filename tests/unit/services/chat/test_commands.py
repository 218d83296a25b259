"""Who gets to a command's handler, and that each command has one."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pymongo import AsyncMongoClient

from bot.core.facts.commands import Audience, Command, Place
from bot.core.i18n.language import Language
from bot.core.people.athlete import Athlete, ContactHours
from bot.core.telegram.updates import CommandUpdate
from bot.services.chat.commands import ChatCommands, CommandRequest
from bot.services.chat.reply import Reply
from bot.store.inbox.disk_journal import DiskJournal
from tests.support.flows import Parts

NOW = datetime(2026, 2, 16, 20, tzinfo=UTC)
ANA = Athlete("ana", 71, 71, ContactHours(ZoneInfo("UTC")))
GROUP = -100
ELSEWHERE = [it for it in Command if it.audience is not Audience.COACH]


async def handler(request: CommandRequest) -> Reply:
    """Says which command has come to its handler."""
    return Reply(f"handled {request.update.name}")


def commands(handlers: list[dict[Command, Any]] | None = None, coach: int | None = None) -> ChatCommands:
    """Commands of nobody's database."""
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient("mongodb://unused", connect=False)
    parts = Parts.of(client["unused"], DiskJournal(Path("unused")), lambda: NOW)
    found = [dict.fromkeys(Command, handler)] if handlers is None else handlers
    return ChatCommands(
        found, parts.roster, parts.languages(), lambda: NOW, admins=frozenset(), coach_chat_id=coach
    )


async def carry_out(
    command: Command,
    sender: Athlete | None,
    *,
    chat_id: int = 71,
    private: bool = True,
    admin: bool = False,
    coach: int | None = None,
) -> Reply:
    """The reply to a command."""
    update = CommandUpdate(1, 71, chat_id, private, command.value, "")
    return await commands(coach=coach).carry_out(update, sender, Language.EN, is_admin=admin, received_at=NOW)


@pytest.mark.parametrize("missing", Command)
def test_a_command_without_a_handler_is_a_defect(missing: Command) -> None:
    """It is noticed when the service is built, and so by any test that builds one."""
    with pytest.raises(ValueError, match="exactly one handler"):
        commands([{command: handler for command in Command if command is not missing}])
    with pytest.raises(ValueError, match="exactly one handler"):
        commands([dict.fromkeys(Command, handler), {missing: handler}])


@pytest.mark.parametrize("command", ELSEWHERE)
async def test_only_whom_a_command_is_for_gets_to_its_handler(command: Command) -> None:
    """Strangers are told so, and refused; admins are not refused."""
    handled = f"handled {command}"
    is_for_all = command.audience is Audience.EVERYBODY
    stranger, admin = await carry_out(command, None), await carry_out(command, None, admin=True)
    assert (stranger.text == handled, stranger.is_refused) == (is_for_all, not is_for_all)
    assert (admin.text == handled) == (command.audience is not Audience.ATHLETES)
    assert not admin.is_refused
    assert (await carry_out(command, ANA, admin=True)).text == handled


@pytest.mark.parametrize("command", ELSEWHERE)
async def test_only_in_its_place_a_command_is_carried_out(command: Command) -> None:
    """In a group the sender is told where to write instead."""
    reply = await carry_out(command, ANA, chat_id=GROUP, private=False, admin=True)
    assert (reply.text == f"handled {command}") == (command.place is Place.ANYWHERE)
    assert reply.text
    assert not reply.is_refused


@pytest.mark.parametrize("command", [it for it in Command if it.audience is Audience.COACH])
async def test_the_coachs_are_carried_out_in_the_coachs_chat_alone(command: Command) -> None:
    """By whoever writes there; elsewhere neither athletes nor admins have them."""
    there = await carry_out(command, None, chat_id=GROUP, private=False, coach=GROUP)
    assert (there.text, there.is_refused) == (f"handled {command}", False)
    for sender, admin in ((None, False), (ANA, False), (ANA, True)):
        reply = await carry_out(command, sender, admin=admin, coach=GROUP)
        assert (reply.text, reply.is_refused) == (f"/{command} works in the coach's chat.", not admin)


@pytest.mark.parametrize(("coach", "begins"), [(None, "Hello! I collect"), (99, "To write to an athlete")])
async def test_who_is_no_athlete_is_not_told_to_answer(coach: int | None, begins: str) -> None:
    """What is no command, or /help: there is no question below which they could tap."""
    update = CommandUpdate(1, 99, 99, is_private=True, name="klingon", argument="")
    reply = await commands(coach=coach).carry_out(update, None, Language.EN, is_admin=False, received_at=NOW)
    assert reply.text.startswith(begins)


async def test_the_group_in_which_an_athlete_is_asked_is_their_own_chat() -> None:
    """There they may ask for what is unanswered."""
    asked_there = Athlete("ana", 71, GROUP, ANA.hours)
    reply = await carry_out(Command.PENDING, asked_there, chat_id=GROUP, private=False)
    assert reply.text == "handled pending"
