"""Which mongod opens which files."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.store.embedded.version import FilesVersion, note_version, read_version, refusal, version_of

MONGOD = Path("/bin/mongod")


@pytest.mark.parametrize(
    ("compatible", "version", "opens"),
    [
        ("6.0", "6.0.5", True),
        ("6.0", "7.0.28", True),  # a newer package: an upgrade, and back again as long as it is not raised
        ("7.0", "7.0.28", True),
        ("7.0", "6.0.5", False),
        ("6.0", "8.0.17", False),
        ("5.0", "7.0.28", False),
        ("8.0", "6.0.5", False),
        ("9.0", "6.0.5", True),  # nobody here knows
        ("?", "6.0.5", True),
        ("6.0", "7.1.0-rc0", True),
    ],
)
def test_the_release_itself_and_the_next(compatible: str, version: str, *, opens: bool) -> None:
    """All others are refused, with both versions and the cure."""
    why = refusal(FilesVersion("x", compatible), MONGOD, version)
    assert (why is None) == opens
    if why is not None:
        assert f"MongoDB {compatible}" in why
        assert f"/bin/mongod is {version}" in why
        assert "`backup`" in why


async def test_what_a_mongod_tells(tmp_path: Path) -> None:
    """Its version; what does not run, or tells nothing, is left to its start."""
    binary = tmp_path / "mongod"
    assert await version_of(binary) is None
    binary.write_text('#!/bin/sh\necho "db version v7.0.28"\necho "Build Info: {"\n')
    binary.chmod(0o755)
    assert await version_of(binary) == "7.0.28"
    binary.write_text("#!/bin/sh\necho no\nexit 1\n")
    assert await version_of(binary) is None


@pytest.mark.parametrize(
    "content", ["", "[]", '{"server": "6"}', '{"server": "6", "compatible": "6", "x": 1}']
)
def test_what_cannot_be_read_is_not_known(tmp_path: Path, content: str) -> None:
    """It is noted anew."""
    (tmp_path / "version.json").write_text(content)
    assert read_version(tmp_path) is None
    note_version(tmp_path, FilesVersion("6.0.5", "6.0"))
    assert read_version(tmp_path) == FilesVersion("6.0.5", "6.0")
