"""The commands about the five collections as real processes: files, pipes, terminals, exit status."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import pty
import re
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.core.records.collections import MODELS
from tests.support.bot import ROOT
from tests.support.mongo import fresh_database
from tests.support.processes import Finished, wait_until

GOOD = '{"weekStart": "2026-02-16", "runCount": 3}\n'
BAD = '{"weekStart": "2026-02-23", "x": [{"y": 1}, {"y": NaN}]}\n'


class Shell:
    """Runs commands of the bot in a folder, on a database of its own, or (None) on the embedded MongoDB."""

    def __init__(self, folder: Path, url: str, db: Any) -> None:
        self.folder = folder
        self.db = db
        self.environment = {
            "PATH": os.defpath, "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8", "HOME": str(folder),
            "MONGO_URL": url, "MONGO_DB": "test" if db is None else db.name, "TIMEZONE": "Europe/Madrid",
        }  # fmt: skip

    async def __call__(self, *arguments: str, stdin: str | bytes | None = None) -> Finished:
        """Run one command to its end; without `stdin` there is no pipe."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", *arguments),
            env=self.environment,
            cwd=self.folder,
            stdin=asyncio.subprocess.DEVNULL if stdin is None else asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        data = stdin.encode() if isinstance(stdin, str) else stdin
        out, err = await asyncio.wait_for(process.communicate(data), 300)
        assert process.returncode is not None
        assert b"Traceback" not in err, err.decode()
        return Finished(process.returncode, out.decode(), err.decode())

    def file(self, name: str, content: object) -> str:
        """Make a file; what is no text becomes JSON."""
        (self.folder / name).write_text(content if isinstance(content, str) else json.dumps(content))
        return name


@pytest.fixture
async def shell(tmp_path: Path, mongo_url: str) -> AsyncIterator[Shell]:
    """An empty database and an empty folder."""
    async with fresh_database(mongo_url) as db:
        yield Shell(tmp_path, mongo_url, db)


async def test_write_names_what_it_refuses_and_writes_the_rest(shell: Shell) -> None:
    """From a file, from a pipe, as a trial, and all or nothing; the exit status tells."""
    file = shell.file("weeks.ndjson", BAD + GOOD)
    refusal = "line 1: x[1].y: NaN is no number that JSON knows; send null, or leave the field out\n"

    done = await shell("write", "weekly_metrics", file, "--dry-run")
    assert (done.status, done.out) == (1, "weekly_metrics: 1 would be written, 1 refused\n")
    assert done.err == refusal + "error: 1 refused; the lines above say why\n"
    done = await shell("write", "weekly_metrics", file, "--strict")
    assert (done.status, done.out) == (1, "weekly_metrics: 0 written, 0 unchanged, 1 refused\n")
    assert done.err == refusal + "error: 1 refused, so none is written; the lines above say why\n"
    assert await shell.db.weekly_metrics.count_documents({}) == 0

    done = await shell("write", "weekly_metrics", file)
    assert (done.status, done.out) == (1, "weekly_metrics: 1 written, 0 unchanged, 1 refused\n")
    assert done.err == refusal + "error: 1 refused; the lines above say why\n"
    done = await shell("write", "weekly_metrics", "--strict", stdin=GOOD)
    assert (done.status, done.out, done.err) == (0, "weekly_metrics: 0 written, 1 unchanged, 0 refused\n", "")
    done = await shell("write", "weekly_metrics", stdin="")
    assert (done.status, done.out, done.err) == (0, "weekly_metrics: 0 written, 0 unchanged, 0 refused\n", "")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["write", "weeks"], ", ".join(f"'{name}'" for name in MODELS)),
        (["write", "run_events", "missing.json"], "does not exist"),
        (["write"], "COLLECTION"),
        (["export", "weekly_metrics", "--run-id", "r"], "--run-id: the documents of weekly_metrics have no"),
        (["export", "weekly_metrics", "--since", "2026-02-16T10:00"], "--since: '2026-02-16T10:00' cannot"),
        (["export", "run_events", "--until", "soon"], "--until: 'soon' cannot be used here; write one such"),
        (["export", "run_events", "--until", "9999-12-31"], "--until: '9999-12-31' cannot be used"),
        (["export", "run_events", "--format", "xml"], "'ndjson', 'json', 'csv'"),
        (["schema", "taps"], "'run_artifacts'"),
        (["rollup", "missing.json"], "does not exist"),
        (["record-run"], "FILE"),
    ],
)
async def test_a_wrong_call_ends_with_status_2(shell: Shell, arguments: list[str], error: str) -> None:
    """In one line that names the cure."""
    done = await shell(*arguments)
    assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)
    assert error in done.err


async def test_a_mongodb_that_is_away_is_named(shell: Shell) -> None:
    """The exit status is 1, and the line says how far it came."""
    shell.environment["MONGO_URL"] = "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=100"
    for arguments in (["write", "weekly_metrics"], ["export", "weekly_metrics"]):
        done = await shell(*arguments, stdin=GOOD)
        assert (done.status, done.out, done.err.count("\n")) == (1, "", 1)
        assert "127.0.0.1:1" in done.err


async def test_an_interrupted_write_says_how_far_it_came(shell: Shell) -> None:
    """Ctrl-C while the pipe has more to give: what is counted is stored."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "write", "run_events"),
        env=shell.environment,
        cwd=shell.folder,
        stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stderr is not None
    process.stdin.write("".join(runs("r", 2_500)).encode())
    await process.stdin.drain()

    async def is_written() -> bool:
        return bool(await shell.db.run_events.count_documents({}) >= 2_000)

    await wait_until(is_written, 30, "what fills a portion is written")
    process.send_signal(signal.SIGINT)
    said, last = (await asyncio.wait_for(process.stderr.read(), 100)).decode().split("\n", 1)
    assert await process.wait() == 1
    # What is on its way at that moment may be stored, and is not counted yet.
    far = re.fullmatch(r"so far, at least: ([012](?:,000)?) written, 0 unchanged, 0 refused; to .*", said)
    assert far is not None, said
    assert int(far[1].replace(",", "")) <= await shell.db.run_events.count_documents({})
    assert last.strip() == "error: interrupted"


async def test_export_goes_through_a_pipe_into_write(shell: Shell) -> None:
    """In each format that can be read back; CSV can be read by others."""
    weeks = [{"weekStart": f"2026-02-{day:02}", "note": "ü", "hrvMean": 61.5} for day in (2, 9, 16)]
    await shell("write", "weekly_metrics", stdin=json.dumps(weeks))
    for file_format in ("ndjson", "json"):
        out = (await shell("export", "weekly_metrics", "--format", file_format)).out
        done = await shell("write", "weekly_metrics", stdin=out)
        assert (done.status, done.out) == (0, "weekly_metrics: 0 written, 3 unchanged, 0 refused\n")
    done = await shell("export", "weekly_metrics", "--since", "2026-02-09", "--until", "2026-02-09")
    assert [json.loads(line)["weekStart"] for line in done.out.splitlines()] == ["2026-02-09"]
    rows = list(csv.DictReader(io.StringIO((await shell("export", "weekly_metrics", "--format=csv")).out)))
    assert [(row["weekStart"], row["hrvMean"], row["otherFields"]) for row in rows] == [
        (week["weekStart"], "61.5", '{"note":"ü"}') for week in weeks
    ]


async def test_days_are_those_of_the_time_zone(shell: Shell) -> None:
    """A day begins and ends at midnight in TIMEZONE, and `--until` a day includes it."""
    times = [
        "2026-02-15T22:59:59.999Z",
        "2026-02-15T23:00:00Z",
        "2026-02-16T22:59:59Z",
        "2026-02-16T23:00:00Z",
    ]
    events = [{"runId": f"r{n}", "status": "success", "createdAt": at} for n, at in enumerate(times)]
    await shell("write", "run_events", stdin=json.dumps(events))
    for since, until, expected in (
        ("2026-02-16", "2026-02-16", ["r1", "r2"]),
        ("2026-02-16T00:00", "2026-02-16T23:59:59", ["r1"]),
        ("2026-02-15T23:00:00Z", "2026-02-16T23:00:00Z", ["r1", "r2"]),
    ):
        done = await shell("export", "run_events", "--since", since, "--until", until)
        assert [json.loads(line)["runId"] for line in done.out.splitlines()] == expected


async def test_a_reader_that_leaves_ends_the_export_quietly(shell: Shell) -> None:
    """As with `head`: not a word on standard error."""
    events = [{"runId": f"r{n}", "status": "success", "note": "x" * 1000} for n in range(2000)]
    await shell("write", "run_events", stdin=json.dumps(events))
    process = await asyncio.create_subprocess_shell(
        f"{sys.executable} -m bot export run_events | head -n 1",
        env=shell.environment, cwd=shell.folder,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(), 300)
    assert (out.count(b"\n"), err) == (1, b"")


@pytest.mark.parametrize("collection", MODELS)
async def test_schemas_are_printed(shell: Shell, collection: str) -> None:
    """JSON Schema with every field described."""
    done = await shell("schema", collection)
    properties = json.loads(done.out)["properties"]
    assert list(properties) == list(MODELS[collection].model_fields)
    assert all(field["description"] for field in properties.values())


RUN = {
    "runId": "r1", "status": "success", "attempt": 1, "promptVersion": "7",
    "plan": {
        "schema_version": "1", "justification": ["because"],
        "activityPlan": {
            "nextWeek": {"weekStart": "2026-02-16", "weekEnd": "2026-02-22"},
            "days": [{"date": "2026-02-17", "activity": "Run"}],
        },
    },
}  # fmt: skip


async def test_a_run_is_recorded_in_three_collections(shell: Shell) -> None:
    """From a file or a pipe, pretty-printed or not; a second time nothing changes."""
    file = shell.file("run.json", json.dumps(RUN, indent=2))
    lines = "run_events: {0}\nplan_snapshots: {0}\nrun_artifacts: {0}\n"
    done = await shell("record-run", file)
    assert (done.status, done.out, done.err) == (0, lines.format("inserted"), "")
    done = await shell("record-run", "-", stdin=json.dumps(RUN))
    assert (done.status, done.out, done.err) == (0, lines.format("unchanged"), "")
    assert (await shell.db.plan_snapshots.find_one({}))["weekEnd"] == "2026-02-22"


async def test_a_run_is_recorded_under_unique_keys_only(shell: Shell) -> None:
    """They are made first; where the database holds a key twice, that is said and nothing is written."""
    file = shell.file("run.json", RUN)
    await shell.db.run_artifacts.insert_many([{"runId": "old"}, {"runId": "old"}])
    done = await shell("record-run", file)
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith(
        'error: index run_artifacts.runId_1: failed (duplicate keys: {"runId": "old"} x2'
    )
    assert await shell.db.run_events.count_documents({}) == 0

    await shell.db.run_artifacts.delete_many({})
    assert (await shell("record-run", file)).status == 0
    for collection in ("run_events", "plan_snapshots", "run_artifacts"):
        assert (await shell.db[collection].index_information())["runId_1"]["unique"]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "error: -: holds 0 records; a run is one JSON object"),
        (json.dumps([RUN, RUN]), "error: -: holds 2 records; a run is one JSON object"),
        ('{"runId": ', "error: -, line 1: not JSON at column 11 (Expecting value); is it complete?"),
        ('{"runId": "r"}', "error: status: is missing"),
        ("[[]]", "error: a run must be an object, not an array"),
    ],
)
async def test_a_bad_run_is_refused(shell: Shell, text: str, error: str) -> None:
    """Nothing is written; the line names the field."""
    done = await shell("record-run", "-", stdin=text)
    assert (done.status, done.out, done.err) == (1, "", error + "\n")
    assert await shell.db.list_collection_names() == []


RUNS = [
    {
        "id": n,
        "type": "Run",
        "name": "Long run",
        "start_date_local": f"2026-02-{16 + n}T08:00:00",
        "distance": 1000,
        "elapsed_time": 300,
    }
    for n in (0, 1, 7)
]
DAYS = [{"id": f"2026-02-{day}", "hrv": day} for day in (16, 18)]


async def week(shell: Shell) -> dict[str, Any]:
    """The first week's figures."""
    found = await shell.db.weekly_metrics.find_one({"weekStart": "2026-02-16"})
    return {name: found[name] for name in ("runCount", "runDistance", "longRuns", "hrvMean")}


async def test_weeks_are_rolled_up_from_files_pipes_and_the_database(shell: Shell) -> None:
    """Whatever the shape of the input, the figures are the same."""
    expected = {"runCount": 2, "runDistance": 2000, "longRuns": 2, "hrvMean": 17}
    files = shell.file("activities.json", RUNS), shell.file("wellness.json", DAYS)
    done = await shell("rollup", *files)
    assert (done.status, done.out, done.err) == (0, "weekly_metrics: 2 written, 0 unchanged, 0 refused\n", "")
    assert await week(shell) == expected
    both = {"activities": RUNS, "wellness": DAYS}
    for stdin in (json.dumps(both), json.dumps([both, {"runId": "r", **both}]), json.dumps([*RUNS, *DAYS])):
        done = await shell("rollup", stdin=stdin)
        assert (done.status, done.out) == (0, "weekly_metrics: 0 written, 2 unchanged, 0 refused\n")

    await shell.db.weekly_metrics.delete_many({})
    early = {"runId": "r1", "activities": RUNS[:1], "wellness": DAYS, "createdAt": "2026-02-17T00:00:00Z"}
    moved = [{**RUNS[0], "distance": 1}, *RUNS]
    late = {"runId": "r2", "activities": moved, "createdAt": "2026-02-24T00:00:00Z"}
    await shell("write", "run_artifacts", stdin=json.dumps([late, early, {"runId": "r3"}]))
    done = await shell("rollup")
    assert (done.status, done.out, done.err) == (0, "weekly_metrics: 2 written, 0 unchanged, 0 refused\n", "")
    assert await week(shell) == expected


async def test_a_stored_run_that_cannot_be_read_does_not_block_the_others(shell: Shell) -> None:
    """It is named and left out, the exit status says so, and the weeks of the others are written."""
    good = {"runId": "r1", "activities": RUNS, "wellness": DAYS}
    bad = {"runId": "r2", "activities": [{**RUNS[0], "distance": "10 km"}]}
    await shell("write", "run_artifacts", stdin=json.dumps([bad, good]))
    done = await shell("rollup")
    assert (done.status, done.out) == (1, "weekly_metrics: 2 written, 0 unchanged, 1 refused\n")
    assert done.err.startswith("run_artifacts, runId 'r2': activities[0].distance: ")


STUB = {
    "id": "16358453283",
    "start_date_local": "2026-02-17T19:21:15",
    "source": "STRAVA",
    "_note": "STRAVA activities are not available via the API",
}


async def test_an_activity_that_may_not_be_passed_on_makes_its_week_unknown(shell: Shell) -> None:
    """The line names it and why; without any figure that is known, the exit status says so."""
    done = await shell("rollup", shell.file("x.json", [*RUNS, STUB, *DAYS]))
    assert (done.status, done.out) == (0, "weekly_metrics: 2 written, 0 unchanged, 0 refused\n")
    assert done.err.startswith(
        "warning: x.json, line 1, element 4: the activity 16358453283 of 2026-02-17 has no type (STRAVA "
    )
    assert await week(shell) == {"runCount": None, "runDistance": None, "longRuns": None, "hrvMean": 17}

    done = await shell("rollup", shell.file("x.json", [STUB]))
    assert (done.status, done.out) == (1, "weekly_metrics: 0 written, 1 unchanged, 0 refused\n")
    assert done.err.splitlines()[1].startswith("error: nothing that was given can be used")
    assert (await week(shell))["runCount"] is None


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (
            [*RUNS, {**RUNS[0], "id": 9, "distance": -1}],
            "x.json, line 1, element 4: distance: must not be negative",
        ),
        ({"wellness": [{"id": "today"}]}, "x.json, line 1: wellness[0].id: must be the day, a calendar date"),
        ({"activities": {}}, "there are no activities and no wellness days; name files that have some"),
        ({"activities": "x"}, "x.json, line 1: activities: must be an array, not text"),
        ([1], "x.json, line 1, element 1: must be an object, not a number"),
        (
            [{"id": 1}],
            "x.json, line 1, element 1: is no activity (it has no start_date_local), no wellness day",
        ),
        ('[{"id": 1, "id": 2}]', "x.json, line 1, element 1: id: the object has this field more than once"),
        ("[", "x.json, line 1: the array is never closed"),
        ("", "there are no activities and no wellness days"),
    ],
)
async def test_bad_training_is_refused_whole(shell: Shell, content: object, error: str) -> None:
    """A week computed from a part would be wrong: nothing is written, and the line names file and field."""
    done = await shell("rollup", shell.file("x.json", content))
    assert (done.status, done.out, done.err.count("\n")) == (1, "", 1)
    assert done.err.startswith(f"error: {error}")
    assert await shell.db.list_collection_names() == []


async def test_a_terminal_shows_a_bar_and_no_input_is_awaited_there(shell: Shell) -> None:
    """Progress is for people only; `write` without anything does not just sit there."""
    file = shell.file("weeks.ndjson", GOOD + BAD)
    shown = await _on_terminal(shell, "write", "weekly_metrics", file)
    assert "━" in shown
    assert "line 2: x[1].y: NaN" in shown
    assert "1 written, 0 unchanged, 1 refused" in shown
    assert "FILE: name one, or pipe the records in" in await _on_terminal(shell, "write", "weekly_metrics")


async def _on_terminal(shell: Shell, *arguments: str) -> str:
    """What a command shows on a terminal."""
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", *arguments),
        env=shell.environment | {"TERM": "xterm", "COLUMNS": "120"},
        cwd=shell.folder, stdin=theirs, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    os.set_blocking(ours, False)
    shown = b""

    def ended() -> bool:
        nonlocal shown
        try:
            shown += os.read(ours, 65536)
        except BlockingIOError:
            return False
        except OSError:  # the other side is closed
            return True
        return False

    await wait_until(ended, 60, "the command ends")
    await process.wait()
    os.close(ours)
    return shown.decode()


async def test_commands_share_an_embedded_mongodb(tmp_path: Path) -> None:
    """Without a service the first to come starts it, and stops it when the last of them is done."""
    shell = Shell(tmp_path, "", None)
    numbers = [100, 4_000, 400, 2_000]
    done = await asyncio.gather(
        *(
            shell("write", "run_events", stdin="".join(runs(f"w{place}", number)))
            for place, number in enumerate(numbers)
        )
    )
    assert [(it.status, it.err) for it in done if it.status or "starting it again" in it.err] == []
    exported = await shell("export", "run_events")
    assert len(exported.out.splitlines()) == sum(numbers)


def runs(name: str, number: int) -> list[str]:
    """So many lines for `run_events`."""
    return [f'{{"runId": "{name}-{n}", "status": "success"}}\n' for n in range(number)]
