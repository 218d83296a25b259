"""Every button that is no answer, with its handler. Doing it again, after a crash, changes nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from bot.core.answers.message import MessageEdit
from bot.core.answers.rules import NotWritten
from bot.core.i18n.language import Language
from bot.core.people.athlete import Athlete
from bot.core.people.tombstone import DataSubject
from bot.core.shared.update_order import UpdateStamp
from bot.core.telegram.action_payloads import Action, ActionTap
from bot.core.telegram.updates import Tap, TappedMessage


@dataclass(frozen=True, slots=True)
class ActionDone:
    """What was done.

    Attributes:
        say: the notice to who tapped, of at most 200 characters; empty: none.
        is_alert: a box that has to be closed, for what must be read.
        instead: what takes the place of the message with the button; None leaves it as it is.
        change: how that message changes, where more of it stays; None: not so.
    """

    say: Callable[[Language], str]
    is_alert: bool = False
    instead: Callable[[Language], MessageEdit] | None = None
    change: Callable[[TappedMessage, Language], MessageEdit] | None = None


@dataclass(frozen=True, slots=True)
class ErasureBegun:
    """A deletion that goes on for a while; what came before it counts no more.

    Attributes:
        at: the confirmation.
        acted: what is told when nothing is left.
    """

    person: DataSubject
    at: UpdateStamp
    acted: ActionDone


ActionResult: TypeAlias = ActionDone | ErasureBegun | NotWritten
ActionHandler: TypeAlias = Callable[[ActionTap, Tap, Athlete | None], Awaitable[ActionResult]]
"""Does it, durably, for somebody who may tap the button, as `MayTap` says; None for who is no athlete.
Raises `StorageError`: doing it again is harmless."""


class ButtonActions:
    """Carries out what buttons ask for.

    Args:
        handlers: one for each action.

    Raises:
        ValueError: an action has no handler, or two.
    """

    def __init__(self, handlers: Iterable[Mapping[Action, ActionHandler]]) -> None:
        pairs = [pair for some in handlers for pair in some.items()]
        self._handlers = dict(pairs)
        if sorted(action for action, _ in pairs) != sorted(Action):
            raise ValueError("not exactly one handler for each action")

    async def carry_out(self, action: ActionTap, tap: Tap, athlete: Athlete | None) -> ActionResult:
        """Do it, durably.

        Args:
            tap: of somebody who may tap such a button.
            athlete: who that is; None: none.

        Raises:
            StorageError: doing it again is harmless.
        """
        return await self._handlers[action.action](action, tap, athlete)
