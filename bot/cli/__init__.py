"""The command line: each command is one call into the product.

Exit status: 0 done, 1 the work failed, 2 the call or the configuration is wrong. Errors are one readable
line on standard error.
"""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Mapping
from importlib import import_module

import click

from bot import __version__
from bot.cli.shared import Group
from bot.core.shared.errors import BotError, ExhaustedError, is_exhausted
from bot.core.shared.printable import one_line
from bot.logs import redact, where

_NOT_ON_WINDOWS = (
    "feedback-bot runs on Linux and macOS; on Windows run it in WSL (wsl --install, then in Ubuntu as on"
    " Linux), or with Docker (docs/deploy.md)"
)


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return the exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that knows no emoji still gets the rest
    if sys.platform == "win32":
        return _fail(_NOT_ON_WINDOWS, 1)
    try:
        status = cli.main(arguments, prog_name="feedback-bot", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as exc:
        click.echo(exc.format_message(), err=True)
        return exc.exit_code
    except click.ClickException as exc:
        return _fail(exc.format_message(), exc.exit_code)
    except BotError as exc:
        return _fail(str(exc), exc.exit_status)
    except (click.Abort, KeyboardInterrupt, asyncio.CancelledError):
        return _fail("interrupted", 1)
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except Exception as exc:  # noqa: BLE001  # a traceback in front of a user is a defect
        if is_exhausted(exc):
            return _fail(str(ExhaustedError(exc)), 1)
        if lack := _lack(exc):
            return _fail(lack, 1)
        return _fail(f"unexpected {where(exc)}; please report this", 1)
    return status if isinstance(status, int) else 0


def _lack(exc: Exception) -> str | None:
    """What this machine does not have, if it is that."""
    if isinstance(exc, FileNotFoundError) and "No usable temporary directory" in str(exc):
        return "there is no temporary directory that this user may write to; set TMPDIR to one"
    return None


def _fail(message: str, status: int) -> int:
    for line in message.splitlines():
        click.echo(f"error: {one_line(redact(line))}", err=True)
    return status


class _Commands(Group):
    """Imports a command when it is asked for: `run` needs nothing that only the others do."""

    MODULES: Mapping[str, str] = {
        **dict.fromkeys(("run", "demo", "bootstrap", "prompt", "stats"), "bot.cli.service"),
        "athlete": "bot.cli.athletes",
        "doctor": "bot.cli.doctor",
        **dict.fromkeys(("backup", "restore"), "bot.cli.installation.backup"),
        **dict.fromkeys(("files", "mongo-url"), "bot.cli.installation.files"),
        **dict.fromkeys(("health", "prepare-mongodb"), "bot.cli.installation.container"),
        "plan": "bot.cli.plans",
        "setup": "bot.cli.installation.setup",
        "summary": "bot.cli.summary",
        **dict.fromkeys(("write", "export", "schema", "record-run", "rollup"), "bot.cli.data"),
    }

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """All names."""
        return sorted(self.MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of this name."""
        if cmd_name not in self.MODULES:
            return None
        command: click.Command = getattr(import_module(self.MODULES[cmd_name]), cmd_name.replace("-", "_"))
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def cli() -> None:
    """Ask athletes in Telegram how each planned session went, and keep every answer."""
