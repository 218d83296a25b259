"""What taps are told that could not be kept: the truth, once each, however often Telegram sends them."""

from __future__ import annotations

from collections.abc import Iterable

from bot.core.shared.clock import Clock
from bot.core.telegram.updates import TapUpdate, UnreadableUpdate, read_update
from bot.services.people.language_cache import LanguageCache
from bot.services.people.roster_cache import RosterCache
from bot.services.telegram.callback_answers import CallbackAnswer, CallbackAnswerer

_REMEMBERED = 10_000


class NotKeptNotice:
    """Answers the taps of athletes that the journal does not take; nobody else is answered."""

    def __init__(
        self, answerer: CallbackAnswerer, roster: RosterCache, languages: LanguageCache, clock: Clock
    ) -> None:
        self._answerer = answerer
        self._roster = roster
        self._languages = languages
        self._clock = clock
        self._told: dict[str, None] = {}  # in order

    def tell(self, updates: Iterable[object]) -> None:
        """These were not kept, and are not confirmed to Telegram, which sends them again for a while."""
        for update in updates:
            try:
                found = read_update(update, self._clock())
            except UnreadableUpdate:
                continue
            if isinstance(found, TapUpdate):
                self._tell(found)

    def _tell(self, update: TapUpdate) -> None:
        tap = update.tap
        if tap.query_id in self._told or not self._is_athlete(tap.user_id):
            return
        self._told[tap.query_id] = None
        if len(self._told) > _REMEMBERED:
            del self._told[next(iter(self._told))]
        language = self._languages.of(tap.user_id, tap.language_code)
        self._answerer.put(
            CallbackAnswer(tap.query_id, language.texts.answers.not_kept, alert=True), lambda: None
        )

    def _is_athlete(self, user_id: int | None) -> bool:
        # The rest of the roster may not have been read yet.
        return user_id in self._roster.user_ids or self._roster.athlete(user_id) is not None
