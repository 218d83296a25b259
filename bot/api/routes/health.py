"""`/healthz`, `/readyz` and `/metrics`, which alone are open to anybody: they tell nothing about anybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from bot.api.http.dependencies import ApiDependencies
from bot.api.http.problems import Flaw, later
from bot.api.openapi import models
from bot.api.openapi.operations import json_content, responses
from bot.core.health.vitals import DRAINED_WITHIN, POLLED_WITHIN, Part, Vitals, broken, examine

_PROBLEMS: Mapping[Part, str] = {
    Part.TELEGRAM: f"was not reached in the last {POLLED_WITHIN.total_seconds():.0f} s; the log of the"
    " service says why",
    Part.MONGODB: "does not answer; taps are kept in the journal meanwhile or, if that is in MongoDB, by"
    " Telegram for 150 s",
    Part.JOURNAL: "cannot be written; free disk space, or restore write access to DATA_DIR or, with"
    " JOURNAL=mongodb, to the collection inbox",
    Part.BACKLOG: "the journal holds an update that has not been processed for more than"
    f" {DRAINED_WITHIN.total_seconds():.0f} s although MongoDB answers; the log of the service says why",
}
_TEXT = {"type": "string"}
_EXAMPLE = "feedback_bot_dead_letters 0.0\n"


def flaws(vitals: Vitals) -> Sequence[Flaw]:
    """The parts of the service that do not work; empty when it is ready."""
    return [Flaw(part.value, _PROBLEMS[part]) for part in broken(examine(vitals))]


def routes(deps: ApiDependencies) -> APIRouter:
    """The operations."""
    router = APIRouter(tags=["health"])

    async def healthz() -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz() -> Response:
        if found := flaws(await deps.monitor.look()):
            raise later("; ".join(map(str, found)), found)
        return JSONResponse({"status": "ready"})

    for path, endpoint, summary, status, model in (
        ("/healthz", healthz, "Whether the process lives", "ok", models.Healthy),
        ("/readyz", readyz, "Whether it can do its work", "ready", models.Ready),
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
                    " 503 names what is in the way: `telegram`, `mongodb`, `journal` or `backlog`."
                    if path == "/readyz"
                    else ""
                ),
                responses=responses({200: ("Yes.", json_content(model, {"status": status}))}, closed=False),
                include_in_schema=method == "GET",
            )

    async def metrics(request: Request) -> Response:
        vitals = await deps.monitor.recent()
        content, media_type = deps.metrics(vitals, request.headers.get("accept", ""))
        return Response(content, media_type=None, headers={"Content-Type": media_type})

    for method in ("GET", "HEAD"):
        router.add_api_route(
            "/metrics",
            metrics,
            methods=[method],
            operation_id=f"{method.lower()}Metrics",
            summary="Measurements for Prometheus",
            description="Needs no token: counts, times and states of the service, nothing about anybody.",
            responses=responses(
                {
                    200: (
                        "In Prometheus's text format, or as OpenMetrics if `Accept` asks for it.",
                        {
                            media_type: {"schema": _TEXT, "example": _EXAMPLE}
                            for media_type in ("text/plain", "application/openmetrics-text")
                        },
                    )
                },
                closed=False,
            ),
            include_in_schema=method == "GET",
        )
    return router
