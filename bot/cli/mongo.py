"""The command `mongo-url`."""

from __future__ import annotations

import click

from bot.cli.shared import read_settings
from bot.core.shared.errors import EmbeddedMongoError
from bot.store.embedded.server import EmbeddedMongo


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
