"""The questions that follow an answer."""

from __future__ import annotations

from enum import StrEnum


class Detail(StrEnum):
    """A question after an answer; the value is the first part of its payload."""

    RPE = "rpe"
    PLACE = "where"
    PAIN = "pain"
    REASON = "reason"
