"""Answers: stored values as JSON, and pages of them."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from starlette.responses import JSONResponse

from bot.core.clock import iso_utc
from bot.store.connection import Document
from bot.store.pages import Page


def as_json(value: object) -> Any:
    """A stored value as JSON can say it, whatever other writers left there: instants as ISO 8601 in UTC,
    NaN and infinities as null, MongoDB's own types as text."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else None
        case datetime():
            return iso_utc(value)
        case Mapping():
            return {str(name): as_json(item) for name, item in value.items()}
        case list():
            return [as_json(item) for item in value]
        case _:
            return str(value)


async def page(found: Page, show: Callable[[Document], dict[str, Any]]) -> JSONResponse:
    """A part of a list, each document as `show` has it, with the cursor of the next part."""

    def render() -> JSONResponse:
        return JSONResponse({"items": [show(document) for document in found.documents], "next": found.next})

    # Some megabytes take a while.
    return await asyncio.to_thread(render)


def created(content: Mapping[str, Any], *, is_new: bool) -> JSONResponse:
    """What a request made (201), or was there already (200)."""
    return JSONResponse(dict(content), 201 if is_new else 200)
