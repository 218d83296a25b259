"""The buttons below the question of /forgetme: whether everything is to be deleted, after all."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial

from bot.core.answers.message import MessageEdit
from bot.core.answers.rules import Cause, NotWritten, Outcome
from bot.core.i18n.language import Language
from bot.core.people import privacy_texts
from bot.core.people.athlete import Athlete
from bot.core.people.texts import not_done
from bot.core.people.tombstone import DataSubject
from bot.core.shared.errors import StorageRejected
from bot.core.telegram.action_payloads import Action, ActionTap
from bot.core.telegram.updates import Tap
from bot.services.chat.button_actions import ActionDone, ActionHandler, ActionResult, ErasureBegun
from bot.services.people.erasure import CONFIRM_WITHIN, Erasure
from bot.store.people.tombstones import TombstoneStore

log = logging.getLogger(__name__)


class ErasureButtons:
    """Begins deletions that were asked for, or keeps everything."""

    def __init__(self, tombstones: TombstoneStore, erasure: Erasure) -> None:
        self._tombstones = tombstones
        self._erasure = erasure

    def handlers(self) -> Mapping[Action, ActionHandler]:
        """The buttons that are seen to here."""
        return {Action.FORGET: self._answer, Action.KEEP: self._answer}

    async def _answer(self, asked: ActionTap, tap: Tap, athlete: Athlete | None) -> ActionResult:
        if tap.user_id is None:
            return NotWritten(Outcome.REFUSED)
        user_id = tap.user_id
        listed = self._erasure.is_listed(user_id)
        done = ActionDone(privacy_texts.deleted, instead=partial(_forgotten, listed=listed))
        tombstone = (await self._tombstones.of([user_id])).get(user_id)
        if tombstone is not None and tombstone.at == tap.stamp:  # before a crash
            person = DataSubject(user_id, tombstone.athlete_id)
            return ErasureBegun(person, tap.stamp, done) if tombstone.is_open else done
        if tombstone is not None and tap.message_id is not None and tap.message_id == tombstone.message_id:
            return done  # the other button, or the same, was tapped before
        is_in_time = tap.prompt_at is not None and tap.received_at - tap.prompt_at <= CONFIRM_WITHIN
        since = None if tombstone is None else tombstone.at
        if not is_in_time or not await self._erasure.is_asked(user_id, since, tap.stamp):
            is_stranger = athlete is None and tombstone is None
            return NotWritten(Outcome.REFUSED, cause=None if is_stranger else Cause.NOT_ASKED)
        if asked.action is Action.KEEP:
            await self._erasure.keep(user_id, tap.stamp)
            return ActionDone(privacy_texts.kept, instead=_kept)
        try:
            person = await self._erasure.begin(user_id, athlete, tap.stamp, tap.message_id)
            return ErasureBegun(person, tap.stamp, done)
        except StorageRejected as exc:  # it must not hold up everybody's taps
            log.error("/forgetme cannot be carried out: %s", exc)
            return ActionDone(not_done, is_alert=True)


def _forgotten(language: Language, *, listed: bool) -> MessageEdit:
    return MessageEdit(privacy_texts.forgotten(language, listed=listed))


def _kept(language: Language) -> MessageEdit:
    return MessageEdit(privacy_texts.kept(language))
