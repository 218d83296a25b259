"""How long a planned session takes, as plans write it: `40 min`, `1 h 30`, `3 x 10 min`, `45'`. Pure.

Only what is said outright is taken: a distance, a pace or a time per kilometre tells no minutes, and
recoveries are not counted. A wrong figure is worse than none: where the text is not surely understood, the
minutes are not known.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from bot.core.plans.duration_tokens import Kind, Token, tokens

_LONGEST = 24 * 60
_MAX_TEXT, _MAX_BRACKETS, _MAX_TIMES = 500, 20, 1000
# A range whose ends lie farther apart is none: `Run 2 - 40 min`.
_WIDEST = 3
# Minutes a kilometre. What is longer is no pace, and from there on `45 a 60 min` is a range.
_SLOWEST_PACE = 10
# A time beside a distance may be that of a part of it, or of a recovery. It is the whole where it is as long
# as this, in minutes and in minutes a kilometre; as fast as a ride only where nothing else is said of it.
_SHORTEST_WHOLE = 15
_FASTEST_RIDE, _FASTEST_RUN = 1, 2.5
# A shorter single time after repeated ones is the other half of a pair: `5 x 1' + 1'`.
_SHORTEST_LAST = 5

_AMOUNTS = {Kind.TIME, Kind.DISTANCE}
_RANGES = {Kind.DASH, Kind.TO, Kind.A}
_LISTS = {Kind.COMMA, Kind.COLON, Kind.DASH, Kind.SLASH}
_ADDS = {Kind.PLUS, Kind.AND}
_JOINS = _LISTS | _ADDS | {Kind.WITH, Kind.INCLUDING}
_ENDS = {Kind.WARM_UP, Kind.COOL_DOWN}
_OF_PARTS = {Kind.HARD, Kind.PACE, Kind.JOG}
_RESTS = {Kind.REST, Kind.RECOVERY}
# No recovery between efforts is as long: `Recovery, 40 min` is a session. Somewhat shorter, it may be a part.
_SHORTEST_RECOVERY_RUN = 20
_SHORTEST_RECOVERY_PART = 10


def planned_minutes(text: str | None) -> float | None:
    """The minutes that a text such as a plan's `distance_time` speaks of; None if they are not known.

    Several times are added up where the text adds them, `3 x 10 min` is 30, a range is its middle, and what
    is repeated counts without its recoveries.
    """
    if not text or len(text) > _MAX_TEXT:
        return None
    try:
        line = _without_paces(_without_ranges(list(tokens(text))))
        _check_words(line)
        minutes = _sum(_parts(iter(line), closed=False)[0], repeated=False)
    except _NotKnown:
        return None
    return round(minutes, 2) if minutes is not None and 0 < minutes <= _LONGEST else None


class _NotKnown(Exception):
    """The text says, or may say, what is not understood here."""


def _without_ranges(line: Sequence[Token]) -> list[Token]:
    """Each range as its middle."""
    done: list[Token] = []
    rest = list(line)
    while rest:
        token = rest.pop(0)
        if len(rest) > 1 and rest[0].kind in _RANGES and (middle := _middle(token, *rest[:2])):
            is_repeated = bool(done) and done[-1].kind is Kind.TIMES
            if is_repeated and token.kind is Kind.TIME and rest[0].kind is Kind.DASH:
                raise _NotKnown  # `6 x 3' - 4'` may be a recovery
            del rest[:2]
            if len(rest) > 1 and rest[0].kind in (Kind.DASH, Kind.TO) and rest[1].kind in _AMOUNTS:
                raise _NotKnown  # a ladder, or a list with dashes
            token = middle
        done.append(token)
    return done


def _middle(low: Token, sign: Token, high: Token) -> Token | None:
    """The middle of what may be a range; None if it is none.

    Raises:
        _NotKnown: it can be nothing else, and makes no sense.
    """
    if high.kind is Kind.CLOCK:
        return high if low.kind is Kind.CLOCK else None
    if high.kind not in _AMOUNTS or low.kind not in (high.kind, Kind.NUMBER):
        return None
    first = low.value * high.unit if low.kind is Kind.NUMBER else low.value
    is_range = first < high.value <= _WIDEST * first
    if sign.kind is Kind.A and high.kind is Kind.TIME and low.kind is not Kind.NUMBER:
        if is_range and first < _SLOWEST_PACE:
            raise _NotKnown  # `3' a 4'`
        if not is_range:
            return None
    if not is_range:
        raise _NotKnown
    return Token(high.kind, (first + high.value) / 2, high.unit)


def _without_paces(line: Sequence[Token]) -> list[Token]:
    """The line without paces, times of day, and the times at which something happens."""
    done: list[Token] = []
    for token in line:
        before = done[-1].kind if done else None
        if token.kind in (Kind.PER, Kind.PACE_AFTER) and before in (Kind.TIME, Kind.CLOCK):
            done[-1] = Token(Kind.PACE)
        elif token.kind is Kind.PER:
            raise _NotKnown
        else:
            done.append(token)
    line, done = done, []
    for token in line:
        if done and done[-1].kind in (Kind.AT, Kind.A) and token.kind in (Kind.CLOCK, *_AMOUNTS):
            is_pace = token.kind is not Kind.TIME or token.value <= _SLOWEST_PACE
            if not is_pace and (done[-1].kind is Kind.AT or len(done) > 1):
                raise _NotKnown
            done[-1:] = [Token(Kind.PACE)] if is_pace else [token]  # `a 40 min run`
        else:
            done.append(token)
    return done


_NOT_READ = {Kind.CLOCK, Kind.NUMBER, Kind.TO, Kind.CHANGES}
_SEVERAL = {Kind.TIMES, Kind.TIMES_AFTER, Kind.PLUS}


def _check_words(line: Sequence[Token]) -> None:
    """Refuse what may change the meaning of a time.

    A word that is not known does no harm to one time that stands alone, unless right before it.

    Raises:
        _NotKnown: it may.
    """
    kinds = [token.kind for token in line]
    is_repeated = Kind.TIMES in kinds or Kind.TIMES_AFTER in kinds
    is_simple = kinds.count(Kind.TIME) == 1 and _SEVERAL.isdisjoint(kinds)
    if not _NOT_READ.isdisjoint(kinds) or (Kind.REPETITIONS in kinds and not is_repeated):
        raise _NotKnown
    if kinds.count(Kind.OPEN) > _MAX_BRACKETS:
        raise _NotKnown
    if Kind.UNKNOWN in kinds and not (is_simple and (Kind.UNKNOWN, Kind.TIME) not in pairwise(kinds)):
        raise _NotKnown


@dataclass(slots=True)
class _Part:
    """One stretch of a session.

    Attributes:
        join: what joins it to the part before; None: nothing.
        minutes: of one repetition; None if not known.
        kilometres: of one repetition; None if it is no distance.
        times: how often; None: it is not repeated.
        words: kinds of the words about it.
        inside: what brackets after it say.
    """

    join: Kind | None
    minutes: float | None = None
    kilometres: float | None = None
    times: int | None = None
    words: list[Kind] = field(default_factory=list)
    inside: list[_Part] = field(default_factory=list)
    has_amount: bool = False
    # Of `words`, how many stand before the amount.
    before: int = 0

    @property
    def after(self) -> list[Kind]:
        """Those of `words` that stand after the amount."""
        return self.words[self.before :]

    def cut_after(self) -> list[Kind]:
        """Take them away: they are about what follows."""
        after = self.after
        del self.words[self.before :]
        return after

    @property
    def total(self) -> float | None:
        return None if self.minutes is None else self.minutes * (self.times or 1)

    @property
    def is_single_time(self) -> bool:
        return self.minutes is not None and self.times is None

    @property
    def is_distance(self) -> bool:
        return self.kilometres is not None and self.times is None

    @property
    def is_recovery_run(self) -> bool:
        """Whether it is long enough to be one, if nothing else stands beside it."""
        is_named = Kind.RECOVERY in self.words and Kind.REST not in self.words and self.join is None
        return is_named and self.is_single_time and (self.minutes or 0) >= _SHORTEST_RECOVERY_RUN

    @property
    def is_rest(self) -> bool:
        return not _RESTS.isdisjoint(self.words)

    @property
    def is_end(self) -> bool:
        return not _ENDS.isdisjoint(self.words)


class _Reader:
    """Tokens, up to the bracket that closes them, as parts."""

    def __init__(self) -> None:
        self.parts: list[_Part] = []
        self.part = _Part(None)
        self.times: int | None = None
        self.is_at_amount = False

    def join(self, kind: Kind) -> None:
        """Begin another part, or go on with one that has words alone: `Easy, 40 min`, `main: 3 x 8'`."""
        if self.times is not None:
            raise _NotKnown
        part, self.is_at_amount = self.part, False
        words: list[Kind] = []
        if part.has_amount and kind in (Kind.COLON, Kind.DASH) and not _RESTS.isdisjoint(part.after):
            words = part.cut_after()  # `6 x 3' rec: 1'`
        if part.has_amount or self._is_unknown_part(part, kind):
            self.parts.append(part)
            self.part = _Part(kind, words=words)
        elif kind is Kind.PLUS and not self.parts and not part.words:
            raise _NotKnown  # added to what is not said
        elif part.join in (Kind.WITH, Kind.INCLUDING):
            if kind in (Kind.COMMA, Kind.PLUS):
                self.part = _Part(kind)  # `40 min with strides, ...`
        elif kind in (Kind.PLUS, Kind.WITH, Kind.INCLUDING):
            part.join = kind
        if self.parts and part.is_rest and not part.has_amount and kind in (Kind.COMMA, Kind.PLUS, Kind.AND):
            part.words.clear()

    def end(self) -> tuple[list[_Part], list[Kind]]:
        """The parts, and the words that are left over."""
        if self.times is not None:
            raise _NotKnown
        if self.part.has_amount or self._is_unknown_part(self.part, None):
            self.parts.append(self.part)
            return self.parts, []
        return self.parts, self.part.words

    @staticmethod
    def _is_unknown_part(part: _Part, following: Kind | None) -> bool:
        """Whether words without an amount are a part, of which nobody knows how long it is."""
        if not part.words or part.is_rest or part.join in (Kind.WITH, Kind.INCLUDING):
            return False
        if Kind.PLUS in (part.join, following):
            return following not in (Kind.COLON, Kind.DASH)
        if following not in (Kind.COMMA, Kind.AND, None):
            return False
        if part.join is None:
            return part.is_end and following is not None
        return (
            part.is_end or Kind.EXTRA in part.words or (part.join is Kind.AND and Kind.UNKNOWN in part.words)
        )

    def amount(self, *, minutes: float | None = None, kilometres: float | None = None) -> None:
        """Take in a time, a distance, or a group of which neither is known."""
        part = self.part
        if part.has_amount:
            words = part.cut_after()
            self.parts.append(part)
            self.part = part = _Part(None, words=words)
        part.minutes, part.kilometres, part.times = minutes, kilometres, self.times
        part.has_amount, part.before = True, len(part.words)
        self.times, self.is_at_amount = None, True


def _parts(line: Iterator[Token], *, closed: bool) -> tuple[list[_Part], list[Kind]]:
    """The parts up to the end or, if `closed`, to the bracket that closes; and words that are about none."""
    reader = _Reader()
    for token in line:
        match token.kind:
            case Kind.CLOSE:
                if not closed:
                    raise _NotKnown
                return reader.end()
            case Kind.OPEN:
                _bracket(reader, *_parts(line, closed=True))
            case Kind.TIMES:
                reader.times = (reader.times or 1) * int(token.value)
                if reader.times > _MAX_TIMES:
                    raise _NotKnown
            case Kind.TIMES_AFTER:
                if not reader.is_at_amount or reader.times is not None or reader.parts:
                    raise _NotKnown
                reader.part.times = (reader.part.times or 1) * int(token.value)
                reader.is_at_amount = False
            case Kind.TIME:
                reader.amount(minutes=token.value)
            case Kind.DISTANCE:
                reader.amount(kilometres=token.value)
            case kind if kind in _JOINS:
                reader.join(kind)
            case kind:
                reader.part.words.append(kind)
                reader.is_at_amount = False
    if closed:
        raise _NotKnown
    return reader.end()


def _bracket(reader: _Reader, inside: list[_Part], words: list[Kind]) -> None:
    part = reader.part
    if reader.times is not None:
        reader.amount(minutes=_sum(inside, repeated=True))
    elif not part.has_amount and inside:
        reader.amount(minutes=_sum(inside, repeated=False))
        reader.part.words += inside[0].words if len(inside) == 1 else []
    elif part.is_distance and len(inside) == 1 and inside[0].is_single_time:
        reader.join(Kind.COMMA)  # `8 km (45 min)`
        inside[0].join = Kind.COMMA
        reader.part = inside[0]
    else:
        part.inside += inside
    reader.part.words += words


def _sum(parts: Sequence[_Part], *, repeated: bool) -> float | None:
    """The minutes of some parts; None if they are not known.

    Args:
        repeated: whether these stand in brackets after `3 x`; there a slash adds.

    Raises:
        _NotKnown: they contradict each other, or may be read in several ways.
    """
    work = _work(parts)
    for part in work:
        _check_inside(part, part.inside)
    if not work:
        return None
    head, others = work[0], work[1:]
    if any(Kind.TOTAL in part.words for part in work):
        return _total(work)
    if others and others[0].join in (Kind.COLON, Kind.INCLUDING) and head.is_single_time and not head.is_end:
        is_list = len(others) > 1
        _check_inside(head, others)
        if is_list and sum(part.total or 0 for part in others) != head.total:
            raise _NotKnown
        return head.total
    if any(part.minutes is None for part in work):
        return _beside_distance(work)
    if all(part.is_end for part in work):
        return None
    _check_sum(work, repeated=repeated)
    return sum(part.total or 0 for part in work)


def _work(parts: Sequence[_Part]) -> list[_Part]:
    """The parts without recoveries, and without what another one contains."""
    work: list[_Part] = []
    for part in parts:
        if part.is_rest and not (len(parts) == 1 and part.is_recovery_run):
            is_named_so = Kind.REST not in part.words and (part.minutes or 0) >= _SHORTEST_RECOVERY_PART
            if part.times is not None or (is_named_so and part.join is not Kind.WITH):
                raise _NotKnown
            continue
        if part.join is Kind.WITH:
            head = work[-1] if work else None
            is_recovery = (
                head is not None and head.times is not None and part.is_single_time and not part.is_end
            )
            is_contained = head is not None and head.is_single_time and part.minutes is None
            if not (is_recovery or is_contained):
                raise _NotKnown
        else:
            work.append(part)
    if work and work[0].join is Kind.INCLUDING:
        raise _NotKnown
    return work


def _check_inside(whole: _Part, inside: Sequence[_Part]) -> None:
    if whole.total is not None and sum(part.total or 0 for part in inside if not part.is_rest) > whole.total:
        raise _NotKnown


def _total(work: Sequence[_Part]) -> float | None:
    """The time that is said to be the total."""
    totals = [part for part in work if Kind.TOTAL in part.words]
    others = [part for part in work if Kind.TOTAL not in part.words]
    (total,) = totals if len(totals) == 1 else (None,)
    if total is None or not total.is_single_time or total.join in _ADDS:
        raise _NotKnown
    if total is work[0] and others and others[0].join in _ADDS:
        raise _NotKnown
    _check_inside(total, others)
    return total.total


def _beside_distance(work: Sequence[_Part]) -> float | None:
    """The time of a distance that stands beside it: `8 km, 45 min`."""
    times = [part for part in work if part.is_single_time]
    distances = [part for part in work if part.is_distance]
    if len(work) != len(times) + len(distances) or len(times) != 1 or len(distances) != 1:
        return None
    (time,), (distance,) = times, distances
    if any(part.is_end for part in work) or not (work[1].join is None or work[1].join in _LISTS):
        return None
    minutes, kilometres = time.minutes or 0, distance.kilometres or 0
    if Kind.WITHIN in time.words + distance.words:
        return minutes
    fastest = _FASTEST_RUN if time.words else _FASTEST_RIDE
    is_part = minutes < max(_SHORTEST_WHOLE, fastest * kilometres) or not _OF_PARTS.isdisjoint(time.words)
    return None if is_part or kilometres <= 1 else minutes


def _check_sum(work: Sequence[_Part], *, repeated: bool) -> None:
    """Make sure that parts, of which all minutes are known, are meant to be added up.

    Raises:
        _NotKnown: they may be meant otherwise.
    """
    is_list = Kind.WARM_UP in work[0].words
    for number, (before, part) in enumerate(pairwise(work), 1):
        is_joined = part.join in _ADDS or (part.join is Kind.SLASH and repeated)
        if not is_joined and not (is_list and part.join in _LISTS):
            raise _NotKnown
        if before.times is None or part.times is not None or Kind.COOL_DOWN in part.words:
            continue
        is_last = number == len(work) - 1 and number > 1 and (part.total or 0) >= _SHORTEST_LAST
        if (part.total or 0) <= (before.minutes or 0) and not is_last:
            raise _NotKnown  # `5 x 1' + 1'` may be pairs
    *most, last = work
    if is_list and last.join in _LISTS and not last.is_end and last.total == sum(p.total or 0 for p in most):
        raise _NotKnown  # the last may be the total
