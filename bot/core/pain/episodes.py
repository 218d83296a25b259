"""Pain until it is gone: what athletes say about it, put together into episodes. Pure.

An episode begins when something hurts, at a place and perhaps on a side, goes on with each later word about
it, and ends when it is gone. Nothing else is known of it than what was said, so episodes are always made
anew, of all that was: whatever is changed, said twice or taken back, they follow.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from bot.core.facts.questions import Place, Side

LAPSES_AFTER = timedelta(days=28)
"""Of what nobody has said a word for so long nobody knows any more; it is neither asked about nor told."""


class Verdict(StrEnum):
    """What is said to the question how it is by now."""

    GONE = "gone"
    SAME = "same"
    WORSE = "worse"


@dataclass(frozen=True, slots=True, kw_only=True)
class PainWord:
    """Something that an athlete said about pain, as it stands now.

    Attributes:
        at, update_id: when it was said, and the Telegram update; they tell the order.
        place: None: not said.
        side: None: not said, or the place has none.
        level: 0 to 10; None: not said.
        words: where, in the athlete's own words.
        verdict: None: it was told, not asked.
    """

    at: datetime
    update_id: int
    place: Place | None
    side: Side | None = None
    level: int | None = None
    words: str | None = None
    verdict: Verdict | None = None

    @property
    def is_gone(self) -> bool:
        """Whether it says that nothing hurts there any more."""
        if self.verdict is None:
            return self.level == 0
        return self.verdict is Verdict.GONE

    @property
    def spot(self) -> Spot:
        """Where it hurts."""
        return Spot(self.place, self.side)


@dataclass(frozen=True, slots=True)
class Spot:
    """Where it hurts: what identifies an episode.

    Attributes:
        place: None: not said.
        side: None: not said, or the place has none.
    """

    place: Place | None
    side: Side | None = None

    def touches(self, other: Spot) -> bool:
        """Whether both can mean the same: a side that was not said may be either."""
        sides = {self.side, other.side}
        return self.place == other.place and (len(sides) == 1 or None in sides or _BOTH in sides)

    def without(self, other: Spot) -> Spot | None:
        """What is left where it is gone at another one; None: nothing."""
        if self.side == _BOTH and other.side in _OPPOSITE:
            return replace(self, side=_OPPOSITE[other.side])
        return None


_BOTH: Side = "both"
_OPPOSITE: dict[Side | None, Side] = {"left": "right", "right": "left"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """Pain at one place, from the first word about it to the last.

    Attributes:
        level: as it was said last; None: never.
        before: the level before that; None: there was none.
        words: where, in the athlete's own words.
        since, opened_by: when it was said first, and by which update.
        told_at, told_by: when something was said about it last, and by which update.
        closed_at: when it was said that it is gone; None: it is not.
    """

    spot: Spot
    level: int | None
    before: int | None = None
    words: str | None
    since: datetime
    opened_by: int
    told_at: datetime
    told_by: int
    closed_at: datetime | None = None

    @property
    def name(self) -> str:
        """Tells it from the athlete's others that began at another moment, however often all are made."""
        return f"{self.spot.place or ''}-{self.since.timestamp():.3f}"

    def is_open(self, now: datetime) -> bool:
        """Whether it may still hurt."""
        return self.closed_at is None and now - self.told_at < LAPSES_AFTER


def episodes(said: Iterable[PainWord]) -> list[Episode]:
    """An athlete's episodes, in the order in which they began; at most one is open at each spot.

    Args:
        said: all that they said about pain, in any order.
    """
    over: list[Episode] = []
    open_: list[Episode] = []
    for word in sorted(said, key=lambda it: (it.at, it.update_id)):
        over += [it for it in open_ if not it.is_open(word.at)]
        standing = [it for it in open_ if it.is_open(word.at)]
        touched = sorted((it for it in standing if it.spot.touches(word.spot)), key=_told)
        if word.side is None:  # it could be either: what was told of last is meant
            touched = touched[-1:]
        open_ = [it for it in standing if it not in touched]
        if not word.is_gone:
            open_.append(_gone_on(touched, word) if touched else _begun(word))
        for episode in touched if word.is_gone else ():
            said_last = replace(episode, told_at=word.at, told_by=word.update_id)
            if (left := episode.spot.without(word.spot)) is None:
                over.append(replace(said_last, level=0, before=episode.level, closed_at=word.at))
            else:
                open_.append(replace(said_last, spot=left))
    return sorted([*over, *open_], key=lambda it: (it.since, it.opened_by, it.told_at))


def open_episodes(all_: Iterable[Episode], now: datetime) -> list[Episode]:
    """Those that may still hurt: the worst first."""
    found = (it for it in all_ if it.is_open(now))
    return sorted(found, key=lambda it: (-(it.level or 0), it.since, it.opened_by))


def _told(episode: Episode) -> tuple[datetime, int]:
    return episode.told_at, episode.told_by


def _begun(word: PainWord) -> Episode:
    return Episode(
        spot=word.spot,
        level=word.level,
        words=word.words,
        since=word.at,
        opened_by=word.update_id,
        told_at=word.at,
        told_by=word.update_id,
    )


def _gone_on(touched: Sequence[Episode], word: PainWord) -> Episode:
    """Several become one where both sides hurt."""
    first = min(touched, key=lambda it: (it.since, it.opened_by))
    last = touched[-1]
    spots = [it.spot for it in touched] + [word.spot]
    sides = {spot.side for spot in spots} - {None} if word.side else {last.spot.side}
    side = _BOTH if _BOTH in sides or len(sides) > 1 else next(iter(sides), None)
    return replace(
        first,
        spot=Spot(word.place, side),
        level=last.level if word.level is None else word.level,
        before=last.before if word.level is None else last.level,
        words=word.words or last.words,
        told_at=word.at,
        told_by=word.update_id,
    )
