"""One look never hides another, however it ends; what cannot be looked at says why."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from bot.cli.doctor import ALL_CHECKS, IN_MONGODB, Check, Examination, take
from bot.core.health.doctor_report import CHECKS, Finding, ok, skip
from bot.core.shared.errors import BotError, StorageUnavailable
from bot.settings import Settings


async def test_findings_come_through() -> None:
    """As they are."""

    async def work() -> list[Finding]:
        return [ok("token", "x")]

    assert await take("token", work, "cure") == [ok("token", "x")]


@pytest.mark.parametrize(
    ("error", "message", "cure"),
    [
        (StorageUnavailable("MongoDB does not answer"), "MongoDB does not answer", "the usual"),
        (BotError("it is bad; do this"), "it is bad", "do this"),
    ],
)
async def test_an_error_is_a_finding(error: BotError, message: str, cure: str) -> None:
    """With its own cure, where it says one."""

    async def work() -> list[Finding]:
        raise error

    assert await take("mongodb", work, "the usual") == [Finding("FAIL", "mongodb", message, cure)]


async def test_a_defect_is_a_finding_that_quotes_nothing() -> None:
    """Its message may hold what an athlete wrote."""

    async def work() -> list[Finding]:
        raise ValueError("my knee hurts")

    (found,) = await take("plans", work, "cure")
    assert (found.level, found.cure) == ("FAIL", "please report this")
    assert found.message.startswith("unexpected ValueError at test_doctor.py:")
    assert "knee" not in found.message


async def test_a_look_that_hangs_is_given_up() -> None:
    """After its own time."""

    async def work() -> list[Finding]:
        await asyncio.Event().wait()
        return []

    assert await take("rights", work, "cure", 0.01) == [
        Finding("FAIL", "rights", "no result within 0.01 s", "cure")
    ]


def test_everything_is_looked_at_after_what_it_needs() -> None:
    """Each name that is shown has its check, and a check names only such as stand before it."""
    covered = {name for check in ALL_CHECKS for name in (check.name, *check.covers)}
    assert covered == set(CHECKS) - {"config", "disk"}  # the settings; `data` looks at the disk
    names = [check.name for check in ALL_CHECKS]
    for place, check in enumerate(ALL_CHECKS):
        assert {*check.needs, *check.after} <= set(names[:place]), check.name


def settings(**given: object) -> Settings:
    """Nothing but these."""
    return Settings.model_construct(None, **given)  # type: ignore[arg-type] # of any kind


async def examined(*checks: Check, mongo_url: object = None, faults: tuple[str, ...] = ()) -> list[Finding]:
    """The findings of some checks."""
    async with AsyncExitStack() as stack:
        return await Examination(settings(mongo_url=mongo_url), faults, stack).run(checks)


def passing(name: str, pause: float = 0) -> Check:
    """A check that is passed, after a while."""

    async def look(examination: Examination) -> list[Finding]:
        await asyncio.sleep(pause)
        examination.reached.add(name)
        return [ok(name, "fine")]

    return Check(name, look)


async def test_a_check_waits_for_what_it_needs() -> None:
    """And is made when that is passed, however long it took."""
    later = replace(passing("webhook"), needs=("token",))
    assert await examined(passing("token", 0.02), later) == [ok("token", "fine"), ok("webhook", "fine")]


async def test_what_needs_something_that_failed_is_skipped() -> None:
    """With the name of the line that says why, for each name that it covers."""

    async def fail(_: Examination) -> list[Finding]:
        raise BotError("broken; mend it")

    later = replace(passing("journal"), needs=("data",), covers=("service",))
    assert await examined(Check("data", fail), later) == [
        Finding("FAIL", "data", "broken", "mend it"),
        skip("journal", "see data"),
        skip("service", "see data"),
    ]


async def test_what_goes_by_a_variable_that_cannot_be_read_is_skipped() -> None:
    """It would go by a default that nobody chose."""
    check = replace(passing("timezone"), reads=("TIMEZONE",))
    found = await examined(check, faults=("TIMEZONE: no zone",))
    assert found == [skip("timezone", "TIMEZONE cannot be read")]


@pytest.mark.parametrize(("url", "why"), [(None, "see data"), ("mongodb://h", "see mongodb")])
async def test_only_the_embedded_mongodb_needs_the_directory(url: str | None, why: str) -> None:
    """What is in MongoDB is skipped for that, or because the server did not answer."""
    found = await examined(*IN_MONGODB, mongo_url=url)
    assert found == [skip(check.name, why) for check in IN_MONGODB]
