"""What is done for buttons that are no answers. Doing it again, after a crash, changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.core.actions import Action, ActionTap
from bot.core.feedback import Tap
from bot.core.language import Text
from bot.core.prompts import Kind
from bot.core.roster import Athlete
from bot.core.texts import actions as texts
from bot.store.connection import Document
from bot.store.letters import Letter, LetterStore


@dataclass(frozen=True, slots=True)
class Acted:
    """What was done.

    Attributes:
        say: the notice to who tapped.
        is_alert: a box that has to be closed, for what must be read.
        instead: what takes the place of the message with the button; None leaves it as it is.
    """

    say: Text
    is_alert: bool = False
    instead: Text | None = None


class Actions:
    """Carries out what buttons ask for."""

    def __init__(self, letters: LetterStore) -> None:
        self._letters = letters

    async def carry_out(self, wish: ActionTap, tap: Tap, athlete: Athlete | None) -> Acted:
        """Do it, durably.

        Args:
            tap: of somebody who may ask for it.
            athlete: who that is; None: none.

        Raises:
            StorageUnavailable, StorageRejected: doing it again is harmless.
        """
        match wish.action:
            case Action.SEEN:
                return await self._see(wish.argument, tap)
            case Action.FORGET | Action.KEEP:
                raise NotImplementedError(athlete)

    async def _see(self, reference: str, tap: Tap) -> Acted:
        if tap.chat_id is None:
            return Acted(texts.NO_ALERT, is_alert=True)
        name = tap.first_name or tap.username or str(tap.user_id)
        alert = await self._letters.see(reference, tap.chat_id, name, tap.update_id, tap.received_at)
        notice = None if alert is None else _notice(alert, tap)
        if alert is None or notice is None:
            return Acted(texts.NO_ALERT, is_alert=True)
        await self._letters.raise_([notice])
        return Acted(texts.SEEN)


def _notice(alert: Document, tap: Tap) -> Letter | None:
    """The news for the athlete; None if the alert does not say who that is."""
    about = alert.get("about") or {}
    chat_id, raised_by = about.get("chatId"), alert.get("raisedBy")
    if chat_id is None or not isinstance(raised_by, datetime):
        return None
    return Letter(
        kind=Kind.NOTICE,
        to=int(chat_id),
        session=(about["runId"], about["sessionId"], about["userId"]),
        session_key=about["sessionKey"],
        athlete_id=alert.get("athleteId"),
        chat_id=int(chat_id),
        message_id=about.get("messageId"),
        # Once for each time that the alert was raised, however often the button is tapped.
        raised_by=raised_by,
        version=tap.update_id,
        at=tap.received_at,
        seen_by=alert.get("seenBy"),
    )
