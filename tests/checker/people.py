"""What people can do, and who did it: each act becomes an update of the local Telegram."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from bot.core.answers.payloads import format_later
from bot.sandbox.ledger import Tap
from bot.sandbox.world import User
from tests.checker.seam import COACH, STRANGER, House

LONG_RUN = "2026-02-16T18:42:58.123Z-a1b2c3-" + "x" * 40
"""So long that the buttons carry a reference."""

RUNS = {"p": "run", "q": "run", "r": LONG_RUN}
"""The run of each session: `p` is asked about by the coach workflow, `q` and `r` by the bot."""

_HOUR, _EVENING, _DAY = 3_600, 20 * 3_600, 86_400
_TYPES = ("done", "skipped", "hard", "pain")


class Role(StrEnum):
    """How somebody comes to be an athlete."""

    LISTED = "listed"
    ROSTER = "roster"
    INVITED = "invited"


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that somebody does.

    Attributes:
        kind: see `_DOES`.
        session: what about, where it is about a session.
        value: an answer, a value, a text.
    """

    kind: str
    session: str = ""
    value: str = ""

    def __str__(self) -> str:
        return " ".join(filter(None, (self.kind, self.session, self.value)))


@dataclass(slots=True)
class Given:
    """An act as it came to Telegram.

    Attributes:
        update_id: of its update; they tell the order of everything.
        at: when it happened, seconds since 1970.
        tap: if it was one.
        text: what was written, unlike everything else that is written.
        call: the index of the next call of a service then.
        asked_at: of a confirmation, when the message with its button was sent; None: there was none.
    """

    act: Act
    update_id: int
    at: float
    tap: Tap | None = None
    text: str = ""
    asked_at: float | None = None
    call: int = 0

    def __str__(self) -> str:
        return f"{self.update_id}: {self.act}"


def run_of(session: str, user_id: object) -> str:
    """The run of somebody's session. What travels by reference is theirs alone: else it would be known as
    long as anybody's is."""
    return f"{RUNS[session]}-{user_id}" if session == "r" else RUNS[session]


@dataclass(slots=True, eq=False)
class Person:
    """Somebody, and all that they did.

    Attributes:
        messages: the message that asked about each session.
        notes: the reply to each of those.
        code: of an invitation that is theirs.
    """

    id: int
    role: Role
    sessions: str = "p"
    messages: dict[str, int] = field(default_factory=dict)
    notes: dict[str, int] = field(default_factory=dict)
    given: list[Given] = field(default_factory=list)
    code: str = ""
    _pressed: set[int] = field(default_factory=set)

    @property
    def user(self) -> User:
        """In Telegram; the name stands in what is told about them."""
        return User(self.id, f"P{self.id}", username=f"u{self.id}")

    async def arrive(self, house: House) -> None:
        """Before the story: whoever runs the bot lets them in, and they are asked by the coach workflow."""
        house.world._meet(self.user)
        if self.role is Role.ROSTER:
            await house.enlist(self.user)
        if self.role is Role.INVITED or "i" in self.sessions:
            self.code = await house.invite(self.user)
        if "p" in self.sessions:
            rows = [
                [{"text": t, "callback_data": f"session_feedback|{RUNS['p']}|p|{t}"} for t in pair]
                for pair in (_TYPES[:2], _TYPES[2:])
            ]
            self.messages["p"] = house.world.message_at(
                self.id, date=house.clock.unix(), text="Session p?", buttons=rows
            )

    async def be_asked(self, house: House) -> None:
        """The bot is to ask."""
        for session in set(self.sessions) & {"q", "r"}:
            await house.question(self.user, run_of(session, self.id), session)

    def find_questions(self, house: House) -> None:
        """The messages with which the bot has asked."""
        for message in house.world.messages(self.id):
            for session in set(self.sessions) & {"q", "r"}:
                if f"Session {session}" in message.get("text", "") and "reply_markup" in message:
                    self.messages.setdefault(session, message["message_id"])

    def do(self, house: House, act: Act) -> Given | None:
        """Do it, if it can be done; None if there is no such button or message."""
        update_id, at, call = house.next_update(), house.clock.unix(), house.calls_so_far()
        made = _DOES[act.kind](self, house, act)
        if made is None:
            return None
        given = Given(act, update_id, at, call=call, **made)
        self.given.append(given)
        return given

    # How

    def _data(self, house: House, session: str) -> list[str]:
        """The payloads below a question, an answer's first."""
        if session not in self.messages:
            return []
        return sorted(
            _payloads(house.world.message_of(self.id, self.messages[session])),
            key=lambda data: not data.startswith("session_feedback|"),
        )

    def _tap(
        self, house: House, act: Act, data: str | None, user: User | None = None
    ) -> dict[str, Any] | None:
        message_id = self.messages.get(act.session)
        if data is None or message_id is None:
            return None
        return {"tap": house.world.tap(self.id, message_id, user or self.user, data=data, force=True)}

    def _ids(self, house: House, session: str) -> str | None:
        data = next(iter(self._data(house, session)), "")
        return "|".join(data.split("|")[1:3]) if data.startswith("session_feedback|") else None

    def answer(self, house: House, act: Act) -> dict[str, Any] | None:
        """Tap an answer; one with a note carries it in its payload."""
        ids, (type_, _, note) = self._ids(house, act.session), act.value.partition("+")
        data = None if ids is None else f"session_feedback|{ids}|{type_}{note and '|' + note}"
        return self._tap(house, act, data)

    def later(self, house: House, act: Act) -> dict[str, Any] | None:
        """Tap one of the times of Later, below a question of the bot's."""
        ids = self._ids(house, act.session)
        days = -((_EVENING - house.clock.unix() - _HOUR) // _DAY)
        at = datetime.fromtimestamp(days * _DAY + _EVENING, UTC)
        minutes = format_later("r", "s", at).rpartition("|")[2]
        return self._tap(house, act, None if ids is None else f"later|{ids}|{minutes}")

    def detail(self, house: House, act: Act) -> dict[str, Any] | None:
        """Say something besides an answer: `rpe=7`."""
        ids, (name, _, value) = self._ids(house, act.session), act.value.partition("=")
        return self._tap(house, act, None if ids is None else f"{name}|{ids}|{value}")

    def note(self, house: House, act: Act) -> dict[str, Any] | None:
        """Reply to a question."""
        if act.session not in self.messages:
            return None
        text = f"zebra {self.id} {len(self.given)}"
        self.notes[act.session] = house.world.message(
            self.id, self.user, text, reply_to=self.messages[act.session]
        )
        return {"text": text}

    def edit(self, house: House, act: Act) -> dict[str, Any] | None:
        """Change what was replied last."""
        if act.session not in self.notes:
            return None
        text = f"zebra {self.id} {len(self.given)} edited"
        house.world.edit_message(self.id, self.notes[act.session], text)
        return {"text": text}

    def say(self, house: House, act: Act) -> dict[str, Any] | None:
        """Write a command."""
        house.world.message(self.id, self.user, act.value)
        return {}

    def join(self, house: House, _: Act) -> dict[str, Any] | None:
        """Follow the link of an invitation."""
        if not self.code:
            return None
        house.world.message(self.id, self.user, f"/start {self.code}")
        return {}

    def confirm(self, house: House, act: Act) -> dict[str, Any] | None:
        """Press a button below the reply to /forgetme, once."""
        for message in reversed(house.world.messages(self.id)):
            data = [it for it in _payloads(message) if it.startswith(f"do|{act.value}|")]
            if data and message["message_id"] not in self._pressed:
                self._pressed.add(message["message_id"])
                tap = house.world.tap(self.id, message["message_id"], self.user, data=data[0])
                return {"tap": tap, "asked_at": float(message["date"])}
        return None

    def see(self, house: House, _: Act) -> dict[str, Any] | None:
        """The coach presses the button below what was told about this person last."""
        for message in reversed(house.world.messages(COACH.id)):
            data = [it for it in _payloads(message) if it.startswith("do|seen|")]
            if data and is_about(message, self):
                return {"tap": house.world.tap(COACH.id, message["message_id"], COACH, data=data[0])}
        return None

    def be_robbed(self, house: House, act: Act) -> dict[str, Any] | None:
        """A stranger taps this person's answer, or has everything deleted."""
        if act.value == "forget":
            return _forge(house)
        return self._tap(house, act, next(iter(self._data(house, act.session)), None), STRANGER)

    def forge(self, house: House, act: Act) -> dict[str, Any] | None:
        """Confirm what the bot has not asked."""
        return self._tap(house, act, "do|forget|")


def _forge(house: House) -> dict[str, Any]:
    message = house.world.message_at(STRANGER.id, date=house.clock.unix(), text="?")
    return {"tap": house.world.tap(STRANGER.id, message, STRANGER, data="do|forget|", force=True)}


def _payloads(message: dict[str, Any]) -> list[str]:
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return [button["callback_data"] for row in rows for button in row if "callback_data" in button]


def is_about(message: dict[str, Any], person: Person) -> bool:
    """Whether a message to the coach tells of this person."""
    return f"P{person.id}" in message.get("text", "")


_DOES = {
    "answer": Person.answer,
    "later": Person.later,
    "detail": Person.detail,
    "note": Person.note,
    "edit": Person.edit,
    "say": Person.say,
    "join": Person.join,
    "confirm": Person.confirm,
    "see": Person.see,
    "stranger": Person.be_robbed,
    "forge": Person.forge,
}
