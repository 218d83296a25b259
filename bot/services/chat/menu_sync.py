"""Keeps the menus of commands at Telegram as the roster says. Nothing waits for it, nothing fails with it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from bot.core.people.menu import APPS, Menu, Scope, menus
from bot.core.shared.errors import TelegramError, TelegramRateLimited, TelegramRejected
from bot.logs import Recurring
from bot.services.people.language_cache import LanguageCache
from bot.services.people.roster_cache import RosterCache
from bot.services.periodic import FaultLog, repeat
from bot.services.telegram.api import MenuApi

log = logging.getLogger(__name__)

_INTERVAL = 5.0
# Telegram knows no chat with somebody who has not started the bot yet.
_TRY_REJECTED_AFTER = 3_600.0
_TRY_FAILED_AFTER = 60.0


class MenuSync:
    """Sets the menus that have changed since they were set last.

    Args:
        admins: ADMIN_IDS.
        coach_chat_id: COACH_CHAT_ID.
    """

    def __init__(
        self,
        api: MenuApi,
        roster: RosterCache,
        languages: LanguageCache,
        admins: frozenset[int],
        monotonic: Callable[[], float] = time.monotonic,
        *,
        coach_chat_id: int | None = None,
    ) -> None:
        self._api = api
        self._roster = roster
        self._languages = languages
        self._admins = admins
        self._coach_chat_id = coach_chat_id
        self._monotonic = monotonic
        self._set: dict[Scope, Menu] = {}
        self._has_begun = False
        self._rejected: dict[Scope, tuple[Menu | None, float]] = {}
        self._resume_at = 0.0
        self._trouble = Recurring(log)
        self._faults = FaultLog(
            log,
            waits="menus wait",
            fails="setting menus fails",
            expected=(),
            defect_level=logging.WARNING,
            recurring=self._trouble,
        )

    async def run(self) -> None:
        """Keep them until cancelled."""
        await repeat(self.refresh, _INTERVAL, self._faults)

    async def refresh(self) -> None:
        """Set what differs, one after the other; where Telegram fails, the rest waits for a later time."""
        roster = self._roster.roster
        if roster is None or self._monotonic() < self._resume_at:
            return
        athletes = {a.user_id for a in roster.athletes if a.user_id is not None}
        wanted = menus(athletes, self._admins, self._languages.chosen, self._coach_chat_id)
        if not self._has_begun:
            # Who was removed while the bot was down may have a menu still: any but none.
            self._set |= {(chat_id, app): () for chat_id in roster.left for app in APPS}
            self._has_begun = True
        for scope in [*wanted, *(self._set.keys() - wanted.keys())]:
            menu = wanted.get(scope)
            if menu == self._set.get(scope) or self._is_rejected(scope, menu):
                continue
            try:
                await self._put(scope, menu)
            except TelegramRejected as exc:
                log.info("the menu of a chat cannot be set: %s", exc)
                self._rejected[scope] = menu, self._monotonic() + _TRY_REJECTED_AFTER
            except TelegramError as exc:
                wait = exc.retry_after if isinstance(exc, TelegramRateLimited) else _TRY_FAILED_AFTER
                self._resume_at = self._monotonic() + wait
                self._trouble.met(f"menus cannot be set: {exc}", logging.INFO)
                return
        self._trouble.over("menus are set again")

    def _is_rejected(self, scope: Scope, menu: Menu | None) -> bool:
        """Whether Telegram has refused the same a short while ago."""
        rejected, until = self._rejected.get(scope, (None, 0.0))
        return scope in self._rejected and rejected == menu and self._monotonic() < until

    async def _put(self, scope: Scope, menu: Menu | None) -> None:
        chat_id, app = scope
        if menu is None:
            await self._api.delete_commands(chat_id, app)
            del self._set[scope]
        else:
            await self._api.set_commands(menu, chat_id, app)
            self._set[scope] = menu
        self._rejected.pop(scope, None)
