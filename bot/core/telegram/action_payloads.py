"""Buttons that are no answers: something is to be done. Payloads `do|name|argument`. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.core.telegram.callback_data import join, split

_PREFIX = "do"


class Action(StrEnum):
    """An action that a button asks for."""

    SEEN = "seen"
    """The coach has seen that something hurts; the argument is the reference of the alert."""
    FORGET = "forget"
    """Delete everything about who taps."""
    KEEP = "keep"
    """Do not, after all."""


_ACTIONS = frozenset(Action)


@dataclass(frozen=True, slots=True)
class ActionTap:
    """A payload that was understood."""

    action: Action
    argument: str


def parse_action(data: object) -> ActionTap | None:
    """Read callback data. Total: None for everything else."""
    match split(data):
        case [prefix, name, *argument] if prefix == _PREFIX and name in _ACTIONS:
            return ActionTap(Action(name), join(*argument))
        case _:
            return None


def format_action(action: Action, argument: str = "") -> str:
    """The callback data of a button; the argument has at most 40 bytes."""
    return join(_PREFIX, action, argument)
