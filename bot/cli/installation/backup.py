"""The commands `backup` and `restore`: everything that there is to lose, in one file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC
from functools import partial
from pathlib import Path

import click

from bot import __version__
from bot.app.bootstrap import build_deletion
from bot.app.database import connect_database, open_database
from bot.app.instance_lock import is_served, journal_file
from bot.app.journals import of_service, open_on_disk
from bot.app.stores import build_stores
from bot.cli.shared import call, read_people, read_settings
from bot.core.shared.clock import parse_instant, system_clock
from bot.core.shared.errors import ConfigError
from bot.core.shared.formatting import count, utc
from bot.services.backups.making import Made, make_backup
from bot.services.backups.restoring import Restored, Target
from bot.services.backups.restoring import restore as restore_backup
from bot.services.health.doctor_machine import is_ours
from bot.settings import Settings
from bot.store.backups.archive import BackupFile, Manifest

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(short_help="Write journal and database into one file.")
@click.argument("file", metavar="FILE", type=_FILE)
def backup(file: Path) -> None:
    """Write journal and database into one new file, also while the bot runs.

    FILE is a zip that its owner alone may read; what stands there already is not overwritten. `restore` puts
    it back, into any MongoDB. The settings (.env) are not in it: they hold the bot's token, so keep a copy of
    them apart.
    """
    settings = read_settings()
    _require_ours(settings)
    made = call(settings, _backup(settings, file))
    click.echo("\n".join(_told_of(file, made)))


async def _backup(settings: Settings, file: Path) -> Made:
    async with open_database(settings) as db:
        journal = journal_file(settings.data_dir)
        return await make_backup(db, journal, file, version=__version__, clock=system_clock)


def _told_of(file: Path, made: Made) -> Iterator[str]:
    yield f"{file}: {_content(made.manifest)}; {-(-made.size // 1024):,} KB"
    if not made.manifest.is_one_moment:
        yield "MongoDB is no replica set (or was too slow): what was written meanwhile may be in it or not"
    for left_out in made.left_out:
        yield f"not in it: {left_out}"
    yield "not in it: the settings (.env); keep a copy of them apart, for they hold the token"


def _content(manifest: Manifest) -> str:
    journal = "no journal" if manifest.journal is None else "the journal"
    waiting = f" with {count(manifest.waiting, 'update')} to be processed" if manifest.waiting else ""
    collections = count(len(manifest.collections), "collection")
    return f"{count(manifest.documents, 'document')} in {collections}, and {journal}{waiting}"


@click.command(short_help="Put a backup back.")
@click.argument("file", metavar="FILE", type=_FILE)
@click.option("--replace", is_flag=True, help="Delete what the database holds, and restore in its place.")
@click.option("--check", is_flag=True, help="Only read FILE and say what is in it; nothing is changed.")
def restore(file: Path, replace: bool, check: bool) -> None:
    """Put a backup back, into the database and the DATA_DIR of the settings. Stop the bot before.

    FILE is read to its end before anything is changed. What waits in the journal that is there stays, and
    what waits in the backup's comes to it. Who had everything deleted (/forgetme) stays deleted. If this is
    ended on the way, the bot does not start until it was run once more.
    """
    settings = read_settings()
    with BackupFile(file) as opened:
        opened.verify()
        manifest = opened.manifest
        made = utc(parse_instant(manifest.created_at, UTC))
        click.echo(f"{file} is whole: made {made} by version {manifest.version}; {_content(manifest)}")
        if check:
            return
        _require_ours(settings)
        if is_served(settings.data_dir):
            raise ConfigError(f"DATA_DIR: a bot is running on {settings.data_dir}; stop it, then restore")
        done = call(settings, _restore(settings, opened, replace=replace))
    click.echo("\n".join(_told_of_restored(settings, manifest, done)))


async def _restore(settings: Settings, backup: BackupFile, *, replace: bool) -> Restored:
    async with (
        open_on_disk(settings, system_clock) as on_disk,
        connect_database(settings, brief=True) as (db, _),
    ):
        journal, _ = of_service(settings, db, on_disk, system_clock, lambda: True)
        stores = build_stores(db, journal, system_clock)
        target = Target(
            db,
            journal,
            build_deletion(stores),
            settings.athlete_ids,
            roster=partial(read_people, settings, db),
            clock=system_clock,
        )
        folder = None if journal.is_shared else settings.data_dir
        with tempfile.TemporaryDirectory(prefix="restore-", dir=folder) as scratch:
            return await restore_backup(backup, target, Path(scratch), replace=replace)


def _told_of_restored(settings: Settings, manifest: Manifest, done: Restored) -> Iterator[str]:
    if done.replaced:
        yield f"deleted what was there: {_listed(done.replaced)}"
    yield f"restored {count(manifest.documents, 'document')} into {settings.mongo_place()}"
    if done.waiting:
        yield f"{count(done.waiting, 'update')} of the backup's journal will be processed when the bot starts"
    if done.deleted_again:
        yield f"deleted again what {count(done.deleted_again, 'person')} had deleted since"
    if done.outdated:
        yield f"too old to be kept, and deleted by MongoDB within about a minute: {_listed(done.outdated)}"
    if done.asks_again:
        yield "what is unanswered will be asked again, once: answers given since the backup are not in it"
    yield "next: `bootstrap`, `doctor`, then start the bot with `run`"


def _listed(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} in {name}" for name, number in numbers.items())


def _require_ours(settings: Settings) -> None:
    """Root would leave files behind that the service cannot use."""
    data_dir = settings.data_dir
    if data_dir.exists() and not is_ours(data_dir):
        uid = data_dir.stat().st_uid
        with suppress(KeyError):  # in a container it may have no name
            raise ConfigError(
                f"DATA_DIR: {data_dir} belongs to {data_dir.owner()}; run this as that user, with sudo -u"
                f" {data_dir.owner()}"
            )
        raise ConfigError(f"DATA_DIR: {data_dir} belongs to user {uid}; run this as that user")
