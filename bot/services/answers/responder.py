"""What taps are told: in the answer to the tap, in its message, and in the chat where neither will do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from bot.core.answers import detail_texts, texts
from bot.core.answers.details import Details, next_question, question_after
from bot.core.answers.event import FeedbackEvent
from bot.core.answers.message import MessageEdit, ShownAnswer, show
from bot.core.answers.payloads import Callback, DetailTap
from bot.core.answers.rules import NotWritten, Outcome
from bot.core.facts.answer_types import FeedbackType
from bot.core.facts.questions import Detail
from bot.core.i18n.language import Language
from bot.core.shared.clock import Clock
from bot.core.shared.errors import JournalError
from bot.core.telegram.updates import (
    CommandUpdate,
    Tap,
    TappedMessage,
    TapUpdate,
    UnreadableUpdate,
    language_of_sender,
    query_id_of,
    read_update,
    sender_of,
)
from bot.logs import describe_defect
from bot.services.answers.tap_handler import DetailSaved, Postponed, TapContext, TapHandler
from bot.services.chat.button_actions import ActionDone
from bot.services.chat.replies import CommandReplies
from bot.services.chat.reply import Reply
from bot.services.inbox.acknowledgements import Acknowledgements
from bot.services.people.language_cache import LanguageCache
from bot.services.telegram.callback_answers import CallbackAnswer, CallbackAnswerer
from bot.services.telegram.message_editor import MessageEditor
from bot.store.answers.feedback_events import Recorded
from bot.store.inbox.journal import Journal
from bot.store.inbox.journal_table import Entry

# How long a tap may wait for MongoDB before it is told that it was received.
ANSWER_WITHIN = timedelta(seconds=2)

# What the database may tell of an answer after all.
_NOT_FORESEEN = frozenset({Outcome.LATE, Outcome.UNKNOWN})
_INTERVAL = 0.5
_PAGE = 500


@dataclass(frozen=True, slots=True)
class TapEntry:
    """A tap in the journal.

    Attributes:
        prompted: the message below which it was.
        language: of whoever tapped, when the tap was read: what it asks for may be to forget that.
    """

    entry: Entry
    case: TapContext
    prompted: TappedMessage
    language: Language


class Responder:
    """Answers each tap once, and shows in its message what counts.

    Args:
        late_after_days: LATE_AFTER_DAYS, for those who come too late.
        asked: what athletes are asked about their answers.
    """

    def __init__(
        self,
        *,
        journal: Journal,
        books: Acknowledgements,
        taps: TapHandler,
        languages: LanguageCache,
        answerer: CallbackAnswerer,
        marker: MessageEditor,
        commands: CommandReplies,
        clock: Clock,
        late_after_days: int,
        asked: frozenset[Detail] = frozenset(),
    ) -> None:
        self._journal = journal
        self._books = books
        self._taps = taps
        self._languages = languages
        self._answerer = answerer
        self._marker = marker
        self._commands = commands
        self._clock = clock
        self._late_after_days = late_after_days
        self._asked = asked

    def refuse(self, taps: Iterable[TapEntry]) -> None:
        """Answer those of which is known that they will not be written."""
        for tap in taps:
            if isinstance(tap.case.verdict, NotWritten):
                self._answer(tap.entry, self._refusal(tap.case, tap.case.verdict))

    def report(self, tap: TapEntry) -> None:
        """Tell what came of a tap that is seen to."""
        case, language = tap.case, tap.language
        match case.result:
            case Recorded():
                self._confirm(tap, case.result, language)
            case DetailSaved():
                self._thank(tap, case.result, language)
            case ActionDone(say, is_alert, instead):
                self._answer(tap.entry, CallbackAnswer(case.tap.query_id, say(language), alert=is_alert))
                if instead is not None:
                    self._show(case.tap, partial(MessageEdit, instead(language), [], []))
            case Postponed(again_at, zone):
                text = texts.postponed(again_at, zone, self._clock(), language)
                self._answer(tap.entry, CallbackAnswer(case.tap.query_id, text))
            case NotWritten():
                refusal = self._refusal(case, case.result)
                if self._books.is_promised(tap.entry.seq) and case.result.outcome in _NOT_FORESEEN:
                    self._write_after(tap.entry, refusal.text)
                self._answer(tap.entry, refusal)
                if (stands := case.stands) is not None and stands.type is not None:
                    # Perhaps its message shows another answer: that one was given below a second message.
                    question = next_question(stands.type, stands.details, self._asked)
                    self._mark(tap, stands.type, stands.details, question, language)

    def apologise(self, entry: Entry) -> None:
        """Tell a tap, if it is one, that it could not be saved after all."""
        query_id = query_id_of(entry.update)
        if query_id is None:
            return
        language = self._languages.of(sender_of(entry.update), language_of_sender(entry.update))
        if self._books.is_promised(entry.seq) or entry.answered:
            self._write_after(entry, language.texts.answers.not_saved_after_all)
        self._answer(entry, CallbackAnswer(query_id, language.texts.answers.not_saved, alert=True))

    async def answer_the_waiting(self, is_idle: Callable[[], bool]) -> None:
        """Until cancelled, tell taps that wait for MongoDB that they were received.

        Those in a journal that has lost its file are told that they are not kept.
        """
        position = 0
        while True:
            await asyncio.sleep(_INTERVAL)
            if is_idle():
                continue
            try:
                waiting = await self._journal.unanswered(
                    after=position, before=self._clock() - ANSWER_WITHIN, limit=_PAGE
                )
            except JournalError:
                continue  # reported by those who must write
            is_kept = not waiting or await self._journal.is_kept(waiting[0].seq)
            for entry in self._books.unanswered(waiting):
                self._answer_early(entry, is_kept=is_kept)
            if waiting:
                position = waiting[-1].seq

    def _answer_early(self, entry: Entry, *, is_kept: bool) -> None:
        try:
            update = read_update(entry.update, entry.received_at)
            case = self._taps.judge(update.tap) if isinstance(update, TapUpdate) else None
        except Exception as exc:  # noqa: BLE001  # becomes a dead letter when its turn comes
            describe_defect(exc)
            return
        if case is None:
            return
        if isinstance(case.verdict, NotWritten):
            answer = self._refusal(case, case.verdict)
        elif not is_kept:
            language = self._languages.of(case.tap.user_id, case.tap.language_code)
            answer = CallbackAnswer(case.tap.query_id, language.texts.answers.not_kept, alert=True)
        else:
            language = self._languages.of(case.tap.user_id, case.tap.language_code)
            texts = language.texts.answers
            text = texts.received if case.is_answer else texts.received_unjudged
            answer = CallbackAnswer(case.tap.query_id, text)
            self._books.promise(entry.seq)
        self._answer(entry, answer, partial(self._books.received_told, entry.seq))

    def _confirm(self, tap: TapEntry, result: Recorded, language: Language) -> None:
        said = tap.case.verdict.type if isinstance(tap.case.verdict, FeedbackEvent) else None
        if not result.won and result.type is not said:
            text = texts.superseded(result.type, language)
        elif tap.case.is_new:
            text = texts.saved(result.type, language)
        else:
            text = texts.saved_already(result.type, language)
        self._answer(tap.entry, CallbackAnswer(tap.case.tap.query_id, text))
        question = next_question(result.type, result.details, self._asked)
        self._mark(tap, result.type, result.details, question, language)

    def _thank(self, tap: TapEntry, result: DetailSaved, language: Language) -> None:
        wish = tap.case.wish
        if not isinstance(wish, DetailTap):
            return
        details = result.standing.details
        if wish.ask_again:
            text = language.texts.details.asked_again
        elif wish.value is None or details.value(wish.detail) is None:
            is_said = details.value(wish.detail) is not None
            text = language.texts.details.kept if is_said else language.texts.details.left_out
        else:
            text = detail_texts.saved(wish.detail, details.value(wish.detail) or 0, language)
        self._answer(tap.entry, CallbackAnswer(tap.case.tap.query_id, text))
        question = question_after(wish, result.type, self._asked)
        self._mark(tap, result.type, details, question, language)

    def _mark(
        self,
        tap: TapEntry,
        type_: FeedbackType,
        details: Details,
        question: Detail | None,
        language: Language,
    ) -> None:
        """Show in its message what counts, and what is asked next."""
        session, wish = tap.case.session, tap.case.wish
        if session is None:
            return
        choice = ShownAnswer(
            run_id=session.run_id,
            session_id=session.session_id,
            by_reference=isinstance(wish, Callback | DetailTap) and wish.is_reference,
            type=type_,
            details=details,
            question=question,
            language=language,
        )
        self._show(tap.case.tap, partial(show, tap.prompted, choice))

    def _show(self, tap: Tap, render: Callable[[], MessageEdit]) -> None:
        if tap.chat_id is not None and tap.message_id is not None:
            self._marker.put(tap.chat_id, tap.message_id, render)

    def _refusal(self, case: TapContext, verdict: NotWritten) -> CallbackAnswer:
        language = self._languages.of(case.tap.user_id, case.tap.language_code)
        text = texts.not_written(verdict, self._late_after_days, language)
        return CallbackAnswer(case.tap.query_id, text, alert=True)

    def _answer(self, entry: Entry, answer: CallbackAnswer, done: Callable[[], None] = lambda: None) -> None:
        """Answer a tap once; further calls for it do nothing."""
        if not self._books.begin_answer(entry.seq):
            return
        if entry.answered:  # before a restart
            self._books.answered(entry.seq)
            return

        def sent() -> None:
            done()
            self._books.answered(entry.seq)

        self._answerer.put(answer, sent)

    def _write_after(self, entry: Entry, text: str) -> None:
        """Say in their chat what has become of a tap that was only told that it was received."""
        try:
            update = read_update(entry.update, entry.received_at)
        except UnreadableUpdate:
            return  # nor could it be told anything
        tap = update.tap if isinstance(update, TapUpdate) else None
        if tap is None or tap.user_id is None or tap.chat_id is None:
            return
        is_private = tap.chat_id == tap.user_id
        message = CommandUpdate(
            tap.update_id, tap.user_id, tap.chat_id, is_private, "", "", tap.language_code
        )
        self._commands.put(message, lambda: None, Reply(text))
