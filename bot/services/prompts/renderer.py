"""What a prompt in the outbox says when it is sent: decided then, from what is stored then."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta, tzinfo
from typing import Any

from bot.core.answers.keyboards import prompt_keyboard
from bot.core.answers.message import MessageEdit, ShownAnswer, show_again, show_noted
from bot.core.availability import texts as availability_texts
from bot.core.availability.asking import read_week_start
from bot.core.changes.because import read_change
from bot.core.i18n.language import Language
from bot.core.people.athlete import Athlete, Roster
from bot.core.prompts import older_copies, plan_news
from bot.core.prompts import texts as question_texts
from bot.core.prompts.older_copies import OlderCopy
from bot.core.prompts.prompt import InvalidPrompt, Prompt, PromptKind
from bot.core.shared.clock import Clock
from bot.core.summary.weekly_schedule import read_sunday
from bot.services.people.language_cache import LanguageCache
from bot.services.prompts.kinds import NO_KINDS, BelowQuestion, Composer, OwnKinds, RenderedPrompt
from bot.services.reports.week_report import WeekReports
from bot.store.prompts.prompts import PromptStore

_SUNDAY = 6


class PromptRenderer:
    """Writes what is due.

    Args:
        zone: TIMEZONE, for those who are no athletes.
        alerts: writes alerts and notices.
        kinds: those that other rooms write.
        below: asks more in the message with a question.
    """

    def __init__(
        self,
        alerts: Composer,
        prompts: PromptStore,
        roster: Callable[[], Roster | None],
        languages: LanguageCache,
        clock: Clock,
        zone: tzinfo,
        weeks: WeekReports,
        kinds: OwnKinds = NO_KINDS,
        below: BelowQuestion | None = None,
    ) -> None:
        self._alerts = alerts
        self._prompts = prompts
        self._asked: set[tuple[int, int | None]] = set()
        self._roster = roster
        self._languages = languages
        self._clock = clock
        self._zone = zone
        self._weeks = weeks
        self._kinds = kinds
        self._below = below

    async def compose(self, prompt: Prompt, athlete: Athlete | None) -> RenderedPrompt | None:
        """What to send; None if there is nothing to tell any more: pain that gave way, or was deleted, before
        anybody was told.

        Args:
            athlete: whose training it is about.

        Raises:
            StorageError: what it is about cannot be read now.
            InvalidPrompt: nothing can be said about it.
        """
        language = self._languages.of_athlete(athlete)
        match prompt.kind:
            case PromptKind.REMINDER:
                return await self._reminder(prompt, athlete, language)
            case PromptKind.ALERT | PromptKind.NOTICE:
                return await self._alerts.compose(prompt, athlete)
            case PromptKind.WEEKLY:
                return await self._weekly(prompt, athlete, language)
            case PromptKind.AVAILABILITY:
                return self._availability(prompt, language)
            case PromptKind.PLAN:
                chat_language = self._languages.of(prompt.chat_id)
                return RenderedPrompt(
                    plan_news.text(prompt.session_id, prompt.title, prompt.note, chat_language)
                )
            case PromptKind.WORD | PromptKind.DIGEST | PromptKind.PAIN:
                return await self._kinds[prompt.kind].compose(prompt, athlete)
            case PromptKind.SESSION:
                is_first = athlete is not None and await self._is_first(prompt)
                [reason] = await self._reasons(prompt, [prompt.plan or {}], athlete, language)
                question = self._question(prompt, athlete, language, is_first=is_first, reason=reason)
                return await self._with_more(question, prompt, athlete)

    async def _with_more(
        self, question: RenderedPrompt, prompt: Prompt, athlete: Athlete | None
    ) -> RenderedPrompt:
        """A question about a session, and what else is asked in its message."""
        more = None if athlete is None or self._below is None else await self._below.below(prompt, athlete)
        if more is None:
            return question
        text, rows, then = more
        keyboard = [*(question.keyboard or []), *rows]
        return replace(question, text=f"{question.text}\n\n{text}", keyboard=keyboard, then=then)

    async def _reminder(self, prompt: Prompt, athlete: Athlete | None, language: Language) -> RenderedPrompt:
        reasons = await self._reasons(prompt, prompt.sessions, athlete, language)
        return RenderedPrompt(question_texts.reminder(prompt.sessions, language, reasons))

    async def _reasons(
        self, prompt: Prompt, plans: Sequence[Mapping[str, Any]], athlete: Athlete | None, language: Language
    ) -> list[str | None]:
        """What in planned sessions came of the athlete's answers. In a group others would read it, too."""
        changes = [read_change(plan) for plan in plans]
        told = [change for change in changes if change is not None]
        if athlete is None or prompt.chat_id != athlete.user_id or not told:
            return [None] * len(changes)
        found = await self._weeks.reasons(athlete, told, language)
        return [None if change is None else found.get(change) for change in changes]

    def _availability(self, prompt: Prompt, language: Language) -> RenderedPrompt:
        start = read_week_start(prompt.session_id)
        if start is None:
            raise InvalidPrompt("sessionId: names no week; the bot alone asks about weeks")
        text = availability_texts.question(start, language)
        return RenderedPrompt(text, availability_texts.toggles(start, (), language))

    async def _weekly(self, prompt: Prompt, athlete: Athlete | None, language: Language) -> RenderedPrompt:
        sunday = read_sunday(prompt.session_id)
        if athlete is None or sunday is None or sunday.weekday() != _SUNDAY:
            raise InvalidPrompt(
                "sessionId: names no athlete's week; weekly summaries are made by the bot alone"
            )
        monday = sunday - timedelta(days=_SUNDAY)
        return RenderedPrompt(await self._weeks.weekly_message(athlete, monday, language))

    def older_copy(self, prompt: Prompt, athlete: Athlete | None, copy: OlderCopy) -> MessageEdit:
        """How an older message with a question looks: without buttons, and with where it goes on."""
        language = self._languages.of_athlete(athlete)
        question = self._question(replace(prompt, again=None), athlete, language)
        line = older_copies.line(copy, prompt.chat_id, prompt.thread_id, language)
        return MessageEdit(f"{question.text}\n\n{line}", html=True)

    def noted(
        self, prompt: Prompt, athlete: Athlete | None, shown: ShownAnswer | None, note: str | None
    ) -> MessageEdit:
        """How the message of a question looks when its note has changed.

        Args:
            shown: its answer, with the note; None: there is none yet.
            note: in short; None: there is none any more.
        """
        language = self._languages.of_athlete(athlete)
        if shown is not None:
            return show_again(self._question(replace(prompt, again=None), athlete, language).text, shown)
        question = self._question(prompt, athlete, language)
        return show_noted(question.text, note, question.keyboard or [])

    async def _is_first(self, prompt: Prompt) -> bool:
        """Whether nobody has been asked in this way before."""
        place = prompt.chat_id, prompt.user_id
        if prompt.again is not None or prompt.was_sent or place in self._asked:
            return False
        if await self._prompts.has_asked(*place):
            self._asked.add(place)
            return False
        return True

    def _question(
        self,
        prompt: Prompt,
        athlete: Athlete | None,
        language: Language,
        *,
        is_first: bool = False,
        reason: str | None = None,
    ) -> RenderedPrompt:
        zone = self._zone if athlete is None else athlete.hours.zone
        text = question_texts.prompt(
            prompt.title,
            prompt.note,
            language,
            again=prompt.again,
            plan=prompt.plan,
            day=prompt.day,
            today=self._clock().astimezone(zone).date(),
            reason=reason,
        )
        if is_first:
            text += f"\n\n{question_texts.words_count(language, is_private=prompt.chat_id > 0)}"
        return RenderedPrompt(text, prompt_keyboard(prompt.run_id, prompt.session_id, language))
