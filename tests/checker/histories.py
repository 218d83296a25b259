"""Random lives of many people on one bot that is killed, cut off, relieved and returns late; and the shortest
life that ends differently from what the model says.

Everybody lives through the same troubles, side by side, and is checked alone. So a life is made shorter by
letting all shorter ones be lived at once.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from tests.checker.finding import find, problems
from tests.checker.people import Act, Person, Role
from tests.checker.seam import House
from tests.support.processes import wait_until

FIRST_PERSON = 6_000_000
PEOPLE = 20
_NUMBERS = re.compile(r"\d+")
_HOUR = 3_600.0
_MOST_ACTS = 3  # in one phase
_SIDE_BY_SIDE = 24


@dataclass(frozen=True, slots=True)
class Life:
    """What one person does, phase by phase."""

    role: Role
    sessions: str
    phases: tuple[tuple[Act, ...], ...]

    def __len__(self) -> int:
        return sum(map(len, self.phases))

    def shorter(self) -> Iterator[Life]:
        """The same with one phase empty, or one act less."""
        for number, acts in enumerate(self.phases):
            if acts:
                yield self._with(number, ())
            if len(acts) > 1:
                for place in range(len(acts)):
                    yield self._with(number, (*acts[:place], *acts[place + 1 :]))

    def _with(self, number: int, acts: tuple[Act, ...]) -> Life:
        return replace(self, phases=(*self.phases[:number], acts, *self.phases[number + 1 :]))

    def told(self, troubles: Sequence[str]) -> str:
        """For people."""
        phases = [
            f"    {trouble}: {', '.join(map(str, acts)) or '-'}"
            for trouble, acts in zip(troubles, self.phases, strict=True)
        ]
        return "\n".join([f"  {self.role}, asked about {', '.join(self.sessions)}", *phases])


class Tale:
    """People who live through troubles.

    Attributes:
        here: the service that takes updates.
        is_loose: whether two services had parts of it out of order.
    """

    def __init__(self, house: House, lives: Sequence[Life], rng: random.Random) -> None:
        self.house = house
        self.lives = lives
        self.people = [
            Person(FIRST_PERSON + number, life.role, life.sessions) for number, life in enumerate(lives)
        ]
        self.rng = rng
        self.here = "a"
        self.is_loose = False
        self.latest = 0.0

    @property
    def other(self) -> str:
        """The service that does not."""
        return "b" if self.here == "a" else "a"

    async def begin(self) -> None:
        """Everybody arrives and is asked."""
        await self.house.start(self.here)
        for person in self.people:
            await person.arrive(self.house)
            await person.be_asked(self.house)
        await self.house.settled()
        for person in self.people:
            person.find_questions(self.house)

    def burst(self, phase: int) -> None:
        """All that is done in a phase, at once."""
        for number in range(_MOST_ACTS):
            self._do(phase, number)

    async def one_by_one(self, phase: int) -> None:
        """The same, each once the one before is seen to."""
        for number in range(_MOST_ACTS):
            if self._do(phase, number):
                await self.fetched()
                await self.house.quiet(coach=False)

    def _do(self, phase: int, number: int) -> bool:
        self.house.clock.pass_(1)
        done = [
            person.do(self.house, life.phases[phase][number])
            for person, life in zip(self.people, self.lives, strict=True)
            if number < len(life.phases[phase])
        ]
        return any(done)

    def be_on_time(self) -> None:
        """A clock that went back is right again: what was due before is due."""
        self.house.clock.set(max(self.latest, self.house.clock.unix()))

    async def hand_over(self) -> None:
        """The one that was killed returns, with what it had taken and not stored; the other goes on."""
        self.house.be_well()
        await self.house.start(self.here)
        await self.house.quiet(coach=False, for_=2.0)
        await self.house.kill(self.here)
        self.here = self.other
        self.is_loose = True

    async def fetched(self) -> None:
        """Return when Telegram has nothing more in store."""
        await wait_until(
            lambda: self.house.world.pending() == 0, 60, "it is fetched", otherwise=self.house.logs
        )


async def _calm(tale: Tale, phase: int) -> None:
    await tale.one_by_one(phase)


async def _page(tale: Tale, phase: int) -> None:
    tale.burst(phase)
    await tale.house.quiet(coach=False)


async def _kill(tale: Tale, phase: int) -> None:
    tale.burst(phase)
    await asyncio.sleep(tale.rng.uniform(0, 0.4))
    await tale.house.kill(tale.here)
    await tale.house.start(tale.here)
    await tale.house.quiet(coach=False)


async def _kill_unanswered(tale: Tale, phase: int) -> None:
    house = tale.house
    for person, life in zip(tale.people, tale.lives, strict=True):
        first = next(iter(life.phases[phase]), None)
        if first is not None:
            given = person.do(house, first)
            house.hold([given.tap] if given is not None and given.tap is not None else [])
    await house.quiet(10, coach=False)
    for number in range(1, _MOST_ACTS):
        tale._do(phase, number)
    await house.quiet(10, coach=False)
    await house.kill(tale.here)
    house.be_well()
    await house.start(tale.here)
    await house.quiet(coach=False)


async def _cut_off(tale: Tale, phase: int) -> None:
    await tale.house.shut(tale.here)
    tale.burst(phase)
    await tale.fetched()
    tale.house.clock.pass_(5)
    await asyncio.sleep(1.0)
    await tale.house.open(tale.here)
    await tale.house.quiet(coach=False)


async def _cut_off_and_killed(tale: Tale, phase: int) -> None:
    await tale.house.shut(tale.here)
    tale.burst(phase)
    await tale.fetched()
    await tale.house.kill(tale.here)
    await tale.house.start(tale.here)
    await tale.house.quiet(coach=False)


async def _relieved(tale: Tale, phase: int) -> None:
    house = tale.house
    await house.start(tale.other)
    tale.burst(phase)
    await house.kill(tale.here)
    house.leave()
    await house.lease_over()
    await tale.fetched()
    await house.quiet(20, coach=False)
    await tale.hand_over()


async def _returns_late(tale: Tale, phase: int) -> None:
    house = tale.house
    await house.shut(tale.here)
    tale.burst(phase)
    await tale.fetched()
    await house.kill(tale.here)
    house.leave()
    await house.lease_over()
    await house.start(tale.other)
    await tale.one_by_one(phase + 1)
    await tale.hand_over()


async def _an_hour_later(tale: Tale, phase: int) -> None:
    tale.house.clock.pass_(_HOUR)
    await tale.one_by_one(phase)


async def _an_hour_earlier(tale: Tale, phase: int) -> None:
    tale.latest = max(tale.latest, tale.house.clock.unix())
    tale.house.clock.pass_(-_HOUR)
    await tale.one_by_one(phase)


Trouble = Callable[[Tale, int], Awaitable[None]]

TROUBLES: dict[str, Trouble] = {
    "one by one": _calm,
    "in one page": _page,
    "killed": _kill,
    "answers held, then killed": _kill_unanswered,
    "MongoDB away": _cut_off,
    "MongoDB away and killed": _cut_off_and_killed,
    "killed beside a standby": _relieved,
    "left in the journal of a dead service": _returns_late,
    "an hour later": _an_hour_later,
    "an hour earlier": _an_hour_earlier,
}
MEANWHILE = "meanwhile, by another service"
"""The phase behind one that is left in a journal."""
_LATE = "left in the journal of a dead service"
PUSHED = ("one by one", "an hour later", "one by one", "an hour later")
"""With a webhook Telegram sends several at a time, in any order: there each waits for the one before."""


@dataclass(frozen=True, slots=True)
class Example:
    """One history of many people.

    Attributes:
        troubles: what happens in each phase.
        is_pushed: whether updates come by webhook.
    """

    seed: int
    troubles: tuple[str, ...]
    lives: tuple[Life, ...]
    is_pushed: bool = False


def make_example(seed: int, *, is_pushed: bool = False) -> Example:
    """Always the same for the same seed."""
    rng = random.Random(seed)
    troubles: list[str] = [*PUSHED] if is_pushed else []
    while len(troubles) < 4:
        trouble = rng.choice(list(TROUBLES))
        troubles += [trouble, MEANWHILE] if trouble == _LATE else [trouble]
    lives = tuple(_life(rng, troubles) for _ in range(PEOPLE))
    return Example(seed, tuple(troubles), lives, is_pushed)


_ROLES = (Role.LISTED, Role.LISTED, Role.ROSTER, Role.ROSTER, Role.INVITED)
_ANSWERS = ("done", "skipped", "hard", "pain")
_DETAILS = ("rpe=7", "rpe=2", "rpe=-", "rpe=?", "where=knee", "where=back", "pain=6", "reason=ill")


def _life(rng: random.Random, troubles: Sequence[str]) -> Life:
    role = rng.choice(_ROLES)
    sessions = "".join(sorted({"p", *rng.sample("qr", rng.choice((0, 1)))}))
    phases: list[tuple[Act, ...]] = []
    is_warned = False
    for trouble in troubles:
        is_late = trouble in (_LATE, "killed beside a standby")
        acts = [_act(rng, sessions, is_warned=is_warned, is_late=is_late) for _ in range(_MOST_ACTS)]
        acts = acts[: rng.randint(0, _MOST_ACTS)]
        is_warned = is_warned or any(act.value == "/forgetme" for act in acts)
        phases.append(tuple(acts))
    return Life(role, sessions + ("i" if role is not Role.LISTED else ""), tuple(phases))


def _act(rng: random.Random, sessions: str, *, is_warned: bool, is_late: bool) -> Act:
    """Something to do; of what may be seen to late, nothing that decides whose the rest is."""
    session = rng.choice(sessions)
    about_sessions: list[tuple[int, Act]] = [
        (8, Act("answer", session, rng.choice(_ANSWERS))),
        (1, Act("answer", session, "done+felt%20ok")),
        (5, Act("detail", session, rng.choice(_DETAILS))),
        (3, Act("note", session)),
        (2, Act("edit", session)),
        (2, Act("later", session) if session != "p" else Act("answer", "p", "hard")),
    ]
    others: list[tuple[int, Act]] = [
        (1, Act("say", "", rng.choice(("/pause 3d", "/resume", "/language es")))),
        (1, Act("say", "", rng.choice(("/pending", "/week")))),
        (2, Act("say", "", "/forgetme")),
        (8 if is_warned else 0, Act("confirm", "", "forget")),
        (1 if is_warned else 0, Act("confirm", "", "keep")),
        (1, Act("see")),
        (1, Act("stranger", session, rng.choice(("done", "forget")))),
        (2, Act("join")),
    ]
    chosen = about_sessions if is_late else about_sessions + others
    return rng.choices([act for _, act in chosen], [weight for weight, _ in chosen])[0]


@dataclass(frozen=True, slots=True)
class Wrong:
    """A life that ended wrongly."""

    life: Life
    found: tuple[str, ...]
    given: tuple[str, ...]


async def live(example: Example, folder: Path, url: str, at: datetime) -> list[Wrong]:
    """Play an example; returns who ended wrongly."""
    listed = [FIRST_PERSON + n for n, life in enumerate(example.lives) if life.role is Role.LISTED]
    async with House(folder, url, listed, at=at, is_pushed=example.is_pushed) as house:
        tale = Tale(house, example.lives, random.Random(example.seed))
        await tale.begin()
        for phase, trouble in enumerate(example.troubles):
            if trouble != MEANWHILE:
                await TROUBLES[trouble](tale, phase)
        tale.be_on_time()
        await house.settled()
        finding = await find(house, tale.people)
        wrong = []
        for person, life in zip(tale.people, example.lives, strict=True):
            if found := problems(person, finding, loose=tale.is_loose):
                wrong.append(Wrong(life, tuple(found), tuple(map(str, person.given))))
        return wrong


def kinds(found: Iterable[str]) -> set[str]:
    """What is wrong, without whose it is and when."""
    return {_NUMBERS.sub("0", it)[:80] for it in found}


async def shrink(example: Example, wrong: Wrong, folder: Path, url: str, at: datetime) -> Wrong:
    """The shortest life that ends wrongly in the same troubles, as far as it is found."""
    for number in range(6):
        lives = tuple(dict.fromkeys(wrong.life.shorter()))[:_SIDE_BY_SIDE]
        if not lives:
            break
        again = await live(replace(example, lives=lives), folder / f"shorter-{number}", url, at)
        same = [it for it in again if kinds(it.found) & kinds(wrong.found)]
        if not same:
            break
        wrong = min(same, key=lambda it: len(it.life))
    return wrong
