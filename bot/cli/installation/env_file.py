"""`.env`: values put in their places, everything else left as it is, and never half a file."""

from __future__ import annotations

import io
import os
import re
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import Binding, parse_stream

from bot.core.shared.errors import BotError, ConfigError

_FOR_A_GROUP = 0o660
_PLAIN = re.compile(r"[A-Za-z0-9_:/@.,%?&=+~-]*")
_VALUE = r"""(?:'(?:\\'|[^'])*'|"(?:\\"|[^"])*"|[^\r\n]*?)"""


def with_values(text: str, values: Mapping[str, str]) -> str:
    """The text of a `.env` with these values, by upper-case names.

    A value takes the place of the one that counts; else that of the comment which shows the setting, as in
    `#TIMEZONE=Europe/Madrid`; else it comes at the end. Comments and other settings stay.

    Raises:
        ConfigError: a value cannot stand in such a file.
    """
    bindings = list(parse_stream(io.StringIO(text, newline="")))
    pieces = [binding.original.string for binding in bindings]
    for name, value in values.items():
        line = f"{name}={_quoted(name, value)}"
        places = [place for place, it in enumerate(bindings) if it.key and it.key.upper() == name]
        if places:
            pieces[places[-1]] = _replaced(pieces[places[-1]], name, line)
        elif (shown := _shown(bindings, pieces, name)) is not None:
            place, match = shown
            pieces[place] = f"{match.string[: match.start()]}{line}{match.string[match.end() :]}"
        else:
            if pieces and not pieces[-1].endswith("\n"):
                pieces.append("\n")
            pieces.append(f"{line}\n")
    written = "".join(pieces)
    read = {name.upper(): value for name, value in dotenv_values(stream=io.StringIO(written)).items()}
    for name, value in values.items():
        if read.get(name) != value:
            raise ConfigError(f"{name}: .env cannot hold this value as it is; set it in the environment")
    return written


def write_env(path: Path, text: str, check: Callable[[Path], object]) -> None:
    """Write a `.env` as a whole, or not at all; where it is a link, the file that it leads to.

    Nobody else can read it, but a group that could before, as where it was installed for a service.

    Args:
        check: is shown the file before it counts; what it raises leaves everything as it was.

    Raises:
        BotError: it cannot be written there.
    """
    target = path.resolve()
    try:
        before = target.stat() if target.exists() else None
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=".env-")
        draft = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            check(draft)
            if before is not None:
                if before.st_mode & 0o070 and not before.st_mode & 0o007:
                    draft.chmod(before.st_mode & _FOR_A_GROUP)
                if (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
                    os.chown(draft, before.st_uid, before.st_gid)
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as exc:
        raise BotError(_cannot(path, target, exc.strerror or str(exc))) from None


def check_writable(path: Path) -> None:
    """Find out before anything is asked.

    Raises:
        BotError: it cannot be written, or is no file.
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as exc:  # links that lead in a circle, or to where this user may not look
        raise BotError(_cannot(path, path.absolute(), exc.strerror or str(exc))) from None
    target = path.resolve()
    if target.exists() and not target.is_file():
        raise BotError(_cannot(path, target, "it is no file"))
    if not target.parent.is_dir():
        raise BotError(_cannot(path, target, f"there is no directory {target.parent}"))
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise BotError(_cannot(path, target, "this user may not write to that directory"))


def read_env(path: Path) -> str:
    """The text of a `.env`.

    Raises:
        BotError: it cannot be read.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeError) as exc:
        raise BotError(f"{path} cannot be read ({exc}); it must be a UTF-8 text file") from None


def _cannot(path: Path, target: Path, why: str) -> str:
    where = f"{path}" if path.absolute() == target else f"{path}, which leads to {target},"
    return f"{where} cannot be written: {why}; mend that, or start setup in another directory"


def _quoted(name: str, value: str) -> str:
    if "\n" in value or "\r" in value or not value.isprintable():
        raise ConfigError(f"{name}: it must be one line of text")
    if _PLAIN.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _replaced(piece: str, name: str, line: str) -> str:
    """What stands for a setting, with another value; the comment behind it stays."""
    match = re.fullmatch(
        rf"(\s*(?:export[^\S\r\n]+)?)'?{name}'?[^\S\r\n]*(?:=[^\S\r\n]*{_VALUE})?"
        r"((?:[^\S\r\n]+#[^\r\n]*)?[^\S\r\n]*(?:\r\n|\n|\r)?)",
        piece,
        re.IGNORECASE,
    )
    if match is None:
        return f"{line}\n"
    return f"{match[1]}{line}{match[2]}"


def _shown(bindings: list[Binding], pieces: list[str], name: str) -> tuple[int, re.Match[str]] | None:
    """The comment that shows a setting: in which piece, and where there."""
    comment = re.compile(rf"^[ \t]*#[ \t]*{name}=[^\r\n]*", re.MULTILINE)
    for place, binding in enumerate(bindings):
        if binding.key is None and (match := comment.search(pieces[place])):
            return place, match
    return None
