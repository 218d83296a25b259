"""The commands about plans: `plan check`, `list`, `withdraw`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date

import click

from bot.app.database import open_database
from bot.cli.data import FILE, check_plans, complain, opened
from bot.cli.people import aligned
from bot.cli.plan_gate import PlanGate, called_off_line
from bot.cli.shared import call, read_people, read_settings
from bot.core.plans.ownership import JudgedPlan, Standing, replaced
from bot.core.prompts.preview import CancelledQuestion
from bot.core.shared.clock import monday_of, system_clock
from bot.core.shared.errors import BotError, StorageDenied
from bot.core.shared.formatting import count
from bot.core.shared.printable import one_line
from bot.records_io.transfer import TransferCounts, ignore
from bot.services.prompts.plan_desk import PlanDesk
from bot.settings import Settings
from bot.store.prompts.planned import PlannedPromptStore

_COLUMNS = {
    "RUN": "runId",
    "ATHLETE": "athleteId",
    "FROM": "from",
    "TO": "to",
    "STATE": "state",
    "WHY": "reason",
}


@click.group()
def plan() -> None:
    """Check, list and withdraw plans."""


@plan.command()
@click.argument("file", type=FILE)
@click.option("--strict", is_flag=True, help="Refuse what is only warned of, too.")
def check(file: str, strict: bool) -> None:
    """Show what a plan would ask, call off and refuse; change nothing.

    FILE (- for standard input) holds documents of plan_snapshots, as `write` takes them. Where MongoDB cannot
    be asked, plans are only read. The exit status is 0 only if none would be refused.
    """
    settings = read_settings()
    tally = TransferCounts()
    gate = PlanGate(settings, complain, strict=strict, keeps=False, forcing="write --force")
    with opened(file) as source:
        call(settings, check_plans(source, tally, gate, ignore))
    for reading in tally.readings:
        complain(reading)
    if tally.refused:
        raise BotError(f"{count(tally.refused, 'plan')} would be refused; the lines above say why")
    if not tally.written:
        raise BotError(f"{file}: holds no plan")


@plan.command("list")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def list_(as_json: bool) -> None:
    """Show the plans of this week and later, newest first, and how each stands.

    A plan is accepted, refused (it asks nothing, and calls nothing off), replaced by newer ones, or
    withdrawn; or its athlete has left.
    """
    settings = read_settings()
    plans = call(settings, _plans(settings))
    if as_json:
        click.echo(json.dumps(plans, indent=2))
        return
    rows = [[it[name] or "" for name in _COLUMNS.values()] for it in plans]
    for line in aligned([list(_COLUMNS), *rows]):
        click.echo(one_line(line))


async def _plans(settings: Settings) -> list[Mapping[str, str | None]]:
    async with open_database(settings) as db:
        roster = await read_people(settings, db)
        desk = await PlanDesk.open(db, roster, system_clock(), settings.late_after_days)
        monday = monday_of(system_clock().astimezone(settings.timezone).date())
        plans = [plan for plan in desk.plans() if not plan.is_over(monday)]
        settled = replaced(plans, plans, roster)
        return [
            _shown(plan, is_replaced=plan.name in settled)
            for plan in sorted(plans, key=lambda it: (it.made_at, it.name), reverse=True)
        ]


def _shown(plan: JudgedPlan, *, is_replaced: bool) -> Mapping[str, str | None]:
    may_be = plan.standing in (Standing.ACCEPTED, Standing.REFUSED)
    return {
        "runId": plan.name,
        "athleteId": plan.athlete_id,
        "from": _text(min(plan.days or (), default=None)),
        "to": _text(max(plan.days or (), default=None)),
        "state": "replaced" if may_be and is_replaced else plan.standing.value,
        "reason": None if plan.flaw is None else str(plan.flaw),
    }


def _text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


@plan.command()
@click.argument("run_id", metavar="RUN_ID")
def withdraw(run_id: str) -> None:
    """Take a plan back, or acknowledge one that is refused.

    Its questions that are not asked yet are called off, and an older plan of the same days counts again; it
    is not warned of any more. Written again, or changed, it counts anew.
    """
    settings = read_settings()
    questions, is_done = call(settings, _withdraw(settings, run_id))
    click.echo(one_line(f"plan {run_id} is withdrawn: {count(len(questions), 'question')} called off"))
    for question in questions:
        click.echo(one_line(called_off_line(question)))
    if not is_done:
        complain("the running service calls them off: this user of MongoDB may not")


async def _withdraw(settings: Settings, run_id: str) -> tuple[list[CancelledQuestion], bool]:
    async with open_database(settings) as db:
        roster = await read_people(settings, db)
        desk = await PlanDesk.open(db, roster, system_clock(), settings.late_after_days, [run_id])
        found = next((plan for plan in desk.plans() if plan.name == run_id), None)
        if found is None:
            raise BotError(f"there is no plan of run {run_id}; `plan list` shows which there are")
        questions, changes = await desk.withdraw(found)
        try:
            await PlannedPromptStore(db).apply(changes, system_clock())
        except StorageDenied:
            return questions, False
        return questions, True
