"""Updates of notes, in answers and where they wait for one: each line's last change counts. Pure.

Whatever order changes come in, and however often: MongoDB decides, in the update.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from bot.core.answers.event import NoteChange
from bot.core.notes.lines import MOST_LINES
from bot.store.mongodb.client import Document
from bot.store.mongodb.update_order import is_after

Expression: TypeAlias = Any
"""A value in an update pipeline: a constant, or an operator with its arguments."""


def note_stages(change: NoteChange, *, id_field: str = "noteMessageId") -> list[Document]:
    """The pipeline that brings a change into `notes`, and into what follows from these.

    Args:
        id_field: where the message of the last line stands.
    """
    marks = ["note"] if change.line is not None else ["note", change.mark]
    lines = _without(change) if change.line is None else _with(change, change.line.to_document())
    return [
        {"$set": {"notes": {"$let": {"vars": {"lines": stored_lines(id_field)}, "in": lines}}}},
        {"$set": {f"saidAt.{name}": _later(f"$saidAt.{name}", change) for name in marks}},
        *summed_up(id_field),
    ]


def stored_lines(id_field: str) -> Expression:
    """The lines of a document; the one note of an older release is one."""
    stored = {"$filter": {"input": "$notes", "as": "it", "cond": {"$eq": [{"$type": "$$it"}, "object"]}}}
    single = {
        "at": {"$ifNull": ["$saidAt.note.at", "$receivedAt"]},
        "text": "$note",
        "messageId": f"${id_field}",
        "updateId": {"$ifNull": ["$saidAt.note.updateId", "$updateId"]},
    }
    is_single = {"$and": [{"$isNumber": f"${id_field}"}, {"$eq": [{"$type": "$note"}, "string"]}]}
    return {"$cond": [{"$isArray": "$notes"}, stored, {"$cond": [is_single, [single], []]}]}


def summed_up(id_field: str) -> list[Document]:
    """Stages that write what follows from `notes`: the note as one text, its last message, attachments."""
    texts = {
        "$filter": {
            "input": {"$map": {"input": "$notes", "in": "$$this.text"}},
            "as": "text",
            "cond": {"$and": [{"$eq": [{"$type": "$$text"}, "string"]}, {"$ne": ["$$text", ""]}]},
        }
    }
    first = {"$eq": ["$$value", None]}
    joined = {"$cond": [first, "$$this", {"$concat": ["$$value", "\n", "$$this"]}]}
    attached = {
        "$reduce": {
            "input": {"$map": {"input": "$notes", "in": {"$ifNull": ["$$this.attachments", []]}}},
            "initialValue": [],
            "in": {"$concatArrays": ["$$value", "$$this"]},
        }
    }
    is_empty = {"$eq": ["$notes", []]}
    # What came with a button is no line, and stays as long as there is none.
    is_of_button = {"$and": [is_empty, {"$not": [{"$isNumber": f"${id_field}"}]}]}
    summed = {"$reduce": {"input": texts, "initialValue": None, "in": joined}}
    return [
        {
            "$set": {
                "note": {"$cond": [is_of_button, {"$ifNull": ["$note", None]}, summed]},
                id_field: {"$cond": [is_empty, "$$REMOVE", {"$last": "$notes.messageId"}]},
                "attachments": attached,
            }
        },
        {
            "$set": {
                name: {"$cond": [{"$eq": [f"${name}", []]}, "$$REMOVE", f"${name}"]}
                for name in ("notes", "attachments")
            }
        },
    ]


def _with(change: NoteChange, line: Document) -> Expression:
    """The lines with one that is written: in the place of the one that its message has, else in the order
    of writing."""
    new: Expression = {"$literal": line}
    sent_along = line.get("attachments", [])
    others = {
        "$filter": {
            "input": {"$ifNull": ["$$it.attachments", []]},
            "as": "attached",
            "cond": {"$not": [{"$in": ["$$attached.messageId", list(change.message_ids)]}]},
        }
    }
    attached = {"$concatArrays": [others, {"$literal": sent_along}]}
    changed: Expression = {
        "$mergeObjects": [
            "$$it",
            {"text": {"$literal": line["text"]}, "updateId": line["updateId"], "changedAt": change.stamp.at},
            {"$cond": [{"$eq": [attached, []]}, {}, {"attachments": attached}]},
        ]
    }
    ours = {"$filter": {"input": "$$lines", "as": "it", "cond": _is_of(change, "$$it")}}
    rewritten = {
        "$map": {
            "input": "$$lines",
            "as": "it",
            "in": {"$cond": [_is_changed(change), changed, "$$it"]},
        }
    }
    is_earlier = _was_written_before(line, "$$it")
    earlier = {"$filter": {"input": "$$lines", "as": "it", "cond": is_earlier}}
    later = {"$filter": {"input": "$$lines", "as": "it", "cond": {"$not": [is_earlier]}}}
    has_room = {"$lt": [{"$size": "$$lines"}, MOST_LINES]}
    added = {
        "$cond": [
            {"$and": [has_room, _stands(change)]},
            {"$concatArrays": [earlier, [new], later]},
            "$$lines",
        ]
    }
    return {"$cond": [{"$eq": [ours, []]}, added, rewritten]}


def _was_written_before(line: Document, other: str) -> Expression:
    """Whether another line was written before this one.

    In one chat messages are numbered in their order, whatever the clock did between.
    """
    is_here = {"$eq": [{"$ifNull": [f"{other}.chatId", None]}, line.get("chatId")]}
    by_number = {"$lte": [f"{other}.messageId", line["messageId"]]}
    return {"$cond": [is_here, by_number, {"$lte": [f"{other}.at", line["at"]]}]}


def _without(change: NoteChange) -> Expression:
    """The lines without the one that is taken back, unless it was written anew since."""
    return {"$filter": {"input": "$$lines", "as": "it", "cond": {"$not": [_is_changed(change)]}}}


def _is_changed(change: NoteChange) -> Document:
    """Whether a line, `$$it`, is of the change's messages, and was not changed since."""
    return {"$and": [_is_of(change, "$$it"), _is_before(change, "$$it")]}


def _is_of(change: NoteChange, line: str) -> Document:
    """Whether a line is of the change's messages."""
    chat = {
        "$in": [
            {"$ifNull": [f"{line}.chatId", None]},
            [None, *([] if change.chat_id is None else [str(change.chat_id)])],
        ]
    }
    ids = {"$concatArrays": [[f"{line}.messageId"], {"$ifNull": [f"{line}.attachments.messageId", []]}]}
    shared = {"$setIntersection": [ids, list(change.message_ids)]}
    return {"$and": [chat, {"$ne": [shared, []]}]}


def _is_before(change: NoteChange, line: str) -> Document:
    """Whether a line's last change came before this one."""
    at = {"$ifNull": [f"{line}.changedAt", f"{line}.at"]}
    return is_after(change.stamp.update_id, change.stamp.at, f"{line}.updateId", at)


def _stands(change: NoteChange) -> Document:
    """Whether a line was not taken back since it was written."""
    return _is_news(change, f"$saidAt.{change.mark}")


def _later(known: str, change: NoteChange) -> Expression:
    """The time of this change, unless a later one is noted in a field."""
    said = {"at": change.stamp.at, "updateId": change.stamp.update_id}
    return {"$cond": [_is_news(change, known), {"$literal": said}, known]}


def _is_news(change: NoteChange, known: str) -> Document:
    """Whether nothing is noted in a field, or the time of something earlier."""
    later = is_after(change.stamp.update_id, change.stamp.at, f"{known}.updateId", f"{known}.at")
    return {"$or": [{"$ne": [{"$type": known}, "object"]}, later]}
