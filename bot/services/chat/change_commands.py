"""Commands that change something: languages, what is asked again, invitations that are accepted, and
the wish to have everything deleted, which is asked about first.

Everything is decided by the message and the time at which it was received. So a message that is carried out
again, after a crash, changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.core.answers.keyboards import Keyboard
from bot.core.facts.commands import Command
from bot.core.i18n.language import chosen_language
from bot.core.people import privacy_texts, texts
from bot.core.people.athlete import Athlete
from bot.core.people.invitations import hash_code, is_code
from bot.core.people.pauses import running
from bot.core.prompts.texts import pending as pending_text
from bot.core.telegram.action_payloads import Action, format_action
from bot.services.chat.commands import CommandRequest, Handler
from bot.services.chat.reply import Reply
from bot.services.people.language_cache import LanguageCache
from bot.services.people.roster_cache import RosterCache
from bot.services.reports.week_report import WeekReports
from bot.store.people.athletes import AthleteStore, UserTakenError
from bot.store.people.users import UserStore
from bot.store.prompts.prompts import PromptStore
from bot.store.prompts.undelivered import UndeliveredStore

MAX_REPEATED = 10
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
        undelivered: UndeliveredStore,
        weeks: WeekReports,
        users: UserStore,
        late_after_days: int,
    ) -> None:
        self._athletes = athletes
        self._roster = roster
        self._languages = languages
        self._prompts = prompts
        self._undelivered = undelivered
        self._weeks = weeks
        self._users = users
        self._late_after_days = late_after_days

    def handlers(self) -> Mapping[Command, Handler]:
        """The commands that are carried out here. They raise `StorageError`; doing it again is harmless."""
        return {
            Command.START: self._start,
            Command.LANGUAGE: self._choose_language,
            Command.PENDING: self._ask_pending,
            Command.FORGETME: self._ask_to_forget,
        }

    async def _start(self, request: CommandRequest) -> Reply:
        """Greets; with the code of an invitation, whoever opens it first is that athlete."""
        update, athlete, language = request.update, request.sender, request.language
        if not update.argument:
            hello = texts.welcome(
                update.user_id,
                language,
                athlete=athlete is not None,
                admin=request.is_admin,
                coach=request.is_coach_chat,
                pause=None if athlete is None else _running_pause(athlete, request),
            )
            return Reply(hello)
        if not update.is_private:
            return Reply(language.texts.people.invitation_private, is_refused=athlete is None)
        document = None
        try:
            if is_code(update.argument):
                code_hash = hash_code(update.argument)
                document = await self._athletes.redeem(
                    code_hash, update.user_id, update.chat_id, request.stamp
                )
        except UserTakenError:
            pass  # the roster may not know yet
        if document is not None:
            roster = await self._roster.refresh()
            welcome = roster.by_id(str(document["athleteId"]))
            return Reply(texts.enlisted(None if welcome is None else welcome.name, language))
        athlete = athlete or (await self._roster.loaded({update.user_id})).by_user(update.user_id)
        if athlete is not None:
            return Reply(texts.enlisted_before(athlete.name or athlete.athlete_id, language), is_refused=True)
        return Reply(texts.invitation_invalid(update.user_id, language), is_refused=True)

    async def _choose_language(self, request: CommandRequest) -> Reply:
        update, language = request.update, request.language
        argument = update.argument.strip().casefold()
        if not argument:
            return Reply(texts.present_language(language))
        if argument == _AUTO:
            await self._languages.choose(update.user_id, None, request.stamp)
            language = self._languages.of(update.user_id, update.language_code)
            return Reply(language.texts.languages.automatic)
        if (chosen := chosen_language(argument)) is None:
            return Reply(texts.language_usage(language))
        await self._languages.choose(update.user_id, chosen, request.stamp)
        return Reply(chosen.texts.languages.chosen)

    async def _ask_pending(self, request: CommandRequest) -> Reply:
        chat = {request.update.chat_id: request.at}
        arriving = await self._undelivered.open_chats(chat, self._late_after_days)
        questions = await self._weeks.open_questions(request.athlete, request.at)
        asked = await self._prompts.ask_pending(
            questions.open, questions.known, stamp=request.stamp, most=MAX_REPEATED
        )
        return Reply(pending_text(len(questions.open) + arriving, asked + arriving, request.language))

    async def _ask_to_forget(self, request: CommandRequest) -> Reply:
        user_id, language = request.update.user_id, request.language
        # Only who was asked can confirm it: anybody can send what the button sends.
        await self._users.asked_to_forget(user_id, request.stamp)
        buttons = language.texts.privacy
        keyboard: Keyboard = [
            [{"text": buttons.forget_button, "callback_data": format_action(Action.FORGET)}],
            [{"text": buttons.keep_button, "callback_data": format_action(Action.KEEP)}],
        ]
        is_listed = user_id in self._roster.user_ids
        return Reply(privacy_texts.warning(language, listed=is_listed), keyboard=keyboard)


def _running_pause(athlete: Athlete, request: CommandRequest) -> str | None:
    """That the athlete is on a pause; None: on none."""
    pause = athlete.pause_at(request.at)
    return None if pause is None else running(pause, athlete.hours.zone, request.language)
