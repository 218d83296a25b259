"""The documents in a value from outside, and how it was read where it is not as documented. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from bot.core.plans.shapes import unwrap
from bot.core.records.models import Record
from bot.core.shared.extended_json import is_object_id


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
