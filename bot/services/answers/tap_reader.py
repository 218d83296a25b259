"""Reads what judging taps needs: first from memory, then from MongoDB, for a batch at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.core.answers.event import Identity
from bot.core.answers.payloads import Callback
from bot.core.shared.clock import Clock
from bot.core.taps.judge import Lack, Place, PromptFacts, TapFacts, place_of, read_payload
from bot.core.telegram.action_payloads import ActionTap
from bot.core.telegram.updates import Tap
from bot.services.answers.tap_writer import TapStores
from bot.services.people.erasure_guard import ErasureGuard
from bot.services.people.roster_cache import RosterCache
from bot.store.prompts.prompts import AskedIn

_FRESH = timedelta(seconds=5)
"""Of a tap that has just come the tombstone is looked up beside the last write alone."""


class TapReader:
    """Gathers `TapFacts`."""

    def __init__(
        self,
        roster: RosterCache,
        guard: ErasureGuard,
        stores: TapStores,
        clock: Clock,
    ) -> None:
        self._roster = roster
        self._guard = guard
        self._ledger = stores.ledger
        self._prompts = stores.prompts
        self._events = stores.events
        self._clock = clock

    def in_memory(self, tap: Tap) -> TapFacts:
        """What is known at once; somebody unknown is not a stranger yet."""
        athlete = self._roster.athlete(tap.user_id)
        is_known = self._roster.athlete(tap.user_id, tap.stamp) is not None
        return TapFacts(tap, read_payload(tap), athlete, is_sender_known=is_known)

    async def read(self, taps: Sequence[Tap]) -> list[TapFacts]:
        """All that is needed to judge these taps, in their order.

        Raises:
            StorageError: it cannot be read.
        """
        tombstones = await self._guard.tombstones({tap.user_id for tap in taps if self._is_old(tap)})
        # Nothing is read that a deletion takes away which came before the taps and is not done yet.
        await self._guard.purge(tombstones, [(tap.user_id, tap.stamp) for tap in taps])
        facts = [replace(self.in_memory(tap), tombstone=tombstones.get(tap.user_id)) for tap in taps]
        facts = await self._with_senders(facts)
        facts = await self._with_prompts(facts)
        return await self._with_stored_answers(facts)

    def _is_old(self, tap: Tap) -> bool:
        return tap.received_at < self._clock() - _FRESH or self._guard.is_under_way(tap.user_id)

    async def _with_senders(self, facts: list[TapFacts]) -> list[TapFacts]:
        """Whoever is unknown may have been added a moment ago. What was refused of them before a crash stays
        refused."""
        unknown = [it.tap for it in facts if it.lack is Lack.SENDER]
        if not unknown:
            return facts
        await self._roster.loaded({tap.user_id for tap in unknown if tap.user_id is not None})
        joined = [tap.query_id for tap in unknown if self._roster.has_joined_since(tap.user_id, tap.stamp)]
        refused = await self._ledger.refused(joined) if joined else set()

        def with_sender(it: TapFacts) -> TapFacts:
            was_refused = it.tap.query_id in refused
            athlete = None if was_refused else self._roster.athlete(it.tap.user_id)
            return replace(it, athlete=athlete, is_sender_known=True)

        return [with_sender(it) if it.lack is Lack.SENDER else it for it in facts]

    async def _with_prompts(self, facts: list[TapFacts]) -> list[TapFacts]:
        """What only the prompt records tell: session, owner and time of a question."""
        lacking = [it for it in facts if it.lack is Lack.PROMPT]
        if not lacking:
            return facts
        references = {reference for it in lacking if (reference := it.reference) is not None}
        sessions = await self._prompts.resolve(references)
        resolved = [
            replace(it, prompt=PromptFacts(sessions.get(it.reference or "")))
            if it.lack is Lack.PROMPT
            else it
            for it in facts
        ]
        resolved = await self._with_messages(resolved)
        owners = await self._owners(resolved)
        return [it if it.prompt is None else await self._complete(it, it.prompt, owners) for it in resolved]

    async def _with_messages(self, facts: list[TapFacts]) -> list[TapFacts]:
        """Where the questions stand that were tapped in a mode in which Telegram does not say it: in the
        private chat of who tapped, in theirs, or where they are asked for."""
        keys = {
            (session.run_id, session.session_id)
            for it in facts
            if it.prompt is not None and it.has_no_message and (session := it.session) is not None
        }
        if not keys:
            return facts
        asked = await self._prompts.asked(keys)
        return [_with_message(it, asked) if it.has_no_message else it for it in facts]

    async def _complete(self, facts: TapFacts, prompt: PromptFacts, owners: Mapping[Place, int]) -> TapFacts:
        place = place_of(facts)
        owner = None if place is None else owners.get(place)
        return replace(facts, prompt=replace(prompt, owner=owner, sent_at=await self._sent_at(facts)))

    async def _owners(self, facts: Iterable[TapFacts]) -> Mapping[Place, int]:
        """Who alone may answer, by the place in a group."""
        places = [
            place
            for it in facts
            if it.prompt is not None and it.is_in_group and (place := place_of(it)) is not None
        ]
        keys = {(run_id, session_id) for run_id, session_id, _ in places}
        return await self._prompts.owners(keys, {chat_id for *_, chat_id in places}) if keys else {}

    async def _sent_at(self, facts: TapFacts) -> datetime | None:
        """When the question was asked, where that decides and the tapped message does not tell."""
        session, tap = facts.session, facts.tap
        if session is None or session.prompt_at is not None or not isinstance(facts.payload, Callback):
            return None
        return await self._prompts.sent_at(session.run_id, session.session_id, tap.chat_id, tap.message_id)

    async def _with_stored_answers(self, facts: list[TapFacts]) -> list[TapFacts]:
        sessions = [_answered(it) for it in facts]
        stored = await self._events.answers(session for session in sessions if session is not None)
        return [
            it if session is None else replace(it, stored=stored.get(session))
            for it, session in zip(facts, sessions, strict=True)
        ]


def _with_message(facts: TapFacts, asked: Sequence[AskedIn]) -> TapFacts:
    session, athlete = facts.session, facts.athlete
    if session is None or athlete is None or facts.prompt is None:
        return facts
    chats = (facts.tap.user_id, athlete.chat_id)
    found = next(
        (
            it
            for it in asked
            if it.session == (session.run_id, session.session_id)
            and (it.user_id == facts.tap.user_id if it.user_id is not None else it.chat_id in chats)
        ),
        None,
    )
    if found is None:
        return facts
    return replace(facts, tap=replace(facts.tap, chat_id=found.chat_id, message_id=found.message_id))


def _answered(facts: TapFacts) -> Identity | None:
    """The session about which an answer may stand that matters to the tap."""
    session = facts.session
    if session is None or facts.athlete is None or isinstance(facts.payload, ActionTap | None):
        return None
    return session.run_id, session.session_id, facts.tap.user_id
