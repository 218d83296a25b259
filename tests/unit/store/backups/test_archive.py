"""The file of a backup: what is written is read, what is not whole is told, and nothing is overwritten."""

from __future__ import annotations

import json
import os
import random
import shutil
import stat
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import bson
import pytest

from bot.core.shared.errors import BackupError, BotError, ConfigError
from bot.store.backups.archive import JOURNAL, BackupFile, BackupWriter, Manifest, SavedCollection, file_of

NAME = "feedback_events"
DOCUMENTS = [bson.encode({"_id": number, "note": "x" * number}) for number in range(300)]
PLAIN = Manifest(
    version="1.0.0", created_at="2026-02-16T18:42:00.000Z", database="running_coach", server="6.0.5",
    is_one_moment=True, journal=None, waiting=0, collections=[],
)  # fmt: skip


def write(path: Path, documents: Iterable[bytes] = DOCUMENTS, journal: bytes = b"journal" * 1000) -> Manifest:
    """A backup."""
    documents = list(documents)
    with BackupWriter(path) as writer:
        with writer.member(JOURNAL) as member:
            member.write(journal)
        kept = member.part
        with writer.member(file_of(NAME)) as member:
            for document in documents:
                member.write(document)
        saved = SavedCollection(NAME, len(documents), member.part, {"capped": False}, [{"name": "_id_"}])
        manifest = replace(PLAIN, journal=kept, waiting=3, collections=[saved])
        assert writer.finish(manifest) == path.stat().st_size
    return manifest


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    """One in an empty directory."""
    path = tmp_path / "there" / "backup.zip"
    path.parent.mkdir()
    write(path)
    return path


def test_what_is_written_is_read(backup: Path, tmp_path: Path) -> None:
    """Its owner's alone, with nothing beside it; other tools open it, too."""
    with BackupFile(backup) as opened:
        opened.verify()
        assert opened.manifest.documents == 300
        assert opened.manifest.waiting == 3
        [saved] = opened.manifest.collections
        assert (saved.options, saved.indexes) == ({"capped": False}, [{"name": "_id_"}])
        assert [document for batch in opened.documents(saved) for document in batch] == DOCUMENTS
        assert opened.copy_journal(tmp_path / "journal")
    assert (tmp_path / "journal").read_bytes() == b"journal" * 1000
    for path in (backup, tmp_path / "journal"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(backup.parent) == ["backup.zip"]  # noqa: PTH208  # no path is wanted
    with zipfile.ZipFile(backup) as opened_zip:
        assert opened_zip.testzip() is None
        assert list(map(bson.encode, bson.decode_all(opened_zip.read(file_of(NAME))))) == DOCUMENTS


def test_documents_longer_than_what_is_read_at_once(tmp_path: Path) -> None:
    """Their parts are put together."""
    large = [
        bson.encode({"_id": number, "x": random.Random(number).randbytes(3 * 2**20)}) for number in (1, 2)
    ]
    write(tmp_path / "b", large)
    with BackupFile(tmp_path / "b") as opened:
        opened.verify()
        [saved] = opened.manifest.collections
        assert [document for batch in opened.documents(saved) for document in batch] == large


def test_a_part_of_it_is_told_from_the_whole(backup: Path, tmp_path: Path) -> None:
    """Wherever it is cut."""
    content = backup.read_bytes()
    for length in (*range(0, len(content), 97), len(content) - 1):
        (tmp_path / "cut").write_bytes(content[:length])
        with pytest.raises(BackupError) as caught, BackupFile(tmp_path / "cut") as opened:
            opened.verify()
        assert "\n" not in str(caught.value)
        assert ("cut short" in str(caught.value)) == (length > 4)


def test_no_changed_byte_changes_what_is_restored(backup: Path, tmp_path: Path) -> None:
    """It is told, or is none of what counts."""
    content = backup.read_bytes()
    said: list[str] = []
    rng = random.Random(0)
    for _ in range(400):
        garbled = bytearray(content)
        garbled[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        (tmp_path / "garbled").write_bytes(garbled)
        try:
            with BackupFile(tmp_path / "garbled") as opened:
                opened.verify()
                found = [it for saved in opened.manifest.collections for it in opened.documents(saved)]
        except BotError as exc:
            said.append(str(exc))
        else:
            assert [document for batch in found for document in batch] == DOCUMENTS
    assert len(said) > 200
    assert not [line for line in said if "\n" in line]


def rewritten(backup: Path, target: Path, edit: Callable[[dict[str, Any]], object]) -> Path:
    """A backup with another manifest."""
    with zipfile.ZipFile(backup) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "manifest.json":
                manifest = json.loads(content)
                edit(manifest)
                content = json.dumps(manifest).encode()
            new.writestr(name, content)
    return target


def lose_a_document(manifest: dict[str, Any]) -> None:
    """One more was there."""
    manifest["collections"][0]["documents"] += 1


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda it: it.update(format=2, version="3.0.0"), r"format 2, of another version .* \(3\.0\.0\)"),
        (lambda it: it.update(program="another"), "not a backup"),
        (lambda it: it.pop("collections"), r"manifest\.json cannot be read"),
        (lambda it: it.update(collections=7), r"manifest\.json cannot be read"),
        (lambda it: it.update(more=1), r"manifest\.json cannot be read"),
        (lose_a_document, "300 documents instead of 301"),
    ],
)
def test_what_the_manifest_does_not_bear_out(
    backup: Path, tmp_path: Path, edit: Callable[[dict[str, Any]], object], said: str
) -> None:
    """One line says what is the case."""
    with (
        pytest.raises(BackupError, match=said),
        BackupFile(rewritten(backup, tmp_path / "other", edit)) as opened,
    ):
        opened.verify()


def test_what_is_no_backup(tmp_path: Path) -> None:
    """Another file, another zip, an empty file, none."""
    (tmp_path / "text").write_text("hello")
    (tmp_path / "empty").touch()
    with zipfile.ZipFile(tmp_path / "zip", "w") as other:
        other.writestr("x", "y")
    for name in ("text", "empty", "zip"):
        with pytest.raises(BackupError, match="is not a backup"), BackupFile(tmp_path / name):
            pass
    with pytest.raises(ConfigError, match="cannot be read"), BackupFile(tmp_path / "none"):
        pass


def test_nothing_is_overwritten(backup: Path) -> None:
    """Neither what was there before, nor what came meanwhile."""
    before = backup.read_bytes()
    with pytest.raises(ConfigError, match="is there already"):
        write(backup)
    other = backup.with_name("other")
    with BackupWriter(other) as writer:
        shutil.copy(backup, other)
        with pytest.raises(BackupError, match="made meanwhile"):
            writer.finish(PLAIN)
    assert backup.read_bytes() == other.read_bytes() == before
    assert sorted(os.listdir(backup.parent)) == ["backup.zip", "other"]  # noqa: PTH208


def test_where_there_are_no_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It gets its name all the same."""

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", refuse)
    write(tmp_path / "b")
    with BackupFile(tmp_path / "b") as opened:
        opened.verify()


def test_one_that_was_ended_on_the_way(tmp_path: Path) -> None:
    """A failure leaves nothing; what a kill has left is taken over, and is nobody else's to read."""
    with BackupWriter(tmp_path / "b") as writer, writer.member("x") as member:
        member.write(b"y")
    assert list(tmp_path.iterdir()) == []
    left = tmp_path / "b.part"
    left.write_bytes(b"z" * 100_000)
    left.chmod(0o644)
    write(tmp_path / "b")
    assert [path.name for path in tmp_path.iterdir()] == ["b"]
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o600
    with BackupFile(tmp_path / "b") as opened:
        opened.verify()


def test_one_that_was_ended_at_its_very_end(backup: Path) -> None:
    """It stands under two names then; the next one begins another file."""
    before = backup.read_bytes()
    os.link(backup, backup.with_name("backup.zip.part"))
    moved = backup.rename(backup.with_name("monday.zip"))
    write(backup, [])
    assert moved.read_bytes() == before
    assert sorted(path.name for path in backup.parent.iterdir()) == ["backup.zip", "monday.zip"]


def test_a_disk_that_is_full_keeps_nothing_of_it(tmp_path: Path) -> None:
    """Also where closing the file is what fails."""
    with BackupWriter(tmp_path / "backup.zip") as writer:
        writer._file.close()
        writer._file = Path("/dev/full").open("wb")  # noqa: SIM115  # the writer closes it
        writer._file.write(b"x")
    assert list(tmp_path.iterdir()) == []


def test_two_at_once(tmp_path: Path) -> None:
    """The second is refused, and the first goes on."""
    with BackupWriter(tmp_path / "b") as writer:
        with pytest.raises(ConfigError, match="by another backup"), BackupWriter(tmp_path / "b"):
            pass
        writer.finish(PLAIN)
    with BackupFile(tmp_path / "b") as opened:
        assert opened.manifest == PLAIN


def test_a_place_that_is_not_there(tmp_path: Path) -> None:
    """The file is named, and the cure."""
    with pytest.raises(ConfigError, match="choose a directory"), BackupWriter(tmp_path / "no" / "b"):
        pass
