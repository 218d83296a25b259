"""Athletes as the coach calls them: their names, and whom a name means. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bot.core.people.athlete import Athlete, Roster
from bot.core.shared.formatting import escape_line
from bot.core.shared.tolerant import fold

MAX_NAME = 64
_MOST_WORDS = 4


@dataclass(frozen=True, slots=True)
class Named:
    """Whom words name that begin with a name.

    Attributes:
        athletes: who may be meant; one if it is certain, none if nobody is called so.
        name: the part that was read as a name.
        rest: what stands behind it.
    """

    athletes: tuple[Athlete, ...]
    name: str
    rest: str


def label(athlete: Athlete, roster: Roster) -> str:
    """The name of an athlete, with the id where several have the same."""
    if athlete.name is None:
        return athlete.athlete_id
    same = Counter(fold(it.name) for it in roster.athletes if it.name is not None)
    return f"{athlete.name} ({athlete.athlete_id})" if same[fold(athlete.name)] > 1 else athlete.name


def link(name: str, user_id: int | None) -> str:
    """A name in bold that leads to its Telegram user (HTML). By the link it is told whom a message is about,
    when somebody replies to it."""
    shown = escape_line(name, MAX_NAME)
    return f"<b>{shown}</b>" if user_id is None else f'<b><a href="tg://user?id={user_id}">{shown}</a></b>'


def find(words: str, roster: Roster) -> Named:
    """Whom words mean that begin with an athlete's name or id, in whichever case, with accents or without.

    The longest part that is somebody's whole name, or id, counts; else the longest that a name begins with.
    """
    said = words.split()
    lengths = range(min(len(said), _MOST_WORDS), 0, -1)
    for matches in (_is_called, _begins):
        for length in lengths:
            name = " ".join(said[:length])
            found = tuple(it for it in roster.athletes if matches(it, fold(name).removeprefix("@")))
            if found:
                return Named(found, name, _behind(words, length))
    return Named((), said[0] if said else "", _behind(words, 1))


def _is_called(athlete: Athlete, name: str) -> bool:
    return name in {fold(athlete.athlete_id), *([] if athlete.name is None else [_plain(athlete.name)])}


def _begins(athlete: Athlete, name: str) -> bool:
    """Whether it is the beginning of a name, or of one of its words."""
    words = _plain(athlete.name or "").split()
    tails = [" ".join(words[place:]) for place in range(len(words))]
    return any(tail.startswith(name) for tail in (*tails, fold(athlete.athlete_id)))


def _plain(name: str) -> str:
    return " ".join(fold(name).split())


def _behind(words: str, number: int) -> str:
    """What stands behind so many words, with its line breaks."""
    parts: Sequence[str] = words.split(maxsplit=number)
    return parts[number].strip() if len(parts) > number else ""
