"""The kinds of sessions that athletes can log with a tap, as they are stored; in the order of the buttons."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

LoggedKind: TypeAlias = Literal["run", "ride", "swim", "strength", "walk", "mobility"]

KINDS: tuple[LoggedKind, ...] = get_args(LoggedKind)
