"""What helps to set things up: the files that come with the program, and the address of MongoDB.

The files stand beside the program in a checkout, and in it where it was installed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from bot.cli.shared import read_settings
from bot.core.shared.errors import ConfigError, EmbeddedMongoError
from bot.store.embedded.server import EmbeddedMongo

_INSTALLED = Path(__file__).resolve().parents[2] / "files"
_CHECKOUT = _INSTALLED.parents[1]
_SCRIPTS = ("scripts/bootstrap_run_events_indexes.js", "scripts/create_roles.js")


def find_files() -> Mapping[str, Path]:
    """The files by name, such as `config/env.example`, as the documentation names them."""
    root = _INSTALLED if _INSTALLED.is_dir() else _CHECKOUT
    found = [
        *(path for path in (root / "config").rglob("*") if path.is_file()),
        *map(root.joinpath, _SCRIPTS),
    ]
    return {path.relative_to(root).as_posix(): path for path in sorted(found)}


@click.group()
def files() -> None:
    """Show and copy the files that the documentation names."""


@files.command("list")
def list_files() -> None:
    """Name them all."""
    for name in find_files():
        click.echo(name)


@files.command()
@click.argument("name")
def show(name: str) -> None:
    """Print one of them."""
    click.echo(_chosen([name])[name].read_text(encoding="utf-8"), nl=False)


@files.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@click.option("--to", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="Where to.")
def copy(names: Sequence[str], to: Path) -> None:
    """Copy some of them below the working directory, or another one; none that is there is overwritten."""
    chosen = _chosen(names)
    targets = {to / name: path for name, path in chosen.items()}
    if there := [target for target in targets if target.exists()]:
        raise click.ClickException(
            f"{there[0]} is there already: move it away, or copy to another place with --to."
        )
    for target, path in targets.items():
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
        except OSError as exc:
            raise click.ClickException(
                f"{target} cannot be written ({exc.strerror}): choose another place with --to."
            ) from None
        click.echo(f"copied {target}")


def _chosen(names: Sequence[str]) -> Mapping[str, Path]:
    """The files that names mean; a folder's name means all in it."""
    known = find_files()
    chosen: dict[str, Path] = {}
    for name in names:
        stem = name.strip("/")
        found = {it: path for it, path in known.items() if it == stem or it.startswith(f"{stem}/")}
        if not found:
            raise ConfigError(f"{name}: there is no such file; `files list` names all")
        chosen |= found
    return chosen


@click.command(short_help="Print the address of MongoDB, with its password.")
def mongo_url() -> None:
    """Print the address of MongoDB, with its password, for other programs on this machine.

    It is that of the embedded MongoDB, which is there as long as the bot runs, or MONGO_URL. Whoever has it
    can read and change everything.
    """
    settings = read_settings()
    if settings.mongo_url is not None:
        click.echo(settings.mongo_url.get_secret_value())
        return
    url = EmbeddedMongo.last_url(settings.data_dir)
    if url is None:
        raise EmbeddedMongoError(
            f"There is no embedded MongoDB in {settings.data_dir} yet: start the bot once, with `run`."
        )
    click.echo(url)
