"""Which MongoDB can open a directory's files, told before one that cannot is started on them.

Each release opens files of its own and of the release before, by their compatibility version. The packages of
Linux and of macOS bring different releases, so a directory that was carried from one to the other may not be
openable. Both versions are noted in the file `version.json` once a server runs; a directory without it is
left to mongod's own judgement.
"""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

_RELEASES = ((4, 4), (5, 0), (6, 0), (7, 0), (8, 0))
_TELLS_WITHIN = 10.0  # seconds
_VERSION = re.compile(r"db version v(\d+\.\d+\.\d+\S*)")
_WAY_OUT = (
    "Or make a `backup` with the program that wrote them, and `restore` it into a DATA_DIR of its own"
    " (docs/backup.md)"
)


@dataclass(frozen=True, slots=True)
class FilesVersion:
    """By whom a directory's files were written last.

    Attributes:
        server: version of mongod, such as `6.0.5`.
        compatible: the release with which they are compatible, such as `6.0`.
    """

    server: str
    compatible: str


def refusal(files: FilesVersion, binary: Path, version: str) -> str | None:
    """Why a mongod cannot open files; None if it can, or nobody knows.

    Args:
        binary, version: of the mongod.
    """
    written, opening = _release(files.compatible), _release(version)
    if written not in _RELEASES or opening not in _RELEASES:
        return None
    steps = _RELEASES.index(opening) - _RELEASES.index(written)
    if steps in (0, 1):
        return None
    wanted = files.compatible if steps < 0 else f"{files.compatible}, or of the release after it,"
    return (
        f"its files are those of MongoDB {files.compatible}, and {binary} is {version}, which cannot open"
        f" them. Put a mongod {wanted} on the PATH. {_WAY_OUT}"
    )


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())


async def version_of(binary: Path) -> str | None:
    """The version that a mongod tells; None if it does not run, which its start tells better."""
    try:
        process = await asyncio.create_subprocess_exec(
            *(str(binary), "--version"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError:
        return None
    try:
        out, _ = await asyncio.wait_for(process.communicate(), _TELLS_WITHIN)
    except TimeoutError:
        process.kill()
        await process.wait()
        return None
    found = _VERSION.search(out.decode(errors="replace"))
    return None if found is None else found[1]


def read_version(directory: Path) -> FilesVersion | None:
    """What is noted; None if nothing is."""
    try:
        return FilesVersion(**json.loads(_file(directory).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def note_version(directory: Path, version: FilesVersion) -> None:
    """Note it.

    Raises:
        OSError: it cannot be written.
    """
    if read_version(directory) == version:
        return
    fresh = _file(directory).with_suffix(".new")
    fresh.write_text(json.dumps(asdict(version)))
    fresh.replace(_file(directory))


def _file(directory: Path) -> Path:
    return directory / "version.json"
