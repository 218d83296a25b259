"""In which order the updates of a page are seen to. Pure.

What concerns different people, or different sessions of one person, is independent and may be stored
together. What concerns the same is stored one after the other, in the order of arrival, so that it makes no
difference how updates fell into pages.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class UpdateScope:
    """What an update may change, or depend on.

    Attributes:
        user_id: who sent it; None for nobody in particular.
        session: what tells this person's session from their other ones; None: anything about them.
        is_global: anything about anybody, such as an invitation, which only the first can accept.
    """

    user_id: int | None
    session: str | None = None
    is_global: bool = False


def rounds(scopes: Iterable[UpdateScope]) -> list[int]:
    """The number of each update's round, from 0: no two of one round concern the same, and what concerns the
    same is in the order of arrival."""
    numbers: list[int] = []
    floor, top = 0, -1
    floors: defaultdict[int | None, int] = defaultdict(int)
    tops: defaultdict[int | None, int] = defaultdict(lambda: -1)
    following: defaultdict[tuple[int | None, str], int] = defaultdict(int)
    for scope in scopes:
        user_id = scope.user_id
        if scope.is_global:
            number = top + 1
            floor = number + 1
        elif scope.session is None:
            number = max(floor, tops[user_id] + 1)
            floors[user_id] = number + 1
        else:
            place = (user_id, scope.session)
            number = max(floor, floors[user_id], following[place])
            following[place] = number + 1
        tops[user_id] = max(tops[user_id], number)
        top = max(top, number)
        numbers.append(number)
    return numbers
