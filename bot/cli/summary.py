"""The command `summary`."""

from __future__ import annotations

import json
from datetime import date

import click

from bot.app.database import open_database
from bot.cli.shared import call, read_people, read_settings
from bot.core.people.athlete import Athlete, Roster
from bot.core.shared.clock import system_clock
from bot.core.shared.errors import ConfigError
from bot.core.summary.summary import Summary, read_week_start, week_of
from bot.services.reports.summary import collect
from bot.settings import Settings
from bot.store.summary import SummaryStore


@click.command(short_help="Show a week and the four before it.")
@click.option("--week-start", metavar="YYYY-MM-DD", help="The week's Monday; default: the current week.")
@click.option("--athlete", metavar="ID", help="Whose; may be left out where there is one athlete only.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def summary(week_start: str | None, athlete: str | None, as_json: bool) -> None:
    """Show a week's sessions with their answers, and the four weeks before: a text ready for a prompt."""
    settings = read_settings()
    try:
        monday = None if week_start is None else read_week_start(week_start)
    except ValueError as exc:
        raise ConfigError(f"--week-start: {exc}") from None
    figures: Summary = call(settings, _summary(settings, athlete, monday))
    click.echo(json.dumps(figures.to_json(), indent=2) if as_json else figures.to_markdown(), nl=as_json)


async def _summary(settings: Settings, athlete_id: str | None, monday: date | None) -> Summary:
    async with open_database(settings) as db:
        roster = await read_people(settings, db)
        athlete = _athlete(roster, athlete_id)
        now = system_clock()
        return await collect(
            SummaryStore(db),
            roster,
            athlete,
            monday or week_of(now, athlete.hours.zone),
            now=now,
            late_after_days=settings.late_after_days,
            kept_days=settings.kept_days,
        )


def _athlete(roster: Roster, athlete_id: str | None) -> Athlete:
    found = roster.meant(athlete_id)
    if found is None:
        if not roster.athletes:
            raise ConfigError("nobody is on the roster yet; set ATHLETE_IDS, or use `athlete add`")
        known = ", ".join(sorted(athlete.athlete_id for athlete in roster.athletes))
        wrong = "required here" if athlete_id is None else f"{athlete_id!r} is not on the roster"
        raise ConfigError(f"--athlete: {wrong}; on the roster: {known}")
    return found
