"""What the coach reads about pain, and when it rings: decided when it is sent, by what was told before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import tzinfo

from bot.core.answers.details import Details, read_details
from bot.core.answers.keyboards import Keyboard
from bot.core.i18n.language import Language
from bot.core.notes.lines import Notes
from bot.core.pain.alerting import HURTS, Showing, ToldPain, read_told, rings
from bot.core.pain.stored import level_of, read_verdict, spot_of
from bot.core.people.athlete import Athlete, Roster
from bot.core.prompts import coach_alert_texts
from bot.core.prompts.coach_alert_texts import PainReport
from bot.core.prompts.prompt import Prompt, PromptKind
from bot.core.shared.tolerant import read_int64
from bot.core.summary.stored_documents import read_answer, read_day, read_when
from bot.core.telegram.action_payloads import Action, format_action
from bot.services.people.language_cache import LanguageCache
from bot.services.prompts.kinds import RenderedPrompt
from bot.store.mongodb.client import Document
from bot.store.prompts.coach_alerts import CoachAlertStore


class AlertWriter:
    """Writes alerts and notices; see `bot.services.prompts.kinds.Composer`.

    Args:
        zone: TIMEZONE, for those who are no athletes.
    """

    def __init__(
        self,
        alerts: CoachAlertStore,
        roster: Callable[[], Roster | None],
        languages: LanguageCache,
        zone: tzinfo,
    ) -> None:
        self._alerts = alerts
        self._roster = roster
        self._languages = languages
        self._zone = zone

    async def compose(self, prompt: Prompt, athlete: Athlete | None) -> RenderedPrompt | None:
        """None for pain that gave way, or was deleted, before anybody was told."""
        if prompt.kind is PromptKind.NOTICE:
            pain, _ = await self._pain(prompt)
            asked = read_int64((prompt.about or {}).get("messageId")) if prompt.chat_id < 0 else None
            text = coach_alert_texts.notice(pain, self._languages.of_athlete(athlete))
            return RenderedPrompt(text, quotes=asked)
        # A private chat has its user's id.
        language = self._languages.of(prompt.chat_id)
        pain, alert = await self._pain(prompt)
        hurts = pain.type is None or pain.type.facts.alerts_coach
        if not alert or (not prompt.was_sent and not hurts):
            return None
        if alert.get("supersededBy") is not None:
            return self._closed(prompt, pain, alert, language) if prompt.was_sent else None
        text = coach_alert_texts.alert(replace(pain, seen_by=None, seen_at=None), self._zone, language)
        now = ToldPain(spot_of(pain.details), level_of(pain.details), pain.note)
        told = read_told(alert.get("told")) if prompt.was_sent else None
        is_news = told is not None and told.text != text
        if told is not None and is_news and hurts and self._rings(told.pain, now, alert, pain):
            await self._alerts.succeed(prompt)
            return self._closed(prompt, pain, alert, language)
        if is_news and pain.seen_by is not None:  # what was seen is not shown below newer words
            pain = replace(pain, seen_by=None, seen_at=None)
        showing = Showing(text, now).to_document(is_new=not prompt.was_sent)
        await self._alerts.prepare(prompt, showing, is_seen=pain.seen_by is not None)
        return self._shown(prompt, text, pain, str(alert.get("reference")), language)

    def _shown(
        self, prompt: Prompt, text: str, pain: PainReport, reference: str, language: Language
    ) -> RenderedPrompt:
        keyboard: Keyboard = []
        if pain.seen_by is None:
            seen = format_action(Action.SEEN, reference)
            keyboard = [[{"text": language.texts.coach_alerts.seen_button, "callback_data": seen}]]
        else:
            text += coach_alert_texts.seen_line(pain, self._zone, language)
        return RenderedPrompt(text, keyboard, prompt.message_id if prompt.was_sent else None)

    def _closed(
        self, prompt: Prompt, pain: PainReport, alert: Document, language: Language
    ) -> RenderedPrompt:
        """The message as it was, in whose place there is a newer one."""
        told = read_told(alert.get("told"))
        text = "" if told is None else told.text
        text += coach_alert_texts.seen_line(pain, self._zone, language)
        text += f"\n\n{language.texts.pain.told_anew}"
        return RenderedPrompt(text.strip(), [], prompt.message_id)

    def _rings(self, told: ToldPain, now: ToldPain, alert: Document, pain: PainReport) -> bool:
        sent_at = read_when(alert.get("rangAt"), self._zone) or read_when(alert.get("sentAt"), self._zone)
        changed_at = read_when(alert.get("changedAt"), self._zone)
        if sent_at is None or changed_at is None:
            return False
        return rings(told, now, sent_at=sent_at, at=changed_at, is_seen=pain.seen_by is not None)

    async def _pain(self, prompt: Prompt) -> tuple[PainReport, Document]:
        event, question, alert = await self._alerts.contents(prompt)
        alert, question = alert or {}, question or {}
        is_report = (prompt.about or {}).get("reportId") is not None
        answer = None if event is None or is_report else read_answer(event)
        plan = question.get("plan")
        title = question.get("title") or (plan.get("activity") if isinstance(plan, dict) else None)
        seen_by = alert.get("seenBy")
        type_ = None if answer is None else answer.type
        pain = PainReport(
            who=self._name(prompt, event),
            title=str(title) if title else None,
            day=read_day(question.get("date")) or (None if answer is None else answer.date),
            type=HURTS if is_report and event is not None else type_,
            details=Details() if event is None else read_details(event),
            note=None if answer is None else answer.note,
            notes=Notes() if answer is None else answer.notes,
            seen_by=str(seen_by) if seen_by else None,
            seen_at=read_when(alert.get("seenAt"), self._zone),
            is_report=is_report,
            verdict=None if event is None or not is_report else read_verdict(event),
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
