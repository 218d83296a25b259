"""A program at a terminal, and a person who reads and types there."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import re
import struct
import termios
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.processes import PATIENCE

CTRL_C = "\x03"
CTRL_D = "\x04"
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class AtTerminal:
    """A running program whose standard streams are a terminal. Use as an async context manager.

    Attributes:
        screen: all that was printed so far, escape sequences included.
    """

    def __init__(
        self, arguments: Sequence[str], env: Mapping[str, str], cwd: Path, *, columns: int = 80
    ) -> None:
        self._arguments = list(arguments)
        self._env = {"TERM": "xterm", **env}
        self._cwd = cwd
        self._columns = columns
        self._changed = asyncio.Event()
        self._read_up_to = 0
        self._ended = False
        self.screen = ""

    async def __aenter__(self) -> Self:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, self._columns, 0, 0))
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._arguments,
                env=self._env,
                cwd=self._cwd,
                stdin=theirs,
                stdout=theirs,
                stderr=theirs,
                start_new_session=True,
                preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # so that Ctrl-C is a signal
            )
        finally:
            os.close(theirs)
        asyncio.get_running_loop().add_reader(self._ours, self._take)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        self._stop_reading()
        os.close(self._ours)

    @property
    def text(self) -> str:
        """What was printed, as lines without colours."""
        return _ESCAPES.sub("", self.screen).replace("\r\n", "\n")

    async def reads(self, text: str, timeout: float = 20.0) -> None:
        """Return when this stands behind what was read before.

        Raises:
            AssertionError: it does not come in time, or the program ends without it.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout * PATIENCE):
                while text not in self.text[self._read_up_to :] and not self._ended:
                    self._changed.clear()
                    await self._changed.wait()
        found = self.text.find(text, self._read_up_to)
        assert found >= 0, f"{text!r} does not come:\n{self.text}"
        self._read_up_to = found + len(text)

    def types(self, text: str) -> None:
        """Press keys."""
        os.write(self._ours, text.encode())

    async def answers(self, question: str, answer: str) -> None:
        """Read a question, and type a line."""
        await self.reads(question)
        self.types(f"{answer}\n")

    async def interrupts(self) -> None:
        """Press Ctrl-C until the program ends; one that comes just before Python begins to read a line is
        not noticed before the line's end.

        Raises:
            AssertionError: it goes on.
        """
        for _ in range(5 * PATIENCE):
            self.types(CTRL_C)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), 4.0)
                return
        raise AssertionError(f"it goes on:\n{self.text}")

    async def ended(self, timeout: float = 60.0) -> int:
        """The exit status, once all that was printed is read."""
        status = await asyncio.wait_for(self._process.wait(), timeout * PATIENCE)
        async with asyncio.timeout(PATIENCE):
            while not self._ended:
                self._changed.clear()
                await self._changed.wait()
        return status

    def _take(self) -> None:
        try:
            more = os.read(self._ours, 65_536)
        except OSError:  # Linux says so when nobody has the other end any more
            more = b""
        if not more:
            self._stop_reading()
        self.screen += more.decode(errors="replace")
        self._changed.set()

    def _stop_reading(self) -> None:
        self._ended = True
        asyncio.get_running_loop().remove_reader(self._ours)
