"""What taps are told: in the answer to the tap, in its message, and in the chat where neither will do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo
from functools import partial

from bot.core.answers import detail_texts, later, texts
from bot.core.answers.details import asides, next_question, question_after
from bot.core.answers.event import StoredAnswer
from bot.core.answers.message import MessageEdit, ShownAnswer, show
from bot.core.answers.payloads import Callback, DetailTap
from bot.core.answers.rules import NotWritten, Outcome
from bot.core.facts.answer_types import FeedbackType
from bot.core.facts.questions import Detail
from bot.core.i18n.language import Language
from bot.core.logbook.entry import is_logged
from bot.core.notes.lines import note_line
from bot.core.shared.clock import Clock
from bot.core.taps.judge import AnswerWrite, DetailSaved, DetailWrite, LaterOffer, Postponed, Verdict
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
from bot.services.answers.tap_writer import TapResult
from bot.services.chat.button_actions import ActionDone
from bot.services.chat.replies import CommandReplies
from bot.services.chat.reply import Reply
from bot.services.inbox.acknowledgements import Acknowledgements
from bot.services.people.language_cache import LanguageCache
from bot.services.telegram.callback_answers import CallbackAnswer, CallbackAnswerer
from bot.services.telegram.message_editor import MessageEditor
from bot.store.answers.feedback_events import Recorded
from bot.store.inbox.journal import Entry

_ONLY_MONGODB_TELLS = frozenset({Outcome.LATE, Outcome.UNKNOWN})
"""What may become of a tap that was told that it was received."""


@dataclass(frozen=True, slots=True)
class TapEntry:
    """A tap in the journal.

    Attributes:
        prompted: the message below which it was.
        language: of whoever tapped, when the tap was read: what it asks for may be to forget that.
    """

    entry: Entry
    tap: Tap
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
        acknowledgements: Acknowledgements,
        languages: LanguageCache,
        answerer: CallbackAnswerer,
        editor: MessageEditor,
        replies: CommandReplies,
        clock: Clock,
        late_after_days: int,
        asked: frozenset[Detail] = frozenset(),
    ) -> None:
        self._acknowledgements = acknowledgements
        self._languages = languages
        self._answerer = answerer
        self._editor = editor
        self._replies = replies
        self._clock = clock
        self._late_after_days = late_after_days
        self._asked = asked

    def refuse(self, tap: TapEntry, refusal: NotWritten) -> None:
        """Tell a tap that it is not written: nothing that is still to be stored can change that."""
        text = texts.not_written(refusal, self._late_after_days, tap.language)
        self._answer(tap, text, alert=True)

    def tell_received(self, tap: TapEntry, verdict: Verdict, *, is_kept: bool) -> None:
        """Tell a tap that waits for MongoDB what is known of it.

        Args:
            verdict: by what is in memory.
            is_kept: whether the journal has its file.
        """
        told = partial(self._acknowledgements.received_told, tap.entry.seq)
        if isinstance(verdict.decision, NotWritten):
            text = texts.not_written(verdict.decision, self._late_after_days, tap.language)
            self._answer(tap, text, alert=True, done=told)
        elif not is_kept:
            self._answer(tap, tap.language.texts.answers.not_kept, alert=True, done=told)
        else:
            is_certain = isinstance(verdict.decision, AnswerWrite)
            said = tap.language.texts.answers
            text = said.received if is_certain else said.received_unjudged
            self._acknowledgements.promise(tap.entry.seq)
            self._answer(tap, text, done=told)

    def report(self, tap: TapEntry, result: TapResult) -> None:
        """Tell what became of a tap, now that it is durable."""
        verdict = result.verdict
        match verdict.decision, result.result:
            case AnswerWrite() as write, Recorded() as recorded:
                self._confirm(tap, verdict, write, recorded)
            case DetailWrite() as write, DetailSaved() as saved:
                self._thank(tap, verdict, write.payload, saved)
            case _, ActionDone(say, is_alert, instead, change):
                self._answer(tap, say(tap.language), alert=is_alert)
                if instead is not None:
                    self._edit(verdict, partial(instead, tap.language))
                elif change is not None:
                    self._edit(verdict, partial(change, tap.prompted, tap.language))
            case _, LaterOffer(choices, zone):
                self._answer(tap, tap.language.texts.later.choose)
                if (postponing := _later_tap(tap, verdict, zone)) is not None:
                    self._edit(verdict, partial(later.offered, postponing, choices))
            case _, Postponed(again_at, zone, is_answered):
                self._answer(tap, texts.postponed(again_at, zone, self._clock(), tap.language))
                if not is_answered and (postponing := _later_tap(tap, verdict, zone)) is not None:
                    self._edit(verdict, partial(later.postponed, postponing, again_at))
            case _, NotWritten() as refusal:
                if (
                    self._acknowledgements.is_promised(tap.entry.seq)
                    and refusal.outcome in _ONLY_MONGODB_TELLS
                ):
                    text = texts.not_written(refusal, self._late_after_days, tap.language)
                    self._write_after(tap.entry, text)
                self.refuse(tap, refusal)
                if (stands := refusal.stands) is not None and stands.type is not None:
                    # Perhaps its message shows another answer: that one was given below a second message.
                    question = next_question(stands.type, stands.details, self._asked)
                    self._mark(tap, verdict, stands.type, stands, question)

    def apologise(self, entry: Entry) -> None:
        """Tell a tap, if it is one, that it could not be saved after all."""
        query_id = query_id_of(entry.update)
        if query_id is None:
            return
        language = self._languages.of(sender_of(entry.update), language_of_sender(entry.update))
        if self._acknowledgements.is_promised(entry.seq) or entry.answered:
            self._write_after(entry, language.texts.answers.not_saved_after_all)
        self._answer_once(entry, CallbackAnswer(query_id, language.texts.answers.not_saved, alert=True))

    def _confirm(self, tap: TapEntry, verdict: Verdict, write: AnswerWrite, recorded: Recorded) -> None:
        if not recorded.won and recorded.type is not write.event.type:
            text = texts.superseded(recorded.type, tap.language)
        elif write.is_news:
            text = texts.saved(recorded.type, tap.language)
        else:
            text = texts.saved_already(recorded.type, tap.language)
        self._answer(tap, text)
        question = next_question(recorded.type, recorded.details, self._asked)
        self._mark(tap, verdict, recorded.type, recorded, question)

    def _thank(self, tap: TapEntry, verdict: Verdict, payload: DetailTap, saved: DetailSaved) -> None:
        value = saved.answer.details.value(payload.detail)
        if payload.ask_again:
            text = tap.language.texts.details.asked_again
        elif payload.value is None or value is None:
            said = tap.language.texts.details
            text = said.left_out if value is None else said.kept
        else:
            text = detail_texts.saved(payload.detail, value or 0, tap.language)
        self._answer(tap, text)
        question = question_after(payload, saved.type, self._asked, saved.answer.details)
        self._mark(tap, verdict, saved.type, saved.answer, question)

    def _mark(
        self,
        tap: TapEntry,
        verdict: Verdict,
        type_: FeedbackType,
        stands: StoredAnswer | Recorded,
        question: Detail | None,
    ) -> None:
        """Show in the tapped message what counts, and what is asked next.

        Args:
            stands: the answer that counts, of this type.
            question: None: nothing is asked.
        """
        session, payload = verdict.facts.session, verdict.facts.payload
        if session is None:
            return
        shown = ShownAnswer(
            run_id=session.run_id,
            session_id=session.session_id,
            by_reference=isinstance(payload, Callback | DetailTap) and payload.is_reference,
            type=type_,
            details=stands.details,
            question=question,
            language=tap.language,
            asides=() if is_logged(session.run_id) else asides(type_, self._asked),
            note=note_line(stands.notes.lines),
        )
        self._edit(verdict, partial(show, tap.prompted, shown))

    def _edit(self, verdict: Verdict, render: Callable[[], MessageEdit]) -> None:
        tap = verdict.tap  # with the message, where the prompt record tells it
        if tap.chat_id is not None and tap.message_id is not None:
            self._editor.put(tap.chat_id, tap.message_id, render)

    def _answer(
        self, tap: TapEntry, text: str, *, alert: bool = False, done: Callable[[], None] = lambda: None
    ) -> None:
        self._answer_once(tap.entry, CallbackAnswer(tap.tap.query_id, text, alert=alert), done)

    def _answer_once(
        self, entry: Entry, answer: CallbackAnswer, done: Callable[[], None] = lambda: None
    ) -> None:
        """Answer a tap; further calls for it do nothing.

        Args:
            done: called when the answer is sent or given up.
        """
        if not self._acknowledgements.begin_answer(entry.seq):
            return
        if entry.answered:  # before a restart
            self._acknowledgements.answered(entry.seq)
            return

        def sent() -> None:
            done()
            self._acknowledgements.answered(entry.seq)

        try:
            self._answerer.put(answer, sent)
        except Exception:
            self._acknowledgements.abandon_answer(entry.seq)
            raise

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
            tap.update_id, tap.user_id, tap.chat_id, is_private, "", "", tap.language_code,
            message_id=tap.message_id,
            thread_id=tap.thread_id,
        )  # fmt: skip
        self._replies.put(message, lambda: None, Reply(text))


def _later_tap(tap: TapEntry, verdict: Verdict, zone: tzinfo) -> later.LaterTap | None:
    session = verdict.facts.session
    if session is None:
        return None
    return later.LaterTap(
        session.run_id, session.session_id, tap.prompted, zone, tap.tap.received_at, tap.language
    )
