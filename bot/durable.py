"""Makes certain that what was written outlives the machine's power."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

FULL = getattr(fcntl, "F_FULLFSYNC", None)
"""On macOS `fsync` hands over to the disk alone, which may keep it in its cache; this has it written."""


def sync(file: int, full: int | None = FULL) -> None:
    """Return when the content of an open file is on disk.

    Args:
        full: the call of `fcntl` that does so, where `fsync` does not; None elsewhere.

    Raises:
        OSError.
    """
    if full is not None:
        try:
            fcntl.fcntl(file, full)
        except OSError:  # a file system that cannot, such as one of another machine
            pass
        else:
            return
    os.fsync(file)


def sync_folder(path: Path) -> None:
    """Return when it is on disk which files stand in a directory.

    Raises:
        OSError.
    """
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        sync(folder)
    finally:
        os.close(folder)
