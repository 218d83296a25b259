"""The HTTP API over real HTTP: in the test's own loop, on a free port, with a real MongoDB and journal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock
from zoneinfo import ZoneInfo

import httpx
from pymongo.asynchronous.database import AsyncDatabase

from bot.api.application import build
from bot.api.http.dependencies import ApiDependencies
from bot.api.http.server import HttpServer
from bot.core.people.athlete import Athlete, ContactHours, Roster
from bot.core.records.retention import DEFAULT_RETENTION
from bot.metrics import PrometheusMeters
from bot.services.health.vitals import VitalsMonitor
from bot.services.reports.figures import Figures
from bot.store.answers.tap_ledger import TapLedger
from bot.store.figures.figures import FigureStore
from bot.store.inbox.disk_journal import DiskJournal
from bot.store.prompts.prompts import PromptStore
from bot.tasks import end_tasks

API_TOKEN = "t" * 40
NOW = datetime(2026, 2, 16, 18, 42, 58, 123_000, tzinfo=UTC)  # a Monday
MADRID = ZoneInfo("Europe/Madrid")
ANA = Athlete("ana", 42, 42, ContactHours(MADRID), name="Ana")
BEN = Athlete("ben", 43, 43, ContactHours(ZoneInfo("America/Lima")))


async def openapi_document() -> dict[str, Any]:
    """The OpenAPI document, as it is served."""
    nothing: Any = MagicMock()  # only other requests use it
    deps = ApiDependencies(
        db=nothing,
        journal=nothing,
        roster=nothing,
        figures=nothing,
        clock=nothing,
        zone=ZoneInfo("UTC"),
        late_after_days=14,
        retention=DEFAULT_RETENTION,
        metrics_per_athlete=False,
        base_url="http://127.0.0.1:8080",
        monitor=nothing,
        metrics=nothing,
    )
    transport = httpx.ASGITransport(build(deps, API_TOKEN))
    async with httpx.AsyncClient(transport=transport, base_url=deps.base_url) as http:
        answer = await http.get("/openapi.json", headers={"Authorization": f"Bearer {API_TOKEN}"})
    document: dict[str, Any] = answer.raise_for_status().json()
    return document


@dataclass
class FixedRoster:
    """A roster that the test sets.

    Attributes:
        stored: what reading it again brings; None: the same.
    """

    roster: Roster = field(default_factory=lambda: Roster((ANA,)))
    stored: Roster | None = None

    async def loaded(self, user_ids: Collection[int] = ()) -> Roster:
        """The roster."""
        del user_ids
        return self.roster

    async def refresh(self) -> Roster:
        """What is stored."""
        self.roster = self.stored or self.roster
        return self.roster


class Time:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> None:
        """Let time pass."""
        self.now += timedelta(**span)


@dataclass
class Api:
    """A running API.

    Attributes:
        http: sends the token along.
    """

    url: str
    http: httpx.AsyncClient
    db: AsyncDatabase[dict[str, Any]]
    journal: DiskJournal
    roster: FixedRoster
    time: Time
    parts: ApiDependencies
    server: HttpServer

    async def get(self, path: str, status: int = 200, **parameters: object) -> Any:
        """The JSON of an answer with that status."""
        params = {name: str(value) for name, value in parameters.items()}
        return checked(await self.http.get(path, params=params), status)

    async def post(self, path: str, content: object, status: int | None = None) -> Any:
        """The JSON of an answer with that status; None: of a success."""
        return checked(await self.http.post(path, json=content), status)

    async def errors(self, path: str, content: object, status: int = 422) -> dict[str, str]:
        """What is wrong with a body, by field."""
        return by_field(await self.post(path, content, status))


def by_field(problem: Mapping[str, Any]) -> dict[str, str]:
    """The `errors` of problem details."""
    return {error["field"]: error["problem"] for error in problem["errors"]}


def checked(response: httpx.Response, status: int | None = None) -> Any:
    """The JSON of an answer, which is a problem's exactly if it is no success."""
    if status is None:
        assert response.status_code in (200, 201), response.text
    else:
        assert response.status_code == status, (response.status_code, response.text)
    if response.is_success:
        assert response.headers["content-type"] == "application/json"
        return response.json()
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem.keys() == {"type", "title", "status", "detail", "errors"}
    assert problem["status"] == response.status_code
    assert problem["detail"]
    assert all(error.keys() == {"field", "problem"} for error in problem["errors"])
    return problem


@asynccontextmanager
async def serving(
    db: AsyncDatabase[dict[str, Any]], folder: Path, *, token: str = API_TOKEN, zone: ZoneInfo = MADRID
) -> AsyncIterator[Api]:
    """Serve the API while the block runs."""
    journal, roster, time = DiskJournal(folder / "journal.sqlite3"), FixedRoster(), Time()
    await journal.open()
    monitor, meters = VitalsMonitor(db, journal, time), PrometheusMeters()

    figures = Figures(
        counts=FigureStore(db, time),
        prompts=PromptStore(db),
        ledger=TapLedger(db),
        journal=journal,
        roster=roster,
        clock=time,
        zone=zone,
        late_after_days=14,
        kept_days=180,
    )
    parts = ApiDependencies(
        db=db,
        journal=journal,
        roster=roster,
        figures=figures.collect,
        clock=time,
        zone=zone,
        late_after_days=14,
        retention=DEFAULT_RETENTION,
        metrics_per_athlete=False,
        base_url="http://127.0.0.1:8080",
        monitor=monitor,
        metrics=lambda vitals, accept: meters.page(vitals, None, accept),
    )
    server = HttpServer(build(parts, token), "127.0.0.1", 0)
    await server.bind()
    running = asyncio.create_task(server.run())
    try:
        headers = httpx.Headers([("Authorization", f"Bearer {token}")], encoding="utf-8")
        async with httpx.AsyncClient(
            base_url=server.url, headers=headers, timeout=60, trust_env=False
        ) as http:
            yield Api(server.url, http, db, journal, roster, time, parts, server)
    finally:
        assert await end_tasks([running], 50) == 0
        if not running.cancelled():
            running.result()
        await server.finish()
        await journal.close()
