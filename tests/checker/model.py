"""What everything that somebody did must come to, one after the other in the order of the updates. Plain.

It knows nothing of services, crashes and pages: whatever happens on the way, this must be the end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.checker.people import RUNS, Given, Role

CONFIRM_WITHIN = 600.0
"""Seconds after the warning in which a deletion can be confirmed."""

_PAUSE = 3 * 86_400.0
_SAID_AFTER = {
    "rpe": ("done", "hard", "pain"),
    "where": ("pain",),
    "pain": ("pain",),
    "reason": ("skipped",),
}


@dataclass(slots=True)
class Answer:
    """What stands about one session.

    Attributes:
        update_id: of the last tap on it.
        lines: what was written in replies, which stays whatever the buttons carry, and takes the place of
            what came with a button.
    """

    type: str
    update_id: int
    button_note: str | None = None
    lines: list[str] = field(default_factory=list)
    details: dict[str, str] = field(default_factory=dict)

    @property
    def note(self) -> str | None:
        """As one text."""
        return "\n".join(self.lines) if self.lines else self.button_note


@dataclass(slots=True)
class Expected:
    """One person, as they must be in the end.

    Attributes:
        answers, waiting: by session: what stands, and the notes of what is not answered.
        asked: the sessions whose questions the bot remembers.
        postponed: those of them that wait.
        paused: until when; 0: not; infinite: without end.
        pains: how often an answer became pain, since the last deletion.
        more: how often more was said of one, which may be told anew.
        has_forged: whether they sent by hand what the button of /forgetme sends.
        outcomes: of each tap, what the ledger may say; None: anything, once.
        deleted: the confirmations that counted.
    """

    role: Role
    asked: set[str]
    answers: dict[str, Answer] = field(default_factory=dict)
    waiting: dict[str, list[str]] = field(default_factory=dict)
    postponed: set[str] = field(default_factory=set)
    language: str | None = None
    paused: float = 0.0
    is_athlete: bool = True
    has_entry: bool = False
    is_code_used: bool = False
    pains: int = 0
    more: int = 0
    has_forged: bool = False
    outcomes: dict[str, frozenset[str] | None] = field(default_factory=dict)
    deleted: list[Given] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)

    def give(self, given: Given) -> None:
        """The next thing that happened."""
        allowed = _STEPS[given.act.kind](self, given)
        if given.tap is not None:
            self.outcomes[given.tap.query_id] = allowed

    # Each returns what the ledger may say of the tap

    def _answer(self, given: Given) -> frozenset[str]:
        act = given.act
        if not self.is_athlete:
            return _REFUSED
        if act.session == "r" and "r" not in self.asked:
            return _UNKNOWN
        type_, _, note = act.value.partition("+")
        stood = self.answers.get(act.session)
        new = Answer(type_, given.update_id, button_note=note or None)
        if stood is not None:
            new.lines = stood.lines
            new.details = {k: v for k, v in stood.details.items() if type_ in _SAID_AFTER[k]}
        elif act.session in self.waiting:
            new.lines = self.waiting.pop(act.session)
        if type_ == "pain" and (stood is None or stood.type != "pain"):
            self.pains += 1
        self.answers[act.session] = new
        self.postponed.discard(act.session)
        return _WRITTEN

    def _later(self, given: Given) -> frozenset[str]:
        session = given.act.session
        if not self.is_athlete:
            return _REFUSED
        if session not in self.asked:
            return _UNKNOWN
        if session in self.answers or self.paused == float("inf"):
            return _REFUSED
        self.postponed.add(session)
        return _POSTPONED

    def _detail(self, given: Given) -> frozenset[str]:
        session, (name, _, value) = given.act.session, given.act.value.partition("=")
        if not self.is_athlete:
            return _REFUSED
        if session == "r" and "r" not in self.asked:
            return _UNKNOWN
        stands = self.answers.get(session)
        if stands is not None and stands.type in _SAID_AFTER[name] and value not in ("-", "?"):
            stands.details[name] = value
            self.more += stands.type == "pain"
        return _DETAIL

    def _note(self, given: Given) -> frozenset[str]:
        if (lines := self._lines(given)) is None:
            return _REFUSED
        lines.append(given.text)
        return _WRITTEN

    def _edit(self, given: Given) -> frozenset[str]:
        """The message that was written last, which may be deleted here."""
        if (lines := self._lines(given)) is None:
            return _REFUSED
        lines[-1:] = [given.text]
        return _WRITTEN

    def _lines(self, given: Given) -> list[str] | None:
        """The lines of a session; None: there can be none."""
        session = given.act.session
        if not self.is_athlete or (session == "r" and "r" not in self.asked):
            return None
        stands = self.answers.get(session)
        if stands is None:
            return self.waiting.setdefault(session, [])
        self.more += stands.type == "pain"
        return stands.lines

    def _say(self, given: Given) -> frozenset[str]:
        command = given.act.value
        if not self.is_athlete:
            return _REFUSED
        if command.startswith("/pause"):
            self.paused, self.has_entry = given.at + _PAUSE, True
        elif command == "/resume":
            self.paused = 0.0
        elif command == "/language es":
            self.language = "es"
        elif command == "/pending":
            self.postponed.clear()
        return _WRITTEN

    def _join(self, given: Given) -> frozenset[str]:  # noqa: ARG002
        if not self.is_code_used and not self.has_entry:
            self.is_athlete = self.has_entry = self.is_code_used = True
        return _WRITTEN

    def _confirm(self, given: Given) -> frozenset[str] | None:
        if given.act.value == "keep":
            return _REQUEST | _REFUSED
        asked_at = given.asked_at
        if asked_at is None or not self.is_athlete or given.at - asked_at > CONFIRM_WITHIN:
            return _REQUEST | _REFUSED
        self.deleted.append(given)
        self.answers.clear()
        self.waiting.clear()
        self.postponed.clear()
        self.asked.clear()
        self.language = None
        self.pains = self.more = 0
        is_listed = self.role is Role.LISTED
        self.is_athlete = self.has_entry = is_listed
        self.paused = float("inf") if is_listed else 0.0
        # What became of these before is told to nobody: they are counted once, that is all.
        self.outcomes = dict.fromkeys(self.outcomes)
        # What they sent by hand, after they were asked, may have confirmed it already.
        return _REQUEST | _REFUSED if self.has_forged else _REQUEST

    def _see(self, given: Given) -> frozenset[str] | None:  # noqa: ARG002
        return _REQUEST | _REFUSED

    def _forge(self, given: Given) -> frozenset[str]:  # noqa: ARG002
        self.has_forged = True
        return _REQUEST | _REFUSED if self.is_athlete else _REFUSED

    def _refuse(self, given: Given) -> frozenset[str]:  # noqa: ARG002
        return _REFUSED


_REFUSED = frozenset({"refused"})
_UNKNOWN = frozenset({"unknown"})
_WRITTEN = frozenset({"written"})
_DETAIL = frozenset({"detail"})
_REQUEST = frozenset({"request"})
_POSTPONED = frozenset({"postponed"})

_STEPS = {
    "answer": Expected._answer,
    "later": Expected._later,
    "detail": Expected._detail,
    "note": Expected._note,
    "edit": Expected._edit,
    "say": Expected._say,
    "join": Expected._join,
    "confirm": Expected._confirm,
    "see": Expected._see,
    "stranger": Expected._refuse,
    "forge": Expected._forge,
}


def expect(role: Role, sessions: str, given: Iterable[Given]) -> Expected:
    """The end of a story."""
    person = Expected(
        role,
        set(sessions) & set(RUNS) - {"p"},
        is_athlete=role is not Role.INVITED,
        has_entry=role is Role.ROSTER,
    )
    for each in sorted(given, key=lambda it: it.update_id):
        person.give(each)
    return person
