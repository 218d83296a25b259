"""How an operation describes itself in the OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from bot.api.http.problems import MEDIA_TYPE
from bot.api.openapi.models import ProblemModel, ref

_WHY = {
    400: "The request is no HTTP/1.1.",
    401: "The bearer token is missing or wrong.",
    408: "The request came too slowly.",
    409: "What is stored stands against it; nothing was written.",
    413: "The body is larger than 1 MiB.",
    415: "The body is not JSON in UTF-8, or is compressed.",
    422: "A field cannot be used; `errors` names each one with the cure. Nothing was written.",
    431: "The headers are larger than 16 KiB.",
    500: "MongoDB refuses for good, or a defect; the log of the service says where.",
    503: "MongoDB does not answer, or the service stops. Send the same request again after `Retry-After`"
    " seconds: it has one effect however often it is sent.",
}
_ALWAYS = (400, 408, 422, 431, 500, 503)
_WITH_BODY = (413, 415)


def responses(
    success: Mapping[int, tuple[str, Mapping[str, Any]]],
    *,
    body: bool = False,
    closed: bool = True,
    more: tuple[int, ...] = (),
) -> dict[int | str, dict[str, Any]]:
    """Every answer of an operation, success and problems, for FastAPI's `responses`.

    Args:
        success: description and content (media type -> media type object) by status.
        body: whether it takes a body.
        closed: whether it needs the token.
        more: further problems that it may have.
    """
    problems = sorted({*_ALWAYS, *more, *((401,) if closed else ()), *(_WITH_BODY if body else ())})
    return {
        **{
            status: {"description": text, "content": dict(content)}
            for status, (text, content) in success.items()
        },
        **{status: _problem(status) for status in problems},
    }


def json_content(model: type[BaseModel], example: object) -> dict[str, Any]:
    """The content of an answer in JSON, for `responses`."""
    return {"application/json": {"schema": ref(model), "example": example}}


def request_body(
    schema: Mapping[str, Any], examples: Mapping[str, tuple[str, object]], description: str
) -> dict[str, Any]:
    """The `requestBody` of an operation, for `openapi_extra`.

    Args:
        examples: summary and value by name.
    """
    return {
        "requestBody": {
            "required": True,
            "description": description,
            "content": {
                "application/json": {
                    "schema": dict(schema),
                    "examples": {
                        name: {"summary": summary, "value": value}
                        for name, (summary, value) in examples.items()
                    },
                }
            },
        }
    }


def _problem(status: int) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if status == 503:
        headers["Retry-After"] = {"description": "Seconds.", "schema": {"type": "integer", "minimum": 1}}
    if status == 401:
        headers["WWW-Authenticate"] = {"description": "How to come in.", "schema": {"const": "Bearer"}}
    return {
        "description": _WHY[status],
        "content": {MEDIA_TYPE: {"schema": ref(ProblemModel)}},
        **({"headers": headers} if headers else {}),
    }
