"""The registry of buttons that are no answers."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.core.i18n.language import Language
from bot.core.people.athlete import Athlete
from bot.core.telegram.action_payloads import Action, ActionTap
from bot.core.telegram.updates import Tap
from bot.services.chat.button_actions import ActionDone, ActionResult, ButtonActions

TAP = Tap(
    update_id=1,
    query_id="q",
    user_id=777,
    username=None,
    chat_id=777,
    message_id=5,
    prompt_at=None,
    data=None,
    received_at=datetime(2026, 2, 16, tzinfo=UTC),
)


async def echo(action: ActionTap, _tap: Tap, _athlete: Athlete | None) -> ActionResult:
    """Says what was asked for."""
    return ActionDone(lambda _: f"{action.action} {action.argument}")


async def test_each_has_its_own() -> None:
    """Whoever brought it."""
    first, *rest = Action
    actions = ButtonActions([{first: echo}, dict.fromkeys(rest, echo)])
    for action in Action:
        done = await actions.carry_out(ActionTap(action, "x"), TAP, None)
        assert isinstance(done, ActionDone)
        assert done.say(Language.EN) == f"{action} x"


def test_exactly_one_for_each() -> None:
    """Neither a button that does nothing, nor one that two see to."""
    everything = dict.fromkeys(Action, echo)
    first, *rest = Action
    for wrong in ([dict.fromkeys(rest, echo)], [everything, {first: echo}]):
        with pytest.raises(ValueError, match="exactly one"):
            ButtonActions(wrong)
