"""The command line by itself: help, and what is imported for which command."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from bot.cli import cli, main, shared
from bot.settings import Settings

COMMANDS = cli.list_commands(click.Context(cli))


def test_help_lists_every_command_in_a_few_words() -> None:
    """In whole sentences."""
    text = CliRunner().invoke(cli, ["--help"]).output
    lines = dict(line.split(maxsplit=1) for line in text.partition("Commands:\n")[2].splitlines())
    assert list(lines) == COMMANDS
    cut_off = {name for name, line in lines.items() if not line.endswith(".") or line.endswith("...")}
    assert cut_off == set()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    """It begins with how the command is called."""
    result = CliRunner().invoke(cli, [command, "--help"], prog_name="feedback-bot")
    assert (result.exit_code, result.output.split()[:3]) == (0, ["Usage:", "feedback-bot", command])


def test_an_error_is_one_line_that_prints(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever stands in an argument: it neither forges a line nor speaks to the terminal."""
    for arguments in (
        ["dance\x1b[2J\u202e"],
        ["prompt", "--run-id=r", "--session-id=s", "--chat-id=\x9b2J\x07"],
    ):
        assert main(arguments) == 2
        shown = capsys.readouterr()
        assert shown.out == ""
        lines = shown.err.splitlines()
        assert lines
        assert all(line.isprintable() for line in lines)
        assert lines[0].startswith("error: ")


def test_the_service_does_without_what_only_other_commands_need() -> None:
    """Neither reading and writing of files nor the local Bot API server is imported for `run`."""
    program = """
import sys
from bot.cli import main
main(["run", "--help"])
unused = ("bot.records_io", "bot.cli.data", "bot.sandbox")
needless = [name for name in sys.modules if name.startswith(unused)]
assert not needless, needless
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60, stdout=subprocess.DEVNULL)


def test_a_misspelt_variable_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It may be another program's, so nothing stops for it; but no default stays in force silently."""
    monkeypatch.setattr(shared, "setup_logging", lambda *_: None)
    monkeypatch.setattr(shared, "load_settings", Settings)
    monkeypatch.setenv("ATHLETE_ID", "5")
    shared.read_settings()
    assert "ATHLETE_ID in the environment is not a setting; cure: rename it to ATHLETE_IDS" in caplog.text
