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


@pytest.mark.parametrize(
    ("arguments", "nearest"),
    [
        (["wirte"], "write"),
        (["boot-strap"], "bootstrap"),
        (["exports", "run_events"], "export"),
        (["record_run"], "record-run"),
        (["athlete", "lst"], "list"),
        (["export", "run_events", "--sinse", "2026-01-01"], "--since"),
    ],
)
def test_the_nearest_name_is_proposed(
    capsys: pytest.CaptureFixture[str], arguments: list[str], nearest: str
) -> None:
    """Of commands, of those within them, and of options."""
    assert main(arguments) == 2
    line = capsys.readouterr().err
    assert line.startswith("error: No such ")
    assert f"Did you mean '{nearest}'?" in line or f"Did you mean {nearest}?" in line


def test_nothing_is_proposed_where_nothing_is_near(capsys: pytest.CaptureFixture[str]) -> None:
    """A proposal that nobody can have meant would mislead."""
    assert main(["dance"]) == 2
    assert "mean" not in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["run"], ["demo"], ["export", "--help"], ["--version"], []])
def test_windows_is_told_where_it_runs(arguments: list[str]) -> None:
    """One line, whichever command it is, and no traceback of a module that Python lacks there."""
    program = f"""
import sys
sys.modules["fcntl"] = sys.modules["resource"] = None
from bot.cli import main
sys.platform = "win32"
sys.exit(main({arguments!r}))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], timeout=60, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    assert line.startswith("error: feedback-bot runs on Linux and macOS; on Windows run it in WSL")


def test_a_machine_without_a_temporary_directory_is_told_in_a_sentence() -> None:
    """What is missing, and the variable that helps."""
    program = """
import sys, tempfile
tempfile._candidate_tempdir_list = lambda: ["/nonexistent"]
from bot.cli import main
sys.exit(main(["demo"]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], timeout=60, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert "error: there is no temporary directory" in done.stderr
    assert "TMPDIR" in done.stderr
