"""Shows notes in the message of their question. Best effort: what counts is stored elsewhere."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from bot.core.answers.details import asides, next_question
from bot.core.answers.event import Identity, StoredAnswer
from bot.core.answers.message import MessageEdit, ShownAnswer, show, show_note
from bot.core.answers.payloads import needs_reference
from bot.core.facts.questions import Detail
from bot.core.i18n.language import Language
from bot.core.notes.lines import Notes, note_line
from bot.core.people.athlete import Roster
from bot.core.prompts.prompt import InvalidPrompt, PromptState, read_prompt
from bot.core.shared.tolerant import read_int64
from bot.logs import describe_defect
from bot.services.people.language_cache import LanguageCache
from bot.services.prompts.renderer import PromptRenderer
from bot.services.telegram.message_editor import MessageEditor
from bot.services.words.note_keeper import QuotedQuestion
from bot.store.mongodb.client import Document
from bot.store.words.sessions import SpokenSessionStore

log = logging.getLogger(__name__)

# A question after an answer is put once more for so long; later it would be a surprise.
_ASKS_FOR = timedelta(hours=1)
_SHOWN_IN = frozenset({PromptState.SENT.value, PromptState.ANSWERED.value})


class NotedQuestions:
    """Has the message of a question edited when its note has changed.

    Args:
        roster: the athletes; None as long as nobody knows them.
        asked: what athletes are asked about their answers.
    """

    def __init__(
        self,
        store: SpokenSessionStore,
        renderer: PromptRenderer,
        editor: MessageEditor,
        languages: LanguageCache,
        roster: Callable[[], Roster | None],
        asked: frozenset[Detail],
    ) -> None:
        self._store = store
        self._renderer = renderer
        self._editor = editor
        self._languages = languages
        self._roster = roster
        self._asked = asked

    async def show(
        self,
        session: Identity,
        answer: StoredAnswer | None,
        notes: Notes,
        at: datetime,
        quoted: QuotedQuestion | None = None,
    ) -> None:
        """Show how it stands with a session.

        Args:
            answer: None: there is none yet.
            at: when the note was changed.
            quoted: the question as it looked a moment ago, for where no record tells of it.

        Raises:
            StorageError: the question cannot be read.
        """
        run_id, session_id, user_id = session
        if user_id is None:
            return
        documents = await self._store.questions(run_id, session_id, user_id)
        # In a group it may be everybody's.
        if not documents and quoted is not None and quoted.chat_id == user_id:
            shown = self._answer(run_id, session_id, answer, notes, at, quoted.language)
            render = partial(_quoted, quoted, shown, note_line(notes.lines))
            self._editor.put(quoted.chat_id, quoted.message_id, render)
        for document in documents:
            try:
                self._show(document, answer, notes, at)
            except InvalidPrompt:  # somebody has changed it since it was sent
                continue
            except Exception as exc:  # noqa: BLE001  # the note is kept all the same
                log.error("a note cannot be shown in its question: %s", describe_defect(exc))

    def _show(self, document: Document, answer: StoredAnswer | None, notes: Notes, at: datetime) -> None:
        prompt = read_prompt(document)
        message_id = _message(document)
        if message_id is None or document.get("state") not in _SHOWN_IN:
            return
        roster = self._roster()
        athlete = (
            None
            if roster is None
            else roster.whose(prompt.athlete_id, prompt.user_id, prompt.chat_id, prompt.thread_id)
        )
        language, note = self._languages.of_athlete(athlete), note_line(notes.lines)
        shown = self._answer(prompt.run_id, prompt.session_id, answer, notes, at, language)
        render = partial(self._renderer.noted, prompt, athlete, shown, note)
        self._editor.put(prompt.chat_id, message_id, render)

    def _answer(
        self,
        run_id: str,
        session_id: str,
        answer: StoredAnswer | None,
        notes: Notes,
        at: datetime,
        language: Language,
    ) -> ShownAnswer | None:
        """The answer as a message shows it; None: there is none yet."""
        if answer is None or answer.type is None:
            return None
        is_fresh = answer.received_at is not None and at - answer.received_at <= _ASKS_FOR
        return ShownAnswer(
            run_id=run_id,
            session_id=session_id,
            by_reference=needs_reference(run_id, session_id),
            type=answer.type,
            details=answer.details,
            question=next_question(answer.type, answer.details, self._asked) if is_fresh else None,
            language=language,
            asides=asides(answer.type, self._asked),
            note=note_line(notes.lines),
        )


def _quoted(quoted: QuotedQuestion, shown: ShownAnswer | None, note: str | None) -> MessageEdit:
    return show_note(quoted.message, note) if shown is None else show(quoted.message, shown)


def _message(document: Document) -> int | None:
    """The message that counts: the one below which it was answered, else the newest; None if it was answered
    below another one than the question's."""
    messages = document.get("messages")
    sent = [read_int64(it.get("messageId")) for it in messages or [] if isinstance(it, dict)]
    answered = read_int64(document.get("answeredIn"))
    if answered is not None:
        return answered if answered in sent else None
    return max((it for it in sent if it is not None), default=None)
