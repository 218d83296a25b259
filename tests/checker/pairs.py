"""Every two things that somebody can do, one after the other: a crash in between may change nothing."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from tests.checker.finding import Finding, differences, find, page_picture, picture, problems
from tests.checker.people import Act, Given, Person, Role, is_about
from tests.checker.seam import COACH, House
from tests.support.processes import wait_until

FIRST_PERSON = 5_000_000
_AT_ONCE = 48
"""Taps that may hang: the bot answers 64 at a time."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Something that can be done, and what must have been done before for it to mean something.

    Attributes:
        needs: an answer.
        warned: the question whether everything is to be deleted.
        noted: a note to be changed; `paused`: a pause to be ended.
    """

    name: str
    act: Act
    needs: str = ""
    warned: bool = False
    noted: bool = False
    paused: bool = False

    @property
    def is_answer(self) -> bool:
        """Whether it is one about the session that the others are about."""
        return self.act.kind == "answer" and self.act.session == "p"

    @property
    def is_tap(self) -> bool:
        """Whether it is told something that can hang."""
        return self.act.kind not in ("note", "edit", "say", "join")


KINDS = {
    kind.name: kind
    for kind in (
        Kind("done", Act("answer", "p", "done")),
        Kind("hard", Act("answer", "p", "hard")),
        Kind("skipped", Act("answer", "p", "skipped")),
        Kind("pain", Act("answer", "p", "pain")),
        Kind("done-with-note", Act("answer", "p", "done+felt%20ok")),
        Kind("again", Act("answer", "p", "done"), needs="done"),
        Kind("change", Act("answer", "p", "skipped"), needs="done"),
        Kind("pain-again", Act("answer", "p", "pain"), needs="pain"),
        Kind("pain-gone", Act("answer", "p", "done"), needs="pain"),
        Kind("r-done", Act("answer", "r", "done")),
        Kind("r-pain", Act("answer", "r", "pain")),
        Kind("r-later", Act("later", "r")),
        Kind("q-done", Act("answer", "q", "done")),
        Kind("q-later", Act("later", "q")),
        Kind("rpe", Act("detail", "p", "rpe=7"), needs="done"),
        Kind("rpe-out", Act("detail", "p", "rpe=-"), needs="done"),
        Kind("rpe-ask", Act("detail", "p", "rpe=?"), needs="done"),
        Kind("where", Act("detail", "p", "where=knee"), needs="pain"),
        Kind("level", Act("detail", "p", "pain=6"), needs="pain"),
        Kind("reason", Act("detail", "p", "reason=ill"), needs="skipped"),
        Kind("note", Act("note", "p")),
        Kind("note-after", Act("note", "p"), needs="done"),
        Kind("edit", Act("edit", "p"), noted=True),
        Kind("r-note", Act("note", "r")),
        Kind("pause", Act("say", "", "/pause 3d")),
        Kind("resume", Act("say", "", "/resume"), paused=True),
        Kind("language", Act("say", "", "/language es")),
        Kind("pending", Act("say", "", "/pending")),
        Kind("week", Act("say", "", "/week")),
        Kind("forgetme", Act("say", "", "/forgetme")),
        Kind("forget", Act("confirm", "", "forget"), warned=True),
        Kind("keep", Act("confirm", "", "keep"), warned=True),
        Kind("join", Act("join")),
        Kind("seen", Act("see"), needs="pain"),
        Kind("stranger", Act("stranger", "p", "done")),
        Kind("stranger-forget", Act("stranger", "p", "forget")),
        Kind("forge", Act("forge", "p")),
    )
}


@dataclass(frozen=True, slots=True)
class Pair:
    """Two things that one person does, and what they have done before."""

    first: Kind
    second: Kind
    role: Role = Role.LISTED

    def __str__(self) -> str:
        return f"{self.first.name}, {self.second.name} ({self.role})"

    @property
    def is_about_who(self) -> bool:
        """Whether one makes them an athlete, or none, for the other: another service cannot know yet."""
        names = (self.first.name, self.second.name)
        is_by_reference = self.second.act.session == "r"  # which a deletion makes nobody's
        return (self.role is Role.INVITED and "join" in names) or (
            self.first.name == "forget" and (self.role is Role.ROSTER or is_by_reference)
        )

    @property
    def is_seen(self) -> bool:
        """Whether the coach sees something."""
        return "seen" in (self.first.name, self.second.name)

    @property
    def before(self) -> list[Act]:
        """What must have been done."""
        kinds = (self.first, self.second)
        acts = []
        answer = self.first.needs or ("" if self.first.is_answer else self.second.needs)
        if any(kind.noted for kind in kinds):
            acts.append(Act("note", "p"))
        if self.is_seen:
            answer = "pain"
        if answer:
            acts.append(Act("answer", "p", answer))
        if any(kind.paused for kind in kinds):
            acts.append(Act("say", "", "/pause 3d"))
        if any(kind.warned for kind in kinds):
            acts.append(Act("say", "", "/forgetme"))
        return acts

    def person(self, number: int) -> Person:
        """Who does it."""
        kinds = (self.first, self.second)
        sessions = "p" + "".join(sorted({kind.act.session for kind in kinds} & {"q", "r"}))
        if any(kind.name == "pending" for kind in kinds) and "q" not in sessions:
            sessions += "q"
        if any(kind.name == "join" for kind in kinds):
            sessions += "i"
        return Person(FIRST_PERSON + number, self.role, sessions)


def _roles(first: Kind, second: Kind) -> Iterator[Role]:
    """Whose a pair can be: somebody new has nothing that could have been done before."""
    yield Role.LISTED
    yield Role.ROSTER
    if "join" in (first.name, second.name) and not Pair(first, second).before:
        yield Role.INVITED


def all_pairs() -> list[Pair]:
    """Every ordered two, of whomever; who was asked whether to delete everything need not forge a button."""
    twos = [
        (one, other)
        for one, other in itertools.product(KINDS.values(), repeat=2)
        if not (other.name == "forge" and (one.warned or one.name == "forgetme"))
    ]
    return [Pair(one, other, role) for one, other in twos for role in _roles(one, other)]


def some_pairs() -> list[Pair]:
    """Those that have most to do with each other: deletion after everything, and what meets in one answer."""
    deleted = [(name, "forget", Role.LISTED) for name in KINDS]
    left = [(name, "forget", Role.ROSTER) for name in ("pain", "note", "pause", "language", "join", "seen")]
    back = [("forget", name, Role.LISTED) for name in ("pain", "r-done", "note", "rpe", "pause")]
    joined = [("done", "join", Role.INVITED), ("join", "done", Role.INVITED), ("forget", "join", Role.ROSTER)]
    meeting = [
        (one, other, Role.LISTED)
        for one in ("done", "skipped", "pain", "where", "reason", "note", "edit")
        for other in ("skipped", "done", "rpe", "where", "note")
        if one != other
    ]
    others = [
        (one, other, Role.ROSTER)
        for one, other in (
            ("q-later", "q-done"),
            ("q-done", "q-later"),
            ("pain", "seen"),
            ("seen", "pain-gone"),
            ("week", "done"),
            ("pending", "q-done"),
            ("pause", "resume"),
            ("resume", "pause"),
            ("stranger-forget", "done"),
            ("forge", "done"),
            ("forge", "forgetme"),
            ("note-after", "note"),
        )
    ]
    chosen = dict.fromkeys([*deleted, *left, *back, *joined, *meeting, *others])
    return [Pair(KINDS[one], KINDS[other], role) for one, other, role in chosen]


@dataclass(slots=True)
class Story:
    """A pair, and what came of it in one way of doing it."""

    pair: Pair
    person: Person
    is_told: bool = True
    found: list[str] = field(default_factory=list)


class Run:
    """Many pairs side by side on one bot; each is another person's."""

    def __init__(self, house: House, stories: Sequence[Story]) -> None:
        self.house = house
        self.stories = stories

    @property
    def people(self) -> list[Person]:
        """Everybody."""
        return [story.person for story in self.stories]

    async def prepare(self) -> None:
        """Everybody arrives, is asked, and does what must have been done before."""
        house = self.house
        for story in self.stories:
            await story.person.arrive(house)
            await story.person.be_asked(house)
        await house.quiet()
        for story in self.stories:
            story.person.find_questions(house)
        rounds = max((len(story.pair.before) for story in self.stories), default=0)
        # Whom the coach must have been told about comes first.
        stories = sorted(self.stories, key=lambda story: not story.pair.is_seen)
        for number in range(rounds):
            house.clock.pass_(10)
            for story in stories:
                if number < len(story.pair.before):
                    story.person.do(house, story.pair.before[number])
            await house.quiet(coach=False)
        about = [story.person for story in self.stories if story.pair.is_seen]
        await wait_until(
            lambda: all(any(is_about(m, p) for m in house.world.messages(COACH.id)) for p in about),
            60,
            "the coach is told",
        )

    def first(self, stories: Iterable[Story], *, taps: bool) -> list[Given]:
        """The first of the two, of those who tap, or of those who write."""
        return self._do((s, s.pair.first) for s in stories if s.pair.first.is_tap == taps)

    def second(self, stories: Iterable[Story]) -> list[Given]:
        """The second."""
        return self._do((s, s.pair.second) for s in stories)

    def _do(self, doing: Iterable[tuple[Story, Kind]]) -> list[Given]:
        done = []
        for story, kind in doing:
            given = story.person.do(self.house, kind.act)
            story.is_told = story.is_told and given is not None
            if given is not None:
                done.append(given)
        return done

    def batches(self) -> Iterator[list[Story]]:
        """So many that not too many hang."""
        taps = [story for story in self.stories if story.pair.first.is_tap]
        rest = [story for story in self.stories if not story.pair.first.is_tap]
        while taps or rest:
            yield taps[:_AT_ONCE] + rest[:_AT_ONCE]
            taps, rest = taps[_AT_ONCE:], rest[_AT_ONCE:]


async def plainly(run: Run) -> None:
    """Nothing goes wrong, and each is done before the next comes."""
    house = run.house
    await house.start()
    await run.prepare()
    for batch in run.batches():
        house.clock.pass_(10)
        for taps in (False, True):
            run.first(batch, taps=taps)
            await house.quiet(coach=False)
        house.clock.pass_(10)
        run.second(batch)
        await house.quiet(coach=False)


async def in_one_page(run: Run) -> None:
    """Nothing goes wrong, and both come together."""
    house = run.house
    await house.start()
    await run.prepare()
    house.clock.pass_(20)
    for story in run.stories:
        run.first([story], taps=story.pair.first.is_tap)
        run.second([story])
    await house.quiet(coach=False)


async def with_a_crash(run: Run) -> None:
    """The first is stored but not answered, the second is done; then the bot is killed, and comes back."""
    house = run.house
    await house.start()
    await run.prepare()
    for batch in run.batches():
        house.clock.pass_(10)
        for story in batch:
            if not story.pair.first.is_tap:
                house.hold_chat(story.person.id)
        run.first(batch, taps=False)
        await house.quiet(20, coach=False)
        house.hold(given.tap for given in run.first(batch, taps=True) if given.tap is not None)
        await house.quiet(20, coach=False)
        house.clock.pass_(10)
        run.second(batch)
        await house.quiet(20, coach=False)
        await house.kill()
        house.be_well()
        await house.start()
        await house.quiet(coach=False)


async def on_a_late_service(run: Run) -> None:
    """The first lies in a dead service's journal, another service does the second; then that returns."""
    house = run.house
    await house.start("b")
    await run.prepare()
    await house.stop("b")
    await house.start("a", is_away=True)
    house.clock.pass_(10)
    for taps in (False, True):
        run.first(run.stories, taps=taps)
        await wait_until(lambda: house.world.pending() == 0, 20, "it is fetched")
    house.clock.pass_(5)
    await house.quiet(10, coach=False, for_=1.5)
    await house.kill("a")
    house.leave()
    await house.lease_over()
    await house.start("b")
    house.clock.pass_(5)
    run.second(run.stories)
    await house.quiet(coach=False)
    house.be_well()
    await house.start("a")
    # It has to read its journal first, which nobody outside can see.
    await house.quiet(coach=False, for_=6.0)


Way = Callable[[Run], Awaitable[None]]


async def play(
    pairs: Sequence[Pair],
    way: Way,
    folder: Path,
    url: str,
    at: datetime,
) -> tuple[list[Story], Finding]:
    """Do the pairs in one way."""
    stories = [Story(pair, pair.person(number)) for number, pair in enumerate(pairs)]
    listed = [story.person.id for story in stories if story.person.role is Role.LISTED]
    async with House(folder, url, listed, at=at) as house:
        run = Run(house, stories)
        await way(run)
        await house.settled()
        finding = await find(house, run.people)
        for story in stories:
            loose = way is on_a_late_service
            if story.is_told and not (loose and story.pair.is_about_who):
                story.found = problems(story.person, finding, loose=loose)
        return stories, finding


WAYS: dict[str, Way] = {
    "one by one": plainly,
    "in one page": in_one_page,
    "after a crash": with_a_crash,
    "by a service that returns late": on_a_late_service,
}


async def check(pairs: Sequence[Pair], folder: Path, url: str, at: datetime) -> dict[str, list[str]]:
    """Do the pairs in every way, side by side; returns what is wrong, by way and pair."""
    played = await asyncio.gather(
        *(play(pairs, way, folder / str(n), url, at) for n, way in enumerate(WAYS.values()))
    )
    wrong: dict[str, list[str]] = {}
    plain, seen = played[0]
    for name, (stories, finding) in zip(WAYS, played, strict=True):
        for one, other in zip(plain, stories, strict=True):
            found = list(other.found)
            if one.is_told and other.is_told:
                if name == "after a crash" and other.pair.first.name != "pending":
                    held = None if other.pair.first.is_tap else other.person.given[-2]
                    found += differences(
                        picture(one.person, seen, held=held), picture(other.person, finding, held=held)
                    )
                elif name == "in one page":
                    found += differences(page_picture(one.person, seen), page_picture(other.person, finding))
            if found:
                wrong[f"{name}: {other.pair}"] = found
    return wrong
