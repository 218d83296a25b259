"""Questions to the person at the terminal."""

from __future__ import annotations

import os
import shutil
import sys
import termios
from contextlib import suppress

import click

_WIDEST = 80


class Terminal:
    """A dialog on standard input and output. Ctrl-C and the end of input raise `click.Abort`."""

    def say(self, text: str, *, indent: str = "") -> None:
        """Print a paragraph, as wide as the terminal allows; no word is cut."""
        click.echo(
            click.wrap_text(text, _width(), initial_indent=indent, subsequent_indent=indent) if text else ""
        )

    def head(self, text: str) -> None:
        """Print the heading of a step."""
        click.echo(f"\n{click.style(text, bold=True)}")

    def ask(self, question: str, default: str | None = None) -> str:
        """One line, which is not empty."""
        _forget_what_was_typed()
        return str(click.prompt(question, default=default)).strip()

    def confirm(self, question: str, default: bool | None = None) -> bool:
        """Yes or no; without a default one of them has to be typed."""
        _forget_what_was_typed()
        return bool(click.confirm(click.wrap_text(question, _width() - len(" [y/n]: ")), default=default))

    def ask_secret(self, question: str) -> str:
        """One line that can be seen while it is typed, so that a paste that went wrong is noticed, and is
        gone from the screen once it is taken."""
        typed = self.ask(question)
        if os.environ.get("TERM", "dumb") != "dumb":
            rows = -(-len(f"{question}: {typed}") // shutil.get_terminal_size().columns) or 1
            click.echo(f"\x1b[{rows}A\x1b[J{question}: ({len(typed)} characters)")
        return typed


def is_terminal() -> bool:
    """Whether there is somebody to ask."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def _width() -> int:
    return min(_WIDEST, shutil.get_terminal_size().columns)


def _forget_what_was_typed() -> None:
    """What is typed before a question is no answer to it."""
    with suppress(termios.error, OSError, ValueError):
        termios.tcflush(sys.stdin, termios.TCIFLUSH)
