"""What containers need: whether the service is well, and a MongoDB that is made ready for it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from bot.app.database import declared_indexes
from bot.app.instance_lock import is_served
from bot.cli.installation.files import find_files
from bot.cli.shared import call, read_settings
from bot.core.shared.errors import BotError
from bot.services.health.doctor_machine import look_at_port

PATIENCE = 5.0
"""Seconds in which the service must answer."""


class _NotWell(BotError):
    """The service does not run, or does not answer."""


@click.command(short_help="Say whether the service runs here, for containers.")
def health() -> None:
    """Say whether the service runs here; the exit status is 0 if it does.

    With HTTP_PORT its /healthz must answer. Without, a service must hold DATA_DIR.
    """
    settings = read_settings()
    if settings.http_port is None:
        if not is_served(settings.data_dir):
            raise _NotWell(f"no service runs on {settings.data_dir}; `run` starts it")
        click.echo(f"a service runs on {settings.data_dir}")
        return
    address = f"{settings.http_host}:{settings.http_port}"
    if not call(settings, _answers(settings.http_host, settings.http_port)):
        raise _NotWell(f"no service answers at {address}; `run` starts it, and its log says why it does not")
    click.echo(f"the service at {address} answers")


async def _answers(host: str, port: int) -> bool:
    try:
        async with asyncio.timeout(PATIENCE):
            return (await look_at_port(host, port))[0] == "ours"
    except TimeoutError:
        return False


@click.command(short_help="Make the MongoDB of compose.yaml ready.")
@click.option("--address", metavar="HOST:PORT", required=True, help="Of MongoDB, as all containers reach it.")
@click.option("--key", type=click.Path(path_type=Path), required=True, help="Its key file.")
@click.option("--into", type=click.Path(path_type=Path), required=True, help="Where secrets are handed over.")
def prepare_mongodb(address: str, key: Path, into: Path) -> None:
    """Make the MongoDB of compose.yaml ready: replica set, roles, users, indexes, secrets."""
    from bot.app.container import prepare  # noqa: PLC0415  # with the driver, which `health` does without

    settings = read_settings()
    workflows = [path for name, path in find_files().items() if name.startswith("config/n8n/")]
    token = None if settings.http_token is None else settings.http_token.get_secret_value()
    for line in call(settings, prepare(address, key, into, workflows, declared_indexes(settings), token)):
        click.echo(line)
