"""The documents in a value from outside, and how it was read where it is not as documented. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from bot.core.plans.shapes import unwrap
from bot.core.records.models import Record
from bot.core.shared.bson_json import BadValue
from bot.core.shared.extended_json import is_object_id


def unpack_one(value: object, model: type[Record], readings: Counter[str]) -> Any:
    """The only document in a value.

    Args:
        readings: counts what `unpack` tells.

    Raises:
        BadValue: there are more, or none.
    """
    if isinstance(value, list) and len(value) == 1 and unwrap(value[0])[1] is not None:
        [value] = value  # n8n's items are in an array even if there is one
    documents, taken_off = unpack(value, model)
    readings.update(taken_off)
    if len(documents) != 1:
        raise BadValue("", f"holds {len(documents)} documents; send one")
    return documents[0]


def unpack(value: object, model: type[Record]) -> tuple[list[object], list[str]]:
    """What stands in one value of an input: a document, or what a tool has wrapped up.

    Args:
        value: JSON, still to be checked.
        model: what the documents are to be.

    Returns:
        The documents, mostly one, and in words what was taken off or left out, once for each time.
    """
    inner, remark = unwrap(value)
    readings = [] if remark is None else [remark.text]
    documents = inner if remark is not None and isinstance(inner, list) else [inner]
    found: list[object] = []
    for document in documents:
        within, remark = (document, None) if document is inner else unwrap(document)
        readings += [] if remark is None else [remark.text]
        if isinstance(within, Mapping) and is_object_id(within.get("_id")):
            readings.append(f"left out `_id`, which is MongoDB's own: {model.KEY} tells documents apart")
        found.append(within)
    return found, readings
