"""Documents are found in what tools wrap round them, and what was taken off is said."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.core.records.incoming import unpack
from bot.core.records.models import RunEvent

RUN = {"runId": "r", "status": "success"}
OTHER = {"runId": "s", "status": "failure"}
OBJECT_ID = "65f0aa0000000000000000aa"


@pytest.mark.parametrize(
    ("value", "documents", "readings"),
    [
        (RUN, [RUN], []),
        ({"json": RUN}, [RUN], ["took off n8n's `json`"]),
        ({"json": RUN, "pairedItem": {"item": 0}}, [RUN], ["took off n8n's `json`"]),
        ({"output": RUN}, [RUN], ["took off n8n's `output`"]),
        ({"output": json.dumps(RUN)}, [RUN], ["took off n8n's `output`, the text round its JSON"]),
        (
            {"json": {"output": f"Here:\n```json\n{json.dumps(RUN)}\n```\nBye"}},
            [RUN],
            ["took off n8n's `json`, n8n's `output`, the text round its JSON"],
        ),
        (
            {"json": [RUN, {"json": OTHER}]},
            [RUN, OTHER],
            ["took off n8n's `json`", "took off n8n's `json`"],
        ),
        ({**RUN, "json": {"kept": 1}}, [{**RUN, "json": {"kept": 1}}], []),
        ({"json": RUN, "output": OTHER}, [{"json": RUN, "output": OTHER}], []),
        ([RUN], [[RUN]], []),  # an array in a line is no document
        ("text", ["text"], []),
    ],
)
def test_what_is_wrapped_up(value: Any, documents: list[Any], readings: list[str]) -> None:
    """Taken off is only what has nothing beside it that could be meant."""
    assert unpack(value, RunEvent) == (documents, readings)


@pytest.mark.parametrize("key", [OBJECT_ID, OBJECT_ID.upper()])
def test_an_object_id_is_left_out(key: str) -> None:
    """The `_id` that MongoDB gave a document elsewhere is no part of it; that it is left out is said."""
    [document], [reading] = unpack({"_id": key, **RUN}, RunEvent)
    assert "`_id`" in reading
    assert "_id" not in RunEvent.of(document).to_update_fields()
    assert RunEvent.of(document) == RunEvent.of(RUN)
