"""The commands about collections with a model: `write`, `export`, `schema`, `record-run`, `rollup`."""

from __future__ import annotations

import asyncio
import json
import os
import re
import stat
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import IO, Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from bot.app.database import declared_indexes, open_database
from bot.cli.plan_gate import PlanGate
from bot.cli.shared import call, read_settings
from bot.core.records.builders import RunRecords, build_run
from bot.core.records.collections import MODELS, PLAN_SNAPSHOTS, RUN_ARTIFACTS, WEEKLY_METRICS, WRITTEN
from bot.core.records.declaration import Index
from bot.core.records.incoming import unpack
from bot.core.records.models import RunEvent, WeeklyMetrics, is_day
from bot.core.records.retention import Overdue
from bot.core.records.rollup import weekly_metrics
from bot.core.shared.bson_json import BadValue, check, kind
from bot.core.shared.clock import parse_instant, system_clock
from bot.core.shared.errors import BotError, ConfigError, StorageError, StorageRejected
from bot.core.shared.formatting import count
from bot.core.shared.printable import one_line
from bot.records_io.formats import FORMATS
from bot.records_io.reading import ReadingFlaw, read_elements
from bot.records_io.transfer import (
    TransferCounts,
    admit_stream,
    check_stream,
    export_stream,
    ignore,
    write_all_or_nothing,
    write_stream,
)
from bot.settings import Settings
from bot.store.mongodb.client import Database
from bot.store.mongodb.indexes import make_keys
from bot.store.mongodb.transactions import TransactionImpossible
from bot.store.records.export import DATE_FIELDS, Selection, count_undated, read_batches
from bot.store.records.runs import record_run as store_run
from bot.store.records.upserts import Refused, Written
from bot.store.records.writer import RecordStore


class _Collections(click.Choice):  # type: ignore[type-arg] # generic in newer versions only
    def get_missing_message(self, *_: object, **__: object) -> str:
        """In one line."""
        return f"It is one of {', '.join(MODELS)}."


COLLECTION = click.argument("collection", type=_Collections(list(MODELS)), metavar="COLLECTION")
FILE = click.Path(exists=True, dir_okay=False, allow_dash=True)
STDIN = "-"

_METRICS = WEEKLY_METRICS.name
_ARTIFACTS = RUN_ARTIFACTS.name
_INPUT, _OUTPUT, _ERRORS = 0, 1, 2  # file descriptors


def _alternatives(items: Iterable[str]) -> str:
    """`a, b or c`."""
    *most, last = items
    return f"{', '.join(most)} or {last}" if most else last


def _dates() -> str:
    """By which field each collection is selected; the one that most have stands for the others."""
    rest, _ = Counter(DATE_FIELDS.values()).most_common(1)[0]
    special = [
        f"by {field} in {name}{'' if field in WRITTEN[name].dates else ' (days only)'}"
        for name, field in DATE_FIELDS.items()
        if field != rest
    ]
    return ", ".join([*special, f"and by {rest} in the others"])


@click.command(
    help=f"""Check records and upsert them.

    COLLECTION is {_alternatives(MODELS)}. FILE, or else standard input, holds one JSON object, a JSON
    array, or one object a line (NDJSON). Each record that is refused is named on standard error; the others
    are written. The exit status is 0 only if none was refused.

    With --strict all records are written in one transaction, or none. MongoDB must be a replica set for that,
    and allows a transaction a minute and a part of its cache: some ten thousand records.

    Of each plan (plan_snapshots) it prints which sessions are asked about when, which days are rest, and what
    is called off. A plan of which no questions can be made is refused, unless there is --force: then it is
    written, and calls nothing off. --strict refuses what is only warned of, too.
    """
)
@COLLECTION
@click.argument("file", type=FILE, required=False)
@click.option("--strict", is_flag=True, help="Write all records in one transaction, or none.")
@click.option("--dry-run", is_flag=True, help="Check the records and write nothing; needs no MongoDB.")
@click.option("--force", is_flag=True, help="Also write plans of which no questions can be made.")
def write(collection: str, file: str | None, strict: bool, dry_run: bool, force: bool) -> None:
    """Check records and upsert them."""
    settings = read_settings()
    if file is None and os.isatty(_INPUT):
        raise ConfigError(f"FILE: name one, or pipe the records in, or write {STDIN} to type them")
    overdue = Overdue.under(settings.retention(), collection, system_clock())
    tally = TransferCounts(overdue=overdue)
    gate = None
    if collection == PLAN_SNAPSHOTS.name:
        gate = PlanGate(settings, complain, force=force, strict=strict, keeps=not dry_run)
    with opened(file or STDIN) as source, _bar(collection, source) as progress:
        if dry_run and gate is not None:
            call(settings, check_plans(source, tally, gate, progress))
        elif dry_run:
            check_stream(source, collection, tally, report=complain, progress=progress)
        else:
            work = _write(settings, source, collection, tally, strict=strict, progress=progress, gate=gate)
            call(settings, work)
    for reading, times in tally.readings.items():
        complain(f"{reading} ({count(times, 'record')})")
    if overdue.count and not (strict and tally.refused):
        complain(f"warning: {overdue}")
    if gate is not None and gate.past:
        complain(f"nothing is asked of {count(gate.past, 'plan')}: the days have passed")
    if dry_run:
        fit = 0 if strict and tally.refused else tally.written
        click.echo(f"{collection}: {fit:,} would be written, {tally.refused:,} refused")
    else:
        click.echo(f"{collection}: {tally}")
    if tally.refused:
        rest = ", so none is written" if strict else ""
        raise BotError(f"{tally.refused:,} refused{rest}; the lines above say why")


async def _write(
    settings: Settings,
    source: IO[bytes],
    collection: str,
    tally: TransferCounts,
    *,
    strict: bool,
    progress: Callable[[TransferCounts], None],
    gate: PlanGate | None = None,
) -> None:
    flow = write_all_or_nothing if strict else write_stream
    async with open_database(settings) as db:
        try:
            store = await _store(settings, db, collection)
            admit = None if gate is None else await gate.at(db)
            await flow(source, collection, store, tally, report=complain, progress=progress, admit=admit)
        except asyncio.CancelledError:  # Ctrl-C
            if not strict:
                complain(f"so far, at least: {tally}; to run it again is harmless")
            raise
        except TransactionImpossible as exc:
            raise StorageRejected(f"{exc}, or do without --strict (nothing is written)") from None
        except StorageError as exc:
            so_far = f"so far: {tally}"
            if strict:
                so_far = f"{'nothing' if isinstance(exc, StorageRejected) else 'all or nothing'} is written"
            raise type(exc)(f"{exc} ({so_far}; to run it again is harmless)") from None


@click.command(
    help=f"""Print documents, as `write` takes them back.

    They come oldest first. COLLECTION is {_alternatives(MODELS)}. --since and --until select {_dates()}.
    """
)
@COLLECTION
@click.option("--since", help="From this day or ISO 8601 time on (without offset in TIMEZONE).")
@click.option("--until", help="Up to and with this day, or up to this ISO 8601 time.")
@click.option("--run-id", help="Of this run only.")
@click.option(
    "--format",
    "file_format",
    type=click.Choice(list(FORMATS)),
    default="ndjson",
    show_default=True,
    help="csv is for spreadsheets; the others can be written back.",
)
def export(
    collection: str, since: str | None, until: str | None, run_id: str | None, file_format: str
) -> None:
    """Print documents, as `write` takes them back."""
    settings = read_settings()
    if run_id is not None and "runId" not in MODELS[collection].model_fields:
        raise ConfigError(f"--run-id: the documents of {collection} have no runId")
    selection = Selection(
        since=_limit("--since", since, settings, collection),
        before=_limit("--until", until, settings, collection),
        run_id=run_id,
    )
    tally = TransferCounts()
    call(settings, _export(settings, collection, selection, file_format, tally))
    if tally.refused:
        raise BotError(f"{tally.refused:,} documents are left out; the lines above say why")


async def _export(
    settings: Settings, collection: str, selection: Selection, file_format: str, tally: TransferCounts
) -> None:
    out = sys.stdout.buffer
    with _bar(collection, hidden=os.isatty(_OUTPUT)) as progress:
        async with open_database(settings) as db:
            await export_stream(
                read_batches(db, collection, selection),
                collection,
                file_format,
                out.write,
                tally,
                report=complain,
                progress=progress,
            )
            left_out = await count_undated(db, collection, selection)
        out.flush()
    if left_out:
        complain(
            f"{count(left_out, 'document')} without a usable {DATE_FIELDS[collection]} cannot be placed in"
            " time and are left out; `doctor` names them, and without --since and --until all are printed"
        )


@click.command()
@COLLECTION
def schema(collection: str) -> None:
    """Print the JSON Schema of a collection."""
    click.echo(json.dumps(MODELS[collection].model_json_schema(), indent=2))


async def check_plans(
    source: IO[bytes], tally: TransferCounts, gate: PlanGate, progress: Callable[[TransferCounts], None]
) -> None:
    """Print what would come of plans; nothing is written."""
    async with gate.asking():
        await admit_stream(source, PLAN_SNAPSHOTS.name, tally, gate.admit, report=complain, progress=progress)


@click.command("record-run")
@click.argument("file", type=FILE)
@click.option("--force", is_flag=True, help="Also record a plan of which no questions can be made.")
def record_run(file: str, force: bool) -> None:
    """Record a whole run in three collections.

    These are run_events, plan_snapshots (after a success) and run_artifacts.

    FILE (- for standard input) holds one JSON object: runId, status, attempt, plan, errors, promptVersion,
    modelId, prompt, metrics, history, activities, wellness, outputRaw. Only runId and status are needed, and
    the plan of a success. All is written or nothing; to do it twice changes nothing. What comes of the plan
    is printed, as by `write plan_snapshots`; one of which no questions can be made is refused.
    """
    settings = read_settings()
    with opened(file) as source:
        runs = [run for _, value in _values(file, source) for run in _runs(value)]
    if len(runs) != 1:
        raise BotError(f"{file}: holds {len(runs)} records; a run is one JSON object")
    run = build_run(runs[0], now=system_clock())
    path = "plan." if "plan" in runs[0] else ""
    gate = PlanGate(settings, complain, force=force, created_follows=True, path=path)
    for collection, written in call(settings, _record_run(settings, run, gate)).items():
        click.echo(f"{collection}: {written.outcome}")


def _runs(value: object) -> list[Any]:
    """The runs in one value of an input, mostly one; what was taken off is said."""
    runs, readings = unpack(value, RunEvent)
    for reading in readings:
        complain(reading)
    return runs


async def _record_run(settings: Settings, run: RunRecords, gate: PlanGate) -> dict[str, Written]:
    async with open_database(settings) as db:
        await make_keys(db, _indexes(settings, run.by_collection()))
        if run.plan_snapshot is not None:
            admit = await gate.at(db)
            for why in (await admit([(f"run {run.run_event.runId}", run.plan_snapshot)])).values():
                raise BotError(f"the plan is refused, and nothing is recorded: {why}")
        return await store_run(db, run, clock=system_clock)


@click.command()
@click.argument("files", metavar="[FILE]...", type=FILE, nargs=-1)
@click.option("--athlete-id", help="Whose weeks these are; default: the icu_athlete_id of the activities.")
def rollup(files: tuple[str, ...], athlete_id: str | None) -> None:
    """Compute weekly_metrics and upsert them.

    FILEs (- for standard input) hold what intervals.icu returns, an array of activities or of wellness days,
    or objects with `activities` and `wellness`, such as run_artifacts. Without FILE these are read from
    standard input if it is a pipe or a file, else from all run_artifacts in the database, where the newest
    state of an activity counts. Give whole weeks: a week is computed from what is given alone.

    An activity that its source may not pass on (it has no type) makes the sums of its week unknown; a run
    or ride without time or distance, that sum. Each is named on standard error. The exit status is 0 only if
    nothing was refused, and some figure is known.
    """
    settings = read_settings()
    training = Training()
    names = files or ((STDIN,) if _is_piped() else ())
    for name in names:
        with opened(name) as source:
            for where, value in _values(name, source):
                training.add(where, value)
    results, is_known = call(settings, _rollup(settings, training, athlete_id, from_database=not names))
    refused = [result for result in results if isinstance(result, Refused)]
    for result in refused:
        complain(result)
    unchanged = sum(isinstance(result, Written) and result.outcome == "unchanged" for result in results)
    tally = TransferCounts(len(results) - len(refused) - unchanged, unchanged, len(refused))
    click.echo(f"{_METRICS}: {tally}")
    if refused:
        raise BotError(f"{len(refused):,} refused; the lines above say why")
    if not is_known:
        raise BotError("nothing that was given can be used: no figure of these weeks is known")


async def _rollup(
    settings: Settings, training: Training, athlete_id: str | None, *, from_database: bool
) -> tuple[list[Written | Refused], bool]:
    """What became of each week, and whether any of their figures is known."""
    left_out: list[Written | Refused] = []
    async with open_database(settings) as db:
        if from_database:
            # Few at a time: an artifact holds all that went into a run.
            async for batch in read_batches(db, _ARTIFACTS, batch=10):
                for artifact in batch:
                    inputs = {name: artifact[name] for name in Training.KINDS if artifact.get(name)}
                    where = f"{_ARTIFACTS}, runId {artifact.get('runId')!r}"
                    if fault := inputs and _fault(settings, where, inputs):
                        left_out.append(Refused(where, fault))
                    elif inputs:
                        training.add(where, inputs)
        weeks = training.weeks(settings, athlete_id, warn=complain)
        store = await _store(settings, db, _METRICS)
        written = await store.write(_METRICS, [WeeklyMetrics.of(week) for week in weeks])
    of_all = {"athleteId", "weekStart", "weekEnd"}
    is_known = any(week[name] is not None for week in weeks for name in week.keys() - of_all)
    return left_out + written, is_known


def _fault(settings: Settings, where: str, inputs: dict[str, Any]) -> str | None:
    """Why a stored run cannot be used; it must not keep the others from being used."""
    try:
        (alone := Training()).add(where, inputs)
        alone.weeks(settings, "any")
    except BotError as exc:
        return str(exc).removeprefix(f"{where}: ")
    return None


@dataclass(slots=True)
class Training:
    """Activities and wellness days, each with its origin; a kind that was not given is absent."""

    KINDS = ("activities", "wellness")

    items: dict[str, list[Any]] = field(default_factory=dict)
    origins: dict[str, list[tuple[str, str]]] = field(
        default_factory=lambda: {name: [] for name in Training.KINDS}
    )

    def add(self, where: str, value: object) -> None:
        """Take in one JSON value: an activity, a wellness day, or an object with lists of them.

        Raises:
            BotError: it is none of these.
        """
        if not isinstance(value, dict):
            raise BotError(f"{where}: must be an object, not {kind(value)}")
        if any(name in value for name in self.KINDS):
            for name in self.KINDS:
                if value.get(name) is not None:
                    self._extend(name, where, value[name] or [])
        elif "start_date_local" in value or "start_date" in value:
            self._append("activities", value, where, "")
        elif is_day(value.get("id")):
            self._append("wellness", value, where, "")
        else:
            raise BotError(
                f"{where}: is no activity (it has no start_date_local), no wellness day (its id is no day"
                " YYYY-MM-DD) and holds no `activities` or `wellness`"
            )

    def weeks(
        self, settings: Settings, athlete_id: str | None, *, warn: Callable[[str], None] | None = None
    ) -> list[dict[str, Any]]:
        """The weekly metrics of it all.

        Args:
            warn: is told what makes figures unknown, in a line that names the input.

        Raises:
            BotError: naming the input and the field; or there is nothing.
        """
        if not any(self.items.values()):
            raise BotError("there are no activities and no wellness days; name files that have some")
        try:
            return weekly_metrics(
                self.items.get("activities"),
                self.items.get("wellness"),
                zone=settings.timezone,
                athlete_id=athlete_id,
                warn=warn and (lambda path, problem: warn(f"warning: {self._placed(path)}: {problem}")),
            )
        except BadValue as error:
            raise BotError(f"{self._placed(error.path)}: {error.problem}") from None

    def _placed(self, path: str) -> str:
        """`activities[3].distance`, counted over all inputs, as the place in the one that it came from."""
        found = re.fullmatch(r"(activities|wellness)\[([0-9]+)\](.*)", path)
        if found is None:
            return path
        where, place = self.origins[found[1]][int(found[2])]
        return ": ".join(part for part in (where, f"{place}{found[3]}".lstrip(".")) if part)

    def _extend(self, name: str, where: str, items: object) -> None:
        if not isinstance(items, list):
            raise BotError(f"{where}: {name}: must be an array, not {kind(items)}")
        self.items.setdefault(name, [])
        for index, item in enumerate(items):
            self._append(name, item, where, f"{name}[{index}]")

    def _append(self, name: str, item: object, where: str, path: str) -> None:
        self.items.setdefault(name, []).append(item)
        self.origins[name].append((where, path))


@contextmanager
def opened(file: str) -> Iterator[IO[bytes]]:
    """A file or, for `-`, standard input, to be read.

    Raises:
        BotError: it cannot be read; also while it is in use.
    """
    try:
        # Unbuffered: what a pipe has is taken at once, and a reader that waits holds no lock.
        with open(_INPUT if file == STDIN else file, "rb", buffering=0, closefd=file != STDIN) as source:
            yield source
    except BrokenPipeError:
        raise
    except OSError as exc:
        name = "standard input" if file == STDIN else file
        raise BotError(f"{name}: cannot be read ({exc.strerror})") from None


def _values(name: str, source: IO[bytes]) -> Iterator[tuple[str, Any]]:
    """Every JSON value in a file, with its place; the first flaw ends it.

    Raises:
        BotError: the flaw.
    """
    for element in read_elements(source):
        if isinstance(element, ReadingFlaw):
            raise BotError(f"{name}, {element}")
        if element.reading is not None:
            complain(f"{name}: {element.reading}")
        try:
            check(element.value, max_bytes=None)
        except BadValue as error:
            raise BotError(f"{name}, {element.place}: {error}") from None
        yield f"{name}, {element.place}", element.value


def _is_piped() -> bool:
    """Whether standard input is a pipe or a file, and not just what a scheduler leaves there."""
    try:
        mode = os.fstat(_INPUT).st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)


async def _store(settings: Settings, db: Database, collection: str) -> RecordStore:
    """The writer to a collection that has its key."""
    await make_keys(db, _indexes(settings, [collection]))
    return RecordStore(db, clock=system_clock, metrics_per_athlete=settings.metrics_per_athlete)


def _indexes(settings: Settings, collections: Collection[str]) -> list[Index]:
    return [index for index in declared_indexes(settings) if index.collection in collections]


def _limit(option: str, text: str | None, settings: Settings, collection: str) -> datetime | str | None:
    """The value of the date field that an option stands for: `--until` a day is before the next one."""
    if text is None:
        return None
    is_dated_by_day = DATE_FIELDS[collection] not in WRITTEN[collection].dates
    try:
        if is_day(text):
            day = date.fromisoformat(text) + timedelta(days=option == "--until")
            if is_dated_by_day:
                return day.isoformat()
            return datetime.combine(day, time(), settings.timezone).astimezone(UTC)
        if not is_dated_by_day:
            return parse_instant(text, settings.timezone)
    except (ValueError, OverflowError):
        pass
    example = "2026-02-16" if is_dated_by_day else "2026-02-16 or 2026-02-16T20:00"
    raise ConfigError(f"{option}: {text!r} cannot be used here; write one such as {example}")


def complain(flaw: object) -> None:
    """A line on standard error."""
    click.echo(one_line(str(flaw)), err=True)


@contextmanager
def _bar(
    label: str, source: IO[bytes] | None = None, *, hidden: bool = False
) -> Iterator[Callable[[TransferCounts], None]]:
    """A progress bar on standard error if that is a terminal; it moves with `source` if that is a file."""
    if hidden or not os.isatty(_ERRORS):
        yield ignore
        return
    is_file = source is not None and source.seekable()
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[done]:,}"))
    console = Console(stderr=True)
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
        total = Path(source.name).stat().st_size if source is not None and is_file else None
        task = bar.add_task(label, total=total, done=0)

        def show(tally: TransferCounts) -> None:
            position = source.tell() if source is not None and is_file else None
            bar.update(task, completed=position, done=tally.total)

        yield show
