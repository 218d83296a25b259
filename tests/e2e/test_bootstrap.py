"""`bootstrap` as a real process: what an admin reads, what waits for consent, exit status."""

from __future__ import annotations

import asyncio
import os
import pty
import signal
import sys
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.bot import Rig
from tests.support.processes import wait_until

DAY = timedelta(days=1)
QUESTION = "Convert them too? [y/N]: "
CTRL_C = "\x03"


def ago(days: int) -> str:
    """An instant so long ago, as workflows store it."""
    return (datetime.now(UTC) - days * DAY).isoformat()


async def fill(rig: Rig) -> None:
    """Run events with texts: two too old, three young, one unreadable."""
    texts = [ago(200), ago(100), ago(1), ago(2), ago(3), "16.02.2026"]
    await rig.db.run_events.insert_many(
        [{"_id": n, "runId": str(n), "createdAt": text} for n, text in enumerate(texts)]
    )


async def texts_left(rig: Rig) -> list[int]:
    """The events whose timestamp is still a text."""
    found = rig.db.run_events.find({"createdAt": {"$type": "string"}}).sort("_id")
    return [document["_id"] async for document in found]


OUTDATED = (
    "run_events.createdAt: no date but ISO 8601 text in 2 documents older than the collection keeps; export"
    " what is still needed, then run bootstrap --convert-dates --expire-old, and MongoDB deletes them\n"
)
UNREADABLE = (
    "run_events.createdAt: no date but unreadable text in 1 document (_id 5), never deleted; correct by hand,"
    " in mongosh: db.run_events.updateOne({_id: 5},"
    ' {$set: {createdAt: ISODate("YYYY-MM-DDThh:mm:ssZ")}})\n'
)
COUNTED = (
    "run_events.createdAt: 2 documents older than the collection keeps\n"
    "Once these are converted, MongoDB deletes them within about a minute.\n"
)


async def test_an_empty_database_gets_its_indexes_and_the_second_run_keeps_them(rig: Rig) -> None:
    """Each index and each collection's retention has one line, and there is nothing to convert."""
    for arguments, outcome in ((["bootstrap"], "created"), (["bootstrap", "--convert-dates"], "kept")):
        done = await rig.command(*arguments)
        assert (done.status, done.err) == (0, "")
        assert f"run_events.runId_1: {outcome}\n" in done.out
        assert "run_events: documents are deleted 90 days after createdAt\n" in done.out
        assert "run_artifacts: documents are never deleted\n" in done.out
        assert done.out.endswith("no texts to convert\n") == ("--convert-dates" in arguments)


async def test_an_index_that_fails_is_an_error_with_its_cure(rig: Rig) -> None:
    """It stands on standard error, the others are made, and texts are converted all the same."""
    await rig.command("bootstrap")
    await rig.db.weekly_metrics.insert_one({"weekStart": "2026-02-16", "createdAt": ago(1)})
    done = await rig.command("bootstrap", "--convert-dates", METRICS_PER_ATHLETE="true")
    assert done.status == 1
    assert done.err == (
        "error: index weekly_metrics.athleteId_1_weekStart_1: failed (documents without athleteId:"
        ' {"weekStart": "2026-02-16"}; fill it in, in mongosh: db.getCollection("weekly_metrics").updateMany('
        '{athleteId: null}, {$set: {athleteId: "..."}}), then run bootstrap again)\n'
    )
    assert "weekly_metrics.createdAt: 1 document converted\n" in done.out


async def test_consent_alone_is_a_wrong_call(rig: Rig) -> None:
    """--expire-old without --convert-dates does nothing, and says what to give."""
    done = await rig.command("bootstrap", "--expire-old")
    assert (done.status, done.out) == (2, "")
    assert done.err == "error: --expire-old: belongs to --convert-dates; give both\n"


async def test_texts_are_named_with_the_cure_of_each_kind(rig: Rig) -> None:
    """Without --convert-dates they are warnings, and nothing changes."""
    await fill(rig)
    done = await rig.command("bootstrap")
    convertible = (
        "run_events.createdAt: no date but ISO 8601 text in 3 documents, never deleted;"
        " run bootstrap --convert-dates\n"
    )
    assert (done.status, done.err) == (
        0,
        "".join(f"warning: {line}" for line in (convertible, UNREADABLE, OUTDATED)),
    )
    assert await texts_left(rig) == [0, 1, 2, 3, 4, 5]


async def test_nothing_is_deleted_by_surprise(rig: Rig) -> None:
    """Without a terminal what is too old stays and is an error, until the option says otherwise."""
    await fill(rig)
    for converted in (True, False):
        done = await rig.command("bootstrap", "--convert-dates")
        assert (done.status, done.err) == (1, f"error: {UNREADABLE}error: {OUTDATED}")
        assert ("run_events.createdAt: 3 documents converted\n" in done.out) == converted
        assert await texts_left(rig) == [0, 1, 5]
    done = await rig.command("bootstrap", "--convert-dates", "--expire-old")
    assert (done.status, done.err) == (1, f"{COUNTED}error: {UNREADABLE}")
    assert "run_events.createdAt: 2 documents converted\n" in done.out
    assert await texts_left(rig) == [5]
    await rig.db.run_events.update_one({"_id": 5}, {"$set": {"createdAt": datetime.now(UTC)}})
    done = await rig.command("bootstrap", "--convert-dates")
    assert (done.status, done.err) == (0, "")


@pytest.mark.parametrize(
    ("answer", "left"),
    [("y\n", [5]), ("n\n", [0, 1, 5]), ("\n", [0, 1, 5]), (CTRL_C, [0, 1, 2, 3, 4, 5])],
)
async def test_a_terminal_is_asked(rig: Rig, answer: str, left: list[int]) -> None:
    """The count stands before the question; no is the default, and Ctrl-C leaves all as it was."""
    await fill(rig)
    shown, status = await converse(rig, answer)
    assert f"{COUNTED}{QUESTION}" in shown
    assert status == 1
    assert await texts_left(rig) == left
    assert ("error: interrupted" in shown) == (answer == CTRL_C)


async def converse(rig: Rig, answer: str) -> tuple[str, int]:
    """What `bootstrap --convert-dates` shows on a terminal where the question is answered, and its status."""
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "bootstrap", "--convert-dates"),
        env=rig.environment() | {"TERM": "dumb", "COLUMNS": "120"},
        cwd=rig.folder, stdin=theirs, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    os.set_blocking(ours, False)
    shown = b""

    def read() -> bool:
        """Take what there is; whether the other side is closed."""
        nonlocal shown
        try:
            shown += os.read(ours, 65536)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return False

    await wait_until(
        lambda: read() or QUESTION.encode() in shown, 60, "the question", otherwise=lambda: shown
    )
    if answer == CTRL_C:
        process.send_signal(signal.SIGINT)
    else:
        os.write(ours, answer.encode())
    await wait_until(read, 60, "the command ends", otherwise=lambda: shown)
    status = await process.wait()
    os.close(ours)
    return shown.decode().replace("\r\n", "\n"), status
