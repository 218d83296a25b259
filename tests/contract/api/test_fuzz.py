"""Schemathesis against the whole API: what the OpenAPI document says is true, and nothing makes it fail."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from bot.store.mongodb.indexes import bootstrap
from tests.support.api import API_TOKEN, NOW, serving
from tests.support.processes import run_to_end


@pytest.mark.parametrize(
    "options",
    [
        # Every property at its bounds, every way of being wrong, every method that there is not.
        pytest.param(("--phases=examples,coverage",), id="coverage"),
        pytest.param(("--phases=fuzzing", "--max-examples=30"), id="fuzzing"),
    ],
)
async def test_schemathesis(
    options: tuple[str, ...], db: AsyncDatabase[dict[str, Any]], tmp_path: Path
) -> None:
    """No 5xx; statuses, headers, types and bodies as documented; what is against the schema is refused.

    What the schema allows may still be refused: it cannot say that a week begins on a Monday.
    """
    await bootstrap(db)
    async with serving(db, tmp_path) as api:
        await api.journal.append([], polled_at=NOW)  # it is ready
        await api.get("/openapi.json")  # made at first sight, for which Schemathesis has no patience
        done = await run_to_end(
            [
                str(Path(sys.executable).with_name("schemathesis")),
                "run",
                f"{api.url}/openapi.json",
                f"--url={api.url}",
                f"--header=Authorization: Bearer {API_TOKEN}",
                "--generation-deterministic",
                "--exclude-checks=positive_data_acceptance",
                "--continue-on-failure",
                "--request-timeout=5",
                "--no-color",
                "--warnings=off",
                *options,
            ],
            {"PATH": os.defpath, "HOME": str(tmp_path), "LANG": "C.UTF-8"},
            tmp_path,
            timeout=200,
        )
        assert (done.status, done.err) == (0, ""), done.out
        assert re.search(r"\b(\d{3,}) generated, \1 passed", done.out), done.out
