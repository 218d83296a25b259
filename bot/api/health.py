"""`/healthz` and `/readyz`, which alone are open to anybody: they tell nothing about anybody."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import timedelta

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from bot.api import schemas
from bot.api.operations import json_content, responses
from bot.api.parts import Parts
from bot.api.problems import Flaw, later
from bot.core.clock import from_ms
from bot.core.errors import JournalError, StorageRejected, StorageUnavailable
from bot.journal import LAST_POLL_FACT
from bot.store.connection import ping, within

POLLED_WITHIN = timedelta(seconds=90)
"""A poll takes half a minute, and is tried again every few seconds."""

_PATIENCE = 2.0  # seconds, each
# Anybody may ask, as often as they like; MongoDB and the disk are asked once a second.
_REMEMBERED = 1.0


class Readiness:
    """Whether the service can do its work.

    Args:
        monotonic: seconds.
    """

    def __init__(self, parts: Parts, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._parts = parts
        self._monotonic = monotonic
        self._turn = asyncio.Lock()
        self._flaws: Sequence[Flaw] = ()
        self._looked_at: float | None = None

    async def flaws(self) -> Sequence[Flaw]:
        """What is in the way; empty when it is ready."""
        async with self._turn:
            if self._looked_at is None or self._monotonic() - self._looked_at >= _REMEMBERED:
                found = await asyncio.gather(self._telegram(), self._mongodb(), self._journal())
                self._flaws = [flaw for flaw in found if flaw is not None]
                self._looked_at = self._monotonic()
            return self._flaws

    async def _telegram(self) -> Flaw | None:
        try:
            async with asyncio.timeout(_PATIENCE):
                polled_ms = (await self._parts.journal.facts()).get(LAST_POLL_FACT)
        except (JournalError, TimeoutError):
            return Flaw("telegram", "the journal does not tell when Telegram was polled last")
        if polled_ms is not None and self._parts.clock() - from_ms(polled_ms) <= POLLED_WITHIN:
            return None
        seconds = POLLED_WITHIN.total_seconds()
        return Flaw(
            "telegram", f"was not polled in the last {seconds:.0f} s; the log of the service says why"
        )

    async def _mongodb(self) -> Flaw | None:
        try:
            with within(_PATIENCE):
                await ping(self._parts.db)
        except (StorageUnavailable, StorageRejected):
            return Flaw("mongodb", "does not answer; taps are kept in the journal meanwhile")
        return None

    async def _journal(self) -> Flaw | None:
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._parts.journal.check_writable()
        except (JournalError, TimeoutError):
            return Flaw("journal", "cannot be written; free disk space, or restore write access to DATA_DIR")
        return None


def routes(readiness: Readiness) -> APIRouter:
    """The operations."""
    router = APIRouter(tags=["health"])

    async def healthz() -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz() -> Response:
        if flaws := await readiness.flaws():
            raise later("; ".join(map(str, flaws)), flaws)
        return JSONResponse({"status": "ready"})

    for path, endpoint, summary, status in (
        ("/healthz", healthz, "Whether the process lives", "ok"),
        ("/readyz", readyz, "Whether it can do its work", "ready"),
    ):
        for method in ("GET", "HEAD"):
            router.add_api_route(
                path,
                endpoint,
                methods=[method],
                operation_id=f"{method.lower()}{path.strip('/').capitalize()}",
                summary=summary,
                description="Needs no token."
                + (
                    " 503 names what is in the way: `telegram`, `mongodb` or `journal`."
                    if path == "/readyz"
                    else ""
                ),
                responses=responses(
                    {200: ("Yes.", json_content(schemas.HEALTH[status], {"status": status}))}, closed=False
                ),
                include_in_schema=method == "GET",
            )
    return router
