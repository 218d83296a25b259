"""Plans on their way in by `write`, `record-run` and `plan check`: what comes of each is printed, and one
that cannot be read is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TypeAlias

import click

from bot.app.database import open_database
from bot.cli.shared import read_people
from bot.core.answers.rules import WEEKDAYS
from bot.core.plans.plan import Plan, read_plan
from bot.core.plans.remarks import InvalidPlan
from bot.core.prompts.preview import CancelledQuestion, PlanPreview, rest_days
from bot.core.records.models import Record
from bot.core.shared.clock import system_clock
from bot.core.shared.errors import BotError, ConfigError
from bot.core.shared.formatting import count
from bot.core.shared.printable import one_line
from bot.services.prompts.plan_desk import PlanDesk
from bot.settings import Settings
from bot.store.mongodb.client import Database

Plans: TypeAlias = Sequence[tuple[object, Record]]
"""Plans with their places in the input."""


@dataclass(slots=True)
class PlanGate:
    """Looks at plans before they are written.

    Attributes:
        complain: takes a line for standard error.
        force: let plans through of which no questions can be made.
        strict: keep back what is only warned of, too.
        keeps: whether the plans will be written.
        created_follows: see `bot.store.records.upserts.merge`.
        path: the way to a plan in the input, before the names of its fields.
        forcing: what lets plans through, for whoever has it not given.
        past: how many plans were of days that have passed.
        desk: None as long as MongoDB cannot be asked: then plans are only read.
    """

    settings: Settings
    complain: Callable[[str], None]
    force: bool = False
    strict: bool = False
    keeps: bool = True
    created_follows: bool = False
    path: str = ""
    forcing: str = "--force"
    past: int = 0
    desk: PlanDesk | None = None

    async def at(self, db: Database) -> Callable[[Plans], Awaitable[dict[int, str]]]:
        """`admit`, which knows the plans and the roster of this database."""
        roster = await read_people(self.settings, db)
        self.desk = await PlanDesk.open(db, roster, system_clock(), self.settings.late_after_days)
        return self.admit

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[None]:
        """Ask MongoDB if it is there, and say it if not. Nothing is made for that."""
        settings = self.settings
        async with AsyncExitStack() as stack:
            is_there = settings.mongo_url is not None or (settings.data_dir / "mongodb").exists()
            why = None if is_there else f"there is no database in {settings.data_dir} yet"
            try:
                if is_there:
                    await self.at(await stack.enter_async_context(open_database(settings)))
            except ConfigError:
                raise
            except BotError as exc:
                why = str(exc)
            if why is not None:
                self.complain(
                    f"warning: MongoDB cannot be asked ({why}): the plans are only read, and nobody knows for"
                    " whom they are, when is asked, and what is called off"
                )
            yield

    async def admit(self, plans: Plans) -> dict[int, str]:
        """Print what comes of plans, each beside those before it; why some are refused, by their places."""
        refused = {}
        if self.desk is not None:
            await self.desk.look_up([str(getattr(plan, plan.KEY)) for _, plan in plans])
        for index, (place, plan) in enumerate(plans):
            if (why := await self._look(str(place), plan)) is not None:
                refused[index] = why
        if self.desk is not None and self.keeps:
            await self.desk.keep()
        return refused

    async def _look(self, place: str, record: Record) -> str | None:
        fields = record.to_update_fields()
        if self.desk is None:
            return self._read_only(place, fields)
        judged = await self.desk.judge(fields, created_follows=self.created_follows)
        if self.strict and judged.warnings:
            return _warned(judged.warnings[0])
        if self.desk.is_over(judged):  # whosever it is
            self.past += 1
        elif judged.flaw is None:
            _print(lines(self.desk.preview(judged), system_clock()))
            return None
        else:
            why = self._flawed(place, judged.flaw, is_hopeless=judged.is_hopeless)
            if why is not None:
                return why
            # The service decides whether it is anybody's: it may be set up for others than these settings.
            judged = replace(judged, decision=None)
        self.desk.put(judged)
        return None

    def _read_only(self, place: str, fields: dict[str, object]) -> str | None:
        try:
            plan = read_plan(fields, self.settings.timezone)
        except InvalidPlan as flaw:
            return self._flawed(place, flaw, is_hopeless=True)
        if self.strict and plan.warnings:
            return _warned(plan.warnings[0])
        _print(reading_lines(plan))
        return None

    def _flawed(self, place: str, flaw: InvalidPlan, *, is_hopeless: bool) -> str | None:
        why = f"no questions can be made of it: {self.path}{flaw}"
        if not self.force and (self.strict or is_hopeless):
            return f"{why} ({self.forcing} writes it all the same)"
        self.complain(f"warning: {place}: {why}; it calls nothing off")
        return None


def lines(preview: PlanPreview, now: datetime) -> Iterator[str]:
    """What comes of a plan, for people."""
    plan, athlete = preview.plan, preview.athlete
    zone = athlete.hours.zone
    unnamed = "" if preview.is_named else ", who is not named in it"
    yield f"plan {plan.run_id} for {athlete.athlete_id}{unnamed}: {_numbers(plan)}"
    for each in preview.sessions:
        local = each.ask_at.astimezone(zone)
        at_once = "at once, as it was due " if each.ask_at <= now else ""
        asked = f"asked {at_once}{_day(local.date())} {local:%H:%M} ({zone})"
        state = asked if each.not_asked is None else f"not asked: {each.not_asked}"
        yield f"  {_day(each.session.date)}  {each.session.activity}: {state}"
    yield from _rest(plan)
    yield from map(called_off_line, preview.cancelled)
    yield from _remarks(plan)


def reading_lines(plan: Plan) -> Iterator[str]:
    """How a plan is read, for people."""
    yield f"plan {plan.run_id}: {_numbers(plan)}"
    for session in plan.sessions:
        yield f"  {_day(session.date)}  {session.activity}"
    yield from _rest(plan)
    yield from _remarks(plan)


def called_off_line(question: CancelledQuestion) -> str:
    """A question that is called off, for people."""
    day = _day(date.fromisoformat(question.date))
    return f"  calls off {day}  {question.title} (plan {question.run_id}): {question.reason}"


def _numbers(plan: Plan) -> str:
    return f"{count(len(plan.sessions), 'session')}, {count(len(rest_days(plan)), 'day')} of rest"


def _rest(plan: Plan) -> Iterator[str]:
    if days := rest_days(plan):
        yield f"  rest: {', '.join(map(_day, days))}"


def _remarks(plan: Plan) -> Iterator[str]:
    yield from (f"  warning: {remark}" for remark in plan.warnings)
    yield from (f"  read so: {remark}" for remark in plan.readings)


def _warned(remark: object) -> str:
    return f"{remark} (--strict refuses it)"


def _day(day: date) -> str:
    return f"{WEEKDAYS[day.weekday()][:3]} {day}"


def _print(text: Iterator[str]) -> None:
    for line in text:
        click.echo(one_line(line))
