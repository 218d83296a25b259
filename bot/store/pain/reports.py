"""The collection `pain_reports`: pain that athletes tell of without a session, or say how it is by now.

`{userId, reportId, athleteId, chatId, pain, verdict, saidAt, receivedAt, updateId, createdAt}`: `pain` and
`saidAt` as in `feedback_events`, `verdict` one of `bot.core.pain.episodes.Verdict`, `receivedAt` and
`updateId` those of what was said last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo import UpdateOne

from bot.core.answers.details import senseless_after
from bot.core.facts.questions import FIELDS, Detail
from bot.core.pain.episodes import Verdict
from bot.core.pain.stored import PAIN
from bot.core.records.collections import PAIN_REPORTS
from bot.core.shared.errors import StorageUnavailable
from bot.core.shared.update_order import UpdateStamp
from bot.store.mongodb.client import Database, Document, storage_errors, write_all
from bot.store.mongodb.indexes import hold_keys_if_possible
from bot.store.mongodb.update_order import is_after, is_until

COLLECTION = PAIN_REPORTS.name

_TRIES = 3


@dataclass(frozen=True, slots=True)
class ReportKey:
    """Whose report, and which of theirs."""

    user_id: int
    report_id: str


class PainReportStore:
    """Writes and reads of `pain_reports`. All methods raise `StorageUnavailable`, `StorageRejected`."""

    def __init__(self, db: Database) -> None:
        self._reports = db[COLLECTION]

    async def say(
        self,
        report: ReportKey,
        said: Mapping[Detail, int | str],
        stamp: UpdateStamp,
        *,
        athlete_id: str,
        chat_id: int,
        verdict: Verdict | None = None,
    ) -> Document:
        """Put what was said into a report; of what is said twice the later word stays.

        Args:
            verdict: None: that is not said.

        Returns:
            The report as it stands now.
        """
        key = {"userId": report.user_id, "reportId": report.report_id}
        request = UpdateOne(key, _stages(said, stamp, athlete_id, chat_id, verdict), upsert=True)
        await hold_keys_if_possible(self._reports.database, COLLECTION)
        for _ in range(_TRIES):
            if not await write_all(self._reports, [request]):
                break  # else the first two words came at once
        else:
            raise StorageUnavailable("MongoDB keeps reporting a duplicate report of pain")
        return await self.find(report) or key

    async def find(self, report: ReportKey) -> Document | None:
        """A report."""
        key = {"userId": report.user_id, "reportId": report.report_id}
        with storage_errors():
            return await self._reports.find_one(key)

    async def newest(self, user_id: int, place: str, since: datetime) -> Document | None:
        """The report that tells of pain at a place, and was made or changed last, from then on."""
        said_at = f"saidAt.{Detail.PLACE.value}.at"
        query = {"userId": user_id, _path(Detail.PLACE): place, said_at: {"$gte": since}}
        with storage_errors():
            return await self._reports.find_one(query, sort=[(said_at, -1)])


def forget_said(until: UpdateStamp) -> list[Document]:
    """An update that takes out of a report what was said before another one."""
    values = [(it.value, _path(it)) for it in FIELDS[PAIN]] + [("verdict", "verdict")]
    fields: Document = {"createdAt": {"$max": ["$createdAt", until.at]}}
    for name, path in values:
        said = f"$saidAt.{name}"
        is_later = {"$not": [is_until(until, f"{said}.updateId", f"{said}.at")]}
        stays = {"$and": [{"$eq": [{"$type": said}, "object"]}, is_later]}
        fields[path] = {"$cond": [stays, f"${path}", "$$REMOVE"]}
        fields[f"saidAt.{name}"] = {"$cond": [stays, said, "$$REMOVE"]}
    no_pain = {"$cond": [{"$eq": [f"${PAIN}", {}]}, "$$REMOVE", f"${PAIN}"]}
    return [{"$set": fields}, {"$set": {PAIN: no_pain}}]


def _stages(
    said: Mapping[Detail, int | str],
    stamp: UpdateStamp,
    athlete_id: str,
    chat_id: int,
    verdict: Verdict | None,
) -> list[Document]:
    at: Document = {"at": stamp.at, "updateId": stamp.update_id}
    values: list[tuple[str, str, Any]] = [(it.value, _path(it), value) for it, value in said.items()]
    if verdict is not None:
        values.append(("verdict", "verdict", verdict.value))
    fields: Document = {}
    for name, path, value in values:
        newer = _is_newer(stamp, name)
        fields[path] = {"$cond": [newer, {"$literal": value}, f"${path}"]}
        fields[f"saidAt.{name}"] = {"$cond": [newer, at, f"$saidAt.{name}"]}
    for detail, value in said.items():
        newer = _is_newer(stamp, detail.value)
        for gone in senseless_after(detail, value):
            if (path := _path(gone)) not in fields:
                fields[path] = {"$cond": [newer, "$$REMOVE", f"${path}"]}
                fields[f"saidAt.{gone.value}"] = {"$cond": [newer, "$$REMOVE", f"$saidAt.{gone.value}"]}
    is_last = {
        "$or": [
            {"$eq": [{"$type": "$receivedAt"}, "missing"]},
            is_after(stamp.update_id, stamp.at, "$updateId", "$receivedAt"),
        ]
    }
    last = {
        "receivedAt": {"$cond": [is_last, stamp.at, "$receivedAt"]},
        "updateId": {"$cond": [is_last, stamp.update_id, "$updateId"]},
    }
    made = {
        "athleteId": {"$literal": athlete_id},
        "chatId": str(chat_id),
        "createdAt": {"$ifNull": ["$createdAt", stamp.at]},
    }
    return [{"$set": {**made, **fields}}, {"$set": last}]


def _is_newer(stamp: UpdateStamp, name: str) -> Document:
    said = f"$saidAt.{name}"
    return {
        "$or": [
            {"$eq": [{"$type": f"{said}.at"}, "missing"]},
            is_after(stamp.update_id, stamp.at, f"{said}.updateId", f"{said}.at"),
        ]
    }


def _path(detail: Detail) -> str:
    return detail.facts.path
