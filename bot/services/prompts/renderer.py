"""What a prompt in the outbox says when it is sent: decided then, from what is stored then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta, tzinfo

from bot.core.answers.details import Details, read_details
from bot.core.answers.keyboards import Keyboard, prompt_keyboard
from bot.core.answers.message import MessageEdit, ShownAnswer, show_again, show_noted
from bot.core.availability import texts as availability_texts
from bot.core.availability.asking import read_week_start
from bot.core.i18n.language import Language
from bot.core.people.athlete import Athlete, Roster
from bot.core.prompts import coach_alert_texts, older_copies, plan_news
from bot.core.prompts import texts as question_texts
from bot.core.prompts.coach_alert_texts import PainReport
from bot.core.prompts.older_copies import OlderCopy
from bot.core.prompts.prompt import InvalidPrompt, Prompt, PromptKind
from bot.core.shared.clock import Clock
from bot.core.shared.tolerant import read_int64
from bot.core.summary.stored_documents import read_answer, read_day, read_when
from bot.core.summary.weekly_schedule import read_sunday
from bot.core.telegram.action_payloads import Action, format_action
from bot.services.people.language_cache import LanguageCache
from bot.services.prompts.kinds import NO_KINDS, OwnKinds, RenderedPrompt
from bot.services.reports.week_report import WeekReports
from bot.store.mongodb.client import Document
from bot.store.prompts.coach_alerts import CoachAlertStore
from bot.store.prompts.prompts import PromptStore

_SUNDAY = 6


class PromptRenderer:
    """Writes what is due.

    Args:
        zone: TIMEZONE, for those who are no athletes.
        kinds: those that other rooms write.
    """

    def __init__(
        self,
        coach_alerts: CoachAlertStore,
        prompts: PromptStore,
        roster: Callable[[], Roster | None],
        languages: LanguageCache,
        clock: Clock,
        zone: tzinfo,
        weeks: WeekReports,
        kinds: OwnKinds = NO_KINDS,
    ) -> None:
        self._coach_alerts = coach_alerts
        self._prompts = prompts
        self._asked: set[tuple[int, int | None]] = set()
        self._roster = roster
        self._languages = languages
        self._clock = clock
        self._zone = zone
        self._weeks = weeks
        self._kinds = kinds

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
                return RenderedPrompt(question_texts.reminder(prompt.sessions, language))
            case PromptKind.ALERT:
                return await self._alert(prompt)
            case PromptKind.NOTICE:
                pain, _ = await self._pain(prompt)
                asked = read_int64((prompt.about or {}).get("messageId")) if prompt.chat_id < 0 else None
                return RenderedPrompt(coach_alert_texts.notice(pain, language), quotes=asked)
            case PromptKind.WEEKLY:
                return await self._weekly(prompt, athlete, language)
            case PromptKind.AVAILABILITY:
                return self._availability(prompt, language)
            case PromptKind.PLAN:
                chat_language = self._languages.of(prompt.chat_id)
                return RenderedPrompt(plan_news.text(prompt.title, prompt.note, chat_language))
            case PromptKind.WORD | PromptKind.DIGEST:
                return await self._kinds[prompt.kind].compose(prompt, athlete)
            case PromptKind.SESSION:
                is_first = athlete is not None and await self._is_first(prompt)
                return self._question(prompt, athlete, language, is_first=is_first)

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
        self, prompt: Prompt, athlete: Athlete | None, language: Language, *, is_first: bool = False
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
        )
        if is_first:
            text += f"\n\n{question_texts.words_count(language, is_private=prompt.chat_id > 0)}"
        return RenderedPrompt(text, prompt_keyboard(prompt.run_id, prompt.session_id, language))

    async def _alert(self, prompt: Prompt) -> RenderedPrompt | None:
        # A private chat has its user's id.
        language = self._languages.of(prompt.chat_id)
        pain, alert = await self._pain(prompt)
        if not alert or (not prompt.was_sent and pain.type is not None and not pain.type.facts.alerts_coach):
            return None
        keyboard: Keyboard = []
        if pain.seen_by is None:
            seen = format_action(Action.SEEN, str(alert.get("reference")))
            keyboard = [[{"text": language.texts.coach_alerts.seen_button, "callback_data": seen}]]
        edits = prompt.message_id if prompt.was_sent else None
        return RenderedPrompt(coach_alert_texts.alert(pain, self._zone, language), keyboard, edits)

    async def _pain(self, prompt: Prompt) -> tuple[PainReport, Document]:
        event, question, alert = await self._coach_alerts.contents(prompt)
        alert, question = alert or {}, question or {}
        answer = None if event is None else read_answer(event)
        plan = question.get("plan")
        title = question.get("title") or (plan.get("activity") if isinstance(plan, dict) else None)
        seen_by = alert.get("seenBy")
        pain = PainReport(
            who=self._name(prompt, event),
            title=str(title) if title else None,
            day=read_day(question.get("date")) or (None if answer is None else answer.date),
            type=None if answer is None else answer.type,
            details=Details() if event is None else read_details(event),
            note=None if answer is None else answer.note,
            seen_by=str(seen_by) if seen_by else None,
            seen_at=read_when(alert.get("seenAt"), self._zone),
        )
        return pain, alert

    def _name(self, prompt: Prompt, event: Document | None) -> str:
        user_id = read_int64((prompt.about or {}).get("userId"))
        roster = self._roster()
        athlete = None if roster is None else roster.by_id(prompt.athlete_id) or roster.by_user(user_id)
        if athlete is not None and athlete.name:
            return athlete.name
        name, username = (prompt.about or {}).get("name"), (event or {}).get("username")
        tagged = f"@{username}" if isinstance(username, str) and username else ""
        if isinstance(name, str) and name:
            return f"{name} ({tagged})" if tagged else name
        return tagged or prompt.athlete_id or str(user_id)
