"""Messages that change something: pauses, languages, what is asked again, invitations that are accepted, and
the wish to have everything deleted, which is asked about first.

Everything is decided by the message and the time at which it was received. So a message that is seen to
again, after a crash, changes nothing.
"""

from __future__ import annotations

from datetime import datetime

from bot.core.answers.keyboards import Keyboard
from bot.core.facts.answering_window import closed_until
from bot.core.i18n.language import Language, chosen_language
from bot.core.people import privacy_texts, texts
from bot.core.people.athlete import Athlete
from bot.core.people.invitations import hash_code, is_code
from bot.core.people.pauses import read_pause_end
from bot.core.prompts.texts import pending as pending_text
from bot.core.shared.update_order import UpdateStamp
from bot.core.telegram.action_payloads import Action, format_action
from bot.core.telegram.updates import CommandUpdate
from bot.services.chat.reply import Reply
from bot.services.people.language_cache import LanguageCache
from bot.services.people.roster_cache import RosterCache
from bot.store.people.athletes import AthleteStore, UserTakenError
from bot.store.people.users import UserStore
from bot.store.prompts.prompts import PromptStore

MOST_PENDING = 10
"""So many questions come again at most: more would be a flood."""

_AUTO = "auto"


class ChangeCommands:
    """Carries out what athletes, and those who are invited to be, ask for.

    Args:
        late_after_days: LATE_AFTER_DAYS.
    """

    def __init__(
        self,
        athletes: AthleteStore,
        roster: RosterCache,
        languages: LanguageCache,
        prompts: PromptStore,
        users: UserStore,
        late_after_days: int,
    ) -> None:
        self._athletes = athletes
        self._roster = roster
        self._languages = languages
        self._prompts = prompts
        self._users = users
        self._late_after_days = late_after_days

    async def carry_out(
        self,
        command: CommandUpdate,
        athlete: Athlete | None,
        language: Language,
        *,
        is_admin: bool,
        received_at: datetime,
    ) -> Reply:
        """Make the change durable, if there is one to make.

        Args:
            athlete: who asks; None for somebody who is not on the roster.

        Raises:
            StorageError: doing it again is harmless.
        """
        if command.name == "start":
            return await self._accept(command, athlete, language, received_at)
        if command.name == "language":
            return await self._speak(command, athlete, language, received_at, is_admin=is_admin)
        if command.name == "pending":
            return await self._ask(command, athlete, language, received_at, is_admin=is_admin)
        if command.name == "forgetme":
            return await self._forget(command, athlete, language, received_at, is_admin=is_admin)
        if athlete is None:
            return Reply(language.texts.people.pause_for_athletes, is_refused=not is_admin)
        if not command.is_private:
            return Reply(language.texts.people.pause_private)
        if command.name == "resume":
            await self._athletes.resume(athlete.athlete_id, received_at, update_id=command.update_id)
            await self._roster.refresh()
            return Reply(language.texts.people.resumed)
        return await self._pause(command, athlete, language, received_at)

    async def _pause(
        self, command: CommandUpdate, athlete: Athlete, language: Language, since: datetime
    ) -> Reply:
        zone = athlete.hours.zone
        try:
            until = read_pause_end(command.argument, since, zone)
        except ValueError:
            return Reply(language.texts.people.pause_usage)
        # Who is on the roster by ATHLETE_IDS alone gets a document now.
        user_id = athlete.user_id if athlete.user_id in self._roster.user_ids else None
        known = await self._athletes.pause(
            athlete.athlete_id, since, until, user_id=user_id, now=since, update_id=command.update_id
        )
        await self._roster.refresh()
        if not known:  # removed a moment ago
            return Reply(language.texts.people.pause_for_athletes, is_refused=True)
        return Reply(texts.paused(until, zone, language))

    async def _speak(
        self,
        command: CommandUpdate,
        athlete: Athlete | None,
        language: Language,
        now: datetime,
        *,
        is_admin: bool,
    ) -> Reply:
        if athlete is None and not is_admin:
            return Reply(language.texts.languages.for_known, is_refused=True)
        if not command.is_private:
            return Reply(language.texts.languages.private)
        wish = UpdateStamp(command.update_id, now)
        argument = command.argument.strip().casefold()
        if not argument:
            return Reply(texts.present_language(language))
        if argument == _AUTO:
            await self._languages.choose(command.user_id, None, wish)
            language = self._languages.of(command.user_id, command.language_code)
            return Reply(language.texts.languages.automatic)
        if (chosen := chosen_language(argument)) is None:
            return Reply(texts.language_usage(language))
        await self._languages.choose(command.user_id, chosen, wish)
        return Reply(chosen.texts.languages.chosen)

    async def _ask(
        self,
        command: CommandUpdate,
        athlete: Athlete | None,
        language: Language,
        now: datetime,
        *,
        is_admin: bool,
    ) -> Reply:
        if athlete is None:
            return Reply(language.texts.pending.for_athletes, is_refused=not is_admin)
        if not command.is_private and command.chat_id != athlete.chat_id:
            return Reply(language.texts.pending.own_chat)
        number, asked = await self._prompts.ask_pending(
            athlete,
            wish=UpdateStamp(command.update_id, now),
            sent_after=closed_until(now, self._late_after_days),
            most=MOST_PENDING,
        )
        return Reply(pending_text(number, asked, language))

    async def _forget(
        self,
        command: CommandUpdate,
        athlete: Athlete | None,
        language: Language,
        now: datetime,
        *,
        is_admin: bool,
    ) -> Reply:
        if athlete is None:
            return Reply(language.texts.privacy.forget_for_athletes, is_refused=not is_admin)
        if not command.is_private:
            return Reply(language.texts.privacy.forget_private)
        # Only who was asked can confirm it: anybody can send what the button sends.
        await self._users.asked_to_forget(command.user_id, UpdateStamp(command.update_id, now))
        keyboard: Keyboard = [
            [{"text": language.texts.privacy.forget_button, "callback_data": format_action(Action.FORGET)}],
            [{"text": language.texts.privacy.keep_button, "callback_data": format_action(Action.KEEP)}],
        ]
        is_listed = command.user_id in self._roster.user_ids
        return Reply(privacy_texts.warning(language, listed=is_listed), keyboard=keyboard)

    async def _accept(
        self, command: CommandUpdate, athlete: Athlete | None, language: Language, now: datetime
    ) -> Reply:
        if not command.is_private:
            return Reply(language.texts.people.invitation_private, is_refused=athlete is None)
        document = None
        try:
            if is_code(command.argument):
                code_hash = hash_code(command.argument)
                wish = UpdateStamp(command.update_id, now)
                document = await self._athletes.redeem(code_hash, command.user_id, command.chat_id, wish)
        except UserTakenError:
            pass  # the roster may not know yet
        if document is not None:
            roster = await self._roster.refresh()
            welcome = roster.by_id(str(document["athleteId"]))
            return Reply(texts.enlisted(None if welcome is None else welcome.name, language))
        athlete = athlete or (await self._roster.loaded({command.user_id})).by_user(command.user_id)
        if athlete is not None:
            return Reply(texts.enlisted_before(athlete.name or athlete.athlete_id, language), is_refused=True)
        return Reply(texts.invitation_invalid(command.user_id, language), is_refused=True)
