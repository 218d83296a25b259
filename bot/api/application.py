"""The ASGI application: operations, what errors become, and the OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp

from bot import __version__
from bot.api.http.dependencies import ApiDependencies
from bot.api.http.guard import DOCS, OPENAPI, Guard, defect
from bot.api.http.problems import Flaw, Problem, invalid, later
from bot.api.http.queries import problem_of
from bot.api.openapi import models, page
from bot.api.routes import availability, feedback, health, messages, pain, plans, prompts, records, stats
from bot.core.shared.errors import (
    JournalError,
    StorageConflict,
    StorageError,
    StorageRejected,
    StorageUnavailable,
)
from bot.store.records.pages import BadCursorError

_DESCRIPTION = """\
For coach workflows: ask athletes about sessions, hand over plans, and read their answers back.

- **Idempotent**: the same request twice has one effect, and the answer says whether anything was left to do.
- **Instants** are ISO 8601 in UTC with milliseconds and `Z`; where you send one, any offset will do. Days are
  `YYYY-MM-DD`.
- **Errors** are problem details (RFC 9457); `errors` names each field at fault, with the cure.
- **503** means: send the same request again after `Retry-After` seconds.
"""
_TAGS = [
    {"name": "prompts", "description": "Questions about sessions."},
    {"name": "plans", "description": "Plans, which the service turns into questions by itself."},
    {"name": "feedback", "description": "What athletes answered."},
    {"name": "records", "description": "The collections of the coach workflow."},
    {"name": "stats", "description": "How the feedback is doing, for admins."},
    {"name": "health", "description": "For whoever watches the service; needs no token."},
]


def build(deps: ApiDependencies, token: str | None) -> ASGIApp:
    """The whole API; nothing runs yet.

    Args:
        token: HTTP_TOKEN; None: the API is off, and only what needs no token is there.
    """
    app = FastAPI(
        title="Feedback bot",
        version=__version__,
        summary="Asks athletes how each planned session went, and never loses an answer.",
        description=_DESCRIPTION,
        openapi_tags=_TAGS,
        servers=[{"url": deps.base_url, "description": "As HTTP_HOST and HTTP_PORT say."}],
        openapi_url=OPENAPI,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    # Only tells of the token; the guard in front asks for it.
    bearer = HTTPBearer(bearerFormat="HTTP_TOKEN", description="The token of HTTP_TOKEN.", auto_error=False)
    modules = (prompts, plans, feedback, pain, availability, messages, records, stats)
    routers = [module.routes(deps) for module in modules]
    for router in routers:
        app.include_router(router, dependencies=[Depends(bearer)])
    open_router = health.routes(deps)
    app.include_router(open_router)
    found = (route for router in (*routers, open_router) for route in router.routes)
    routes = [route for route in found if isinstance(route, APIRoute)]
    _handle_errors(app, routes)
    app.openapi = lambda: _openapi(app, routes)  # type: ignore[method-assign]  # as FastAPI's documentation says
    _show(app)
    return Guard(app, token)


def _show(app: FastAPI) -> None:
    """The page of the API, made at first sight."""
    headers = {"Content-Security-Policy": page.policy(), "Referrer-Policy": "no-referrer"}
    made: list[str] = []

    async def docs(_: Request) -> Response:
        if not made:
            made.append(page.render(app.openapi()))
        return HTMLResponse(made[0], headers=headers)

    app.add_route(DOCS, docs, methods=["GET"], include_in_schema=False)


def _openapi(app: FastAPI, routes: Sequence[APIRoute]) -> dict[str, Any]:
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            summary=app.summary,
            description=app.description,
            routes=app.routes,
            tags=app.openapi_tags,
            servers=app.servers,
        )
        document["components"].setdefault("schemas", {}).update(models.components())
        _say_it_all(document, routes)
        app.openapi_schema = document
    return app.openapi_schema


def _say_it_all(document: dict[str, Any], routes: Iterable[APIRoute]) -> None:
    """FastAPI leaves every null out, also from examples, and says of parameters what Python calls them."""
    for route in routes:
        for method in route.methods or ():
            operation = document["paths"].get(route.path, {}).get(method.lower())
            if operation is not None and route.include_in_schema:
                operation.update(route.openapi_extra or {})
                for parameter in operation.get("parameters", ()):
                    parameter["schema"] = _plain(parameter["schema"])
                for status, response in route.responses.items():
                    operation["responses"][str(status)]["content"] = response["content"]


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter's schema: what it is called stands beside it, and a query has no null."""
    kept = {name: value for name, value in schema.items() if name not in ("title", "description")}
    choices = [choice for choice in kept.pop("anyOf", ()) if choice != {"type": "null"}]
    return kept | (choices[0] if len(choices) == 1 else {"anyOf": choices} if choices else {})


def _handle_errors(app: FastAPI, routes: Iterable[APIRoute]) -> None:
    methods: dict[str, set[str]] = {path: {"GET", "HEAD"} for path in (OPENAPI, DOCS)}
    for route in routes:
        methods.setdefault(route.path, set()).update(route.methods or ())

    async def handle(request: Request, error: Exception) -> Response:
        match error:
            case Problem():
                problem = error
            case RequestValidationError():
                problem = problem_of(error)
            case BadCursorError():
                problem = invalid(Flaw("cursor", str(error)))
            case StorageUnavailable():
                problem = later(f"{error}; nothing is lost: send the same request again")
            case StorageConflict():
                problem = Problem(409, str(error), [Flaw("body", str(error))])
            case StorageRejected() | JournalError():
                problem = Problem(500, str(error))
            case HTTPException(status_code=404):
                problem = Problem.of(404, Flaw("path", "there is no such path; see /openapi.json"))
            case HTTPException(status_code=405):
                allowed = ", ".join(sorted(methods.get(request.url.path, ())))
                flaw = Flaw("method", f"is not one of this path; it has {allowed}")
                problem = Problem.of(405, flaw, Allow=allowed)
            case _:
                problem = defect()
        return problem.response()

    for kind in (
        Problem, RequestValidationError, HTTPException, BadCursorError,
        StorageError, JournalError, Exception,
    ):  # fmt: skip
        app.add_exception_handler(kind, handle)
