"""Answers: stored values as JSON, and pages of them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.responses import JSONResponse

from bot.store.mongodb.client import Document
from bot.store.records.pages import Page


async def page(found: Page, show: Callable[[Document], dict[str, Any]], **more: Any) -> JSONResponse:
    """A part of a list, each document as `show` has it, with the cursor of the next part.

    Args:
        more: what else to tell of it.
    """

    def render() -> JSONResponse:
        items = [show(document) for document in found.documents]
        return JSONResponse({"items": items, "next": found.next, **more})

    # Some megabytes take a while.
    return await asyncio.to_thread(render)


def remarks(
    readings: Counter[str], warnings: Sequence[dict[str, str]] = ()
) -> dict[str, list[dict[str, str]]]:
    """`warnings`, and as `readings` how a body was read that is not written as documented; what is empty is
    left out."""
    read = [
        {"field": "body", "text": text if times == 1 else f"{text} ({times} times)"}
        for text, times in readings.items()
    ]
    said = {"warnings": list(warnings), "readings": read}
    return {name: lines for name, lines in said.items() if lines}


def created(content: Mapping[str, Any], *, is_new: bool) -> JSONResponse:
    """A resource that a request made (201), or that was there already (200)."""
    return JSONResponse(dict(content), 201 if is_new else 200)
