"""What is there in the end, beside what must be."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.core.answers.detail_texts import question
from bot.core.answers.payloads import DetailTap, parse_payload
from bot.core.facts.questions import Detail
from bot.core.i18n.language import Language
from tests.checker.model import Answer, Expected, expect
from tests.checker.people import Given, Person, is_about, run_of
from tests.checker.seam import COACH, Document, House, Message

UNCOMPARED = frozenset({"leases", "figures", "figure_touches", "journals", "taps"})
"""Collections that say nothing about anybody; what `taps` says is compared tap by tap."""

_PROCESSING = frozenset(
    {
        "_id",
        "updatedAt",
        "updatedBy",
        "sentAt",
        "createdAt",
        "claim",
        "attemptAt",
        "attempts",
        "unknowns",
        "polledAt",
        "telegramLanguage",
        "rangAt",
        "isNew",
    }
)
_UPDATE_IDS = frozenset(
    {
        *("updateId", "version", "laterUpdateId", "pendingUpdateId", "replacedBy"),
        *("chosenBy", "joinedBy", "raisedUpdateId", "openedBy"),
    }
)
_MESSAGE_IDS = frozenset({"messageId", "noteMessageId"})
PAGED = ("feedback_events", "feedback_history", "waiting_notes", "athletes")
_LETTERS = ("alert", "notice")
_QUESTIONS = {question(detail, language) for detail in Detail for language in Language}
_DELETED = ("Deleted.", "Borrado.")
_NUMBER = re.compile(r"\d+")
_WRITTEN = re.compile(r"zebra (\d+) (\d+)")


@dataclass(slots=True)
class Finding:
    """What is found about everybody, at one moment.

    Attributes:
        documents: by person, then by collection.
        taps: what the ledger says of each callback query.
        sent: the messages that were sent, with the index of their call, by chat.
        told: by callback query, the index of the call that told something, and what.
    """

    documents: Mapping[int, Mapping[str, list[Document]]]
    taps: Mapping[str, str]
    sent: Mapping[int, list[tuple[int, str]]]
    told: Mapping[str, list[tuple[int, str]]]
    now: datetime
    house: House

    def of(self, person: Person, collection: str) -> list[Document]:
        """The documents about somebody."""
        return self.documents.get(person.id, {}).get(collection, [])

    def alerts(self, person: Person) -> list[int]:
        """The calls that told the coach about somebody."""
        return [index for index, text in self.sent.get(COACH.id, []) if f"P{person.id}" in text]


async def find(house: House, people: Iterable[Person]) -> Finding:
    """Look everywhere."""
    ids = {person.id for person in people}
    documents: dict[int, dict[str, list[Document]]] = defaultdict(lambda: defaultdict(list))
    everything = await house.everything()
    for collection, found in everything.items():
        if collection in UNCOMPARED:
            continue
        for document in found:
            text = json.dumps(document, default=str)
            for person in {int(number) for number in _NUMBER.findall(text)} & ids:
                documents[person][collection].append(document)
    sent: dict[int, list[tuple[int, str]]] = defaultdict(list)
    told: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for call in house.calls():
        if not call.delivered:
            continue
        if call.method == "sendMessage":
            sent[int(call.params["chat_id"])].append((call.index, str(call.params["text"])))
        elif call.method == "answerCallbackQuery":
            told[call.params["callback_query_id"]].append((call.index, str(call.params.get("text", ""))))
    taps = {str(document["_id"]): str(document["outcome"]) for document in everything.get("taps", [])}
    return Finding(documents, taps, sent, told, house.clock.now(), house)


# Beside the model


def problems(person: Person, finding: Finding, *, loose: bool = False) -> list[str]:
    """Where somebody's end is not what it must be.

    Args:
        loose: two services had parts of the story out of order. A detail may then have been refused where the
            other one had the answer, and the ledger says what was true when a tap was seen to.
    """
    expected = expect(person.role, person.sessions, person.given)
    return [
        *_answers(person, expected, finding, loose=loose),
        *_questions(person, expected, finding),
        *([] if loose and not _is_over(person, expected) else _settings(person, expected, finding)),
        *_taps(person, expected, finding, loose=loose),
        *_told(person, expected, finding),
        *_traces(person, expected, finding),
    ]


def _is_over(person: Person, expected: Expected) -> bool:
    """Whether a deletion was the last that they did."""
    return bool(expected.deleted) and person.given[-1] is expected.deleted[-1]


def _answers(person: Person, expected: Expected, finding: Finding, *, loose: bool) -> Iterator[str]:
    found = {}
    for event in finding.of(person, "feedback_events"):
        session = event["sessionId"]
        if session in found:
            yield f"two answers about {session}"
        found[session] = event
    for session in sorted(found.keys() | expected.answers.keys()):
        is_, must = found.get(session), expected.answers.get(session)
        if is_ is None or must is None:
            yield f"answer {session}: {is_ and is_['type']} instead of {must and must.type}"
            continue
        yield from _differences(session, is_, must, loose=loose)
    waiting = {note["sessionId"]: note["note"] for note in finding.of(person, "waiting_notes")}
    must_wait = {session: "\n".join(lines) for session, lines in expected.waiting.items()}
    if waiting != must_wait:
        yield f"waiting notes: {waiting} instead of {must_wait}"


def _differences(session: str, is_: Document, must: Answer, *, loose: bool) -> Iterator[str]:
    if (is_["type"], is_["runId"]) != (must.type, run_of(session, is_["userId"])):
        yield f"answer {session}: {is_['type']} instead of {must.type}"
        return
    if is_.get("updateId") != must.update_id:
        yield f"answer {session}: of update {is_.get('updateId')} instead of {must.update_id}"
    if (is_.get("note") or None) != _decoded(must.note):
        yield f"note {session}: {is_.get('note')!r} instead of {must.note!r}"
    pain = is_.get("pain") or {}
    said = {
        name: str(value)
        for name, value in (
            ("rpe", is_.get("rpe")),
            ("where", pain.get("where")),
            ("pain", pain.get("level")),
            ("reason", is_.get("reason")),
        )
        if value is not None
    }
    if said != must.details and not (loose and said.items() <= must.details.items()):
        yield f"details {session}: {said} instead of {must.details}"


def _decoded(note: str | None) -> str | None:
    return None if note is None else note.replace("%20", " ")


def _questions(person: Person, expected: Expected, finding: Finding) -> Iterator[str]:
    known = {d["sessionId"]: d for d in finding.of(person, "session_prompts") if "kind" not in d}
    for session in sorted(expected.asked):
        question = known.get(session)
        if question is None:
            yield f"question {session}: its record is gone"
        elif (question["state"] == "answered") != (session in expected.answers):
            yield f"question {session}: {question['state']}, answered: {session in expected.answers}"
        elif session in expected.postponed and question["dueAt"] <= finding.now:
            yield f"question {session}: not postponed"


def _settings(person: Person, expected: Expected, finding: Finding) -> Iterator[str]:
    entries = [d for d in finding.of(person, "athletes") if d.get("userId") == person.id]
    language = next((d.get("language") for d in finding.of(person, "users")), None)
    if language != expected.language:
        yield f"language {language} instead of {expected.language}"
    if bool(entries) != expected.has_entry:
        yield f"on the roster: {bool(entries)} instead of {expected.has_entry}"
    ends = [
        pause["until"]
        for entry in entries
        for pause in entry.get("pauses", [])
        if pause["since"] <= finding.now and (pause["until"] is None or pause["until"] > finding.now)
    ]
    must = expected.paused if expected.paused > finding.now.timestamp() else 0.0
    is_ = max((float("inf") if end is None else end.timestamp() for end in ends), default=0.0)
    if abs((is_ if is_ != must else 0) - (must if is_ != must else 0)) > timedelta(days=1).total_seconds():
        yield f"paused until {is_} instead of {must}"


def _taps(person: Person, expected: Expected, finding: Finding, *, loose: bool) -> Iterator[str]:
    for given in person.given:
        if given.tap is None:
            continue
        if given.tap.answered_at is None:
            yield f"tap {given} is not answered"
        outcome, allowed = finding.taps.get(given.tap.query_id), expected.outcomes[given.tap.query_id]
        if outcome is None:
            yield f"tap {given} is not in the ledger"
        elif allowed is not None and outcome not in allowed and not loose:
            yield f"tap {given} counts as {outcome} instead of {'/'.join(sorted(allowed))}"


def _told(person: Person, expected: Expected, finding: Finding) -> Iterator[str]:
    alerts = finding.alerts(person)
    is_pain = any(answer.type == "pain" for answer in expected.answers.values())
    since = expected.deleted[-1].call if expected.deleted else 0
    if is_pain and not any(index >= since for index in alerts):
        yield "the coach was not told of pain"
    if expected.deleted:
        last = expected.deleted[-1]
        said = [index for index, text in finding.told.get(_query(last), []) if text in _DELETED]
        if not said:
            return  # told that it was received, while MongoDB was away; the message says the rest
        since = said[0]
        alerts = [index for index in alerts if index > since]
        seen = any(given.act.kind == "see" and given.update_id > last.update_id for given in person.given)
        notices = [i for i, text in finding.sent.get(person.id, []) if i > since and text.startswith("👀")]
        if notices and not seen:
            yield "a notice after the deletion"
    if len(alerts) > expected.pains + expected.more:
        where = " after the deletion" if expected.deleted else ""
        yield f"{len(alerts)} alerts{where} of {expected.pains} pains, and {expected.more} words more"


def _query(given: Given) -> str:
    assert given.tap is not None
    return given.tap.query_id


def _traces(person: Person, expected: Expected, finding: Finding) -> Iterator[str]:
    """What is left of the time before a deletion."""
    if not expected.deleted:
        return
    since = expected.deleted[-1].update_id
    before = {number for number, given in enumerate(person.given) if given.update_id < since}
    for collection, documents in finding.documents.get(person.id, {}).items():
        for document in documents:
            numbers = _WRITTEN.findall(json.dumps(document, default=str))
            old = [n for who, n in numbers if int(who) == person.id and int(n) in before]
            ids = [value for value in _values(document, _UPDATE_IDS) if 0 < value < since]
            if old or ids:
                yield f"{collection} has something from before the deletion: {_brief(document)}"
            elif collection == "session_prompts" and document.get("kind") not in _LETTERS:
                yield f"session_prompts has a question from before the deletion: {_brief(document)}"


def _values(document: Any, names: Iterable[str]) -> Iterator[int]:
    if isinstance(document, dict):
        for name, value in document.items():
            if name in names and isinstance(value, int):
                yield value
            else:
                yield from _values(value, names)
    elif isinstance(document, list):
        for item in document:
            yield from _values(item, names)


def _brief(document: Document) -> str:
    return json.dumps({k: v for k, v in document.items() if k != "_id"}, default=str)[:160]


# Beside another run


def picture(person: Person, finding: Finding, *, held: Given | None = None) -> dict[str, Counter[str]]:
    """Everything about somebody, in a form that two runs have in common; the package says what is left out.

    Args:
        held: what was written, and not replied to before the crash.
    """
    numbers = _numbers(person)
    house = finding.house
    expected = expect(person.role, person.sessions, person.given)
    is_pain = not expected.deleted and any(it.type == "pain" for it in expected.answers.values())
    documents = dict(finding.documents.get(person.id, {}))
    if not is_pain:
        prompts = documents.get("session_prompts", [])
        documents["session_prompts"] = [it for it in prompts if it.get("kind") not in _LETTERS]
    bots = [message for message in house.world.messages(person.id) if message["from"]["is_bot"]]
    tapped = {given.tap.message_id for given in person.given if given.tap is not None}
    if held is None:
        chat = Counter(map(_shown, bots))
    else:
        shown = [message for message in bots if message["message_id"] not in tapped]
        chat = Counter({"messages": len(shown)})
    coach = [_shown(m) for m in house.world.messages(COACH.id) if m["from"]["is_bot"] and is_about(m, person)]
    return {
        **_collections(person, finding, documents),
        "chat": chat,
        "coach's chat": Counter(coach) if is_pain else Counter(),
        "taps": _outcomes(person, finding, numbers),
    }


def page_picture(person: Person, finding: Finding) -> dict[str, Counter[str]]:
    """What must be the same however updates fell into pages: times and what was told meanwhile need not."""
    documents = finding.documents.get(person.id, {})
    kept = {name: found for name, found in documents.items() if name in PAGED}
    return {
        **_collections(person, finding, kept, times=False),
        "taps": _outcomes(person, finding, _numbers(person)),
    }


def _numbers(person: Person) -> dict[int, str]:
    """Each update under a name that it has in every run."""
    return {given.update_id: f"#{number} {given.act}" for number, given in enumerate(person.given)}


def _collections(
    person: Person, finding: Finding, documents: Mapping[str, list[Document]], *, times: bool = True
) -> dict[str, Counter[str]]:
    numbers = _numbers(person)
    found: dict[str, Counter[str]] = {}
    for collection, each in documents.items():
        found[f"collection {collection}"] = Counter(
            f"{collection} {document.get('sessionId', '')} {line}"
            for document in each
            if (plain := _plain(document, person, numbers, finding.house, times))
            for line in _lines(plain)
        )
    return found


def _lines(value: Any, path: str = "") -> Iterator[str]:
    """A document, one line for each value."""
    if isinstance(value, dict) and value:
        for name, item in value.items():
            yield from _lines(item, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value:
        for number, item in enumerate(value):
            yield from _lines(item, f"{path}[{number}]")
    else:
        yield f"{path} = {value}"


def _outcomes(person: Person, finding: Finding, numbers: Mapping[int, str]) -> Counter[str]:
    return Counter(
        f"{numbers[given.update_id]}: {finding.taps.get(given.tap.query_id)}"
        + ("" if given.tap.answered_at is not None else ", unanswered")
        for given in person.given
        if given.tap is not None
    )


def differences(one: Mapping[str, Counter[str]], other: Mapping[str, Counter[str]]) -> list[str]:
    """Where the second of two pictures differs from the first."""
    found = []
    for part in sorted(one.keys() | other.keys()):
        first, second = one.get(part, Counter()), other.get(part, Counter())
        more, less = list((second - first).elements()), list((first - second).elements())
        if more or less:
            found.append(f"{part}: {more} instead of {less}")
    return found


def _shown(message: Message) -> str:
    """A message without what it asks besides: a tap that is seen to again asks what is still open then."""
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    buttons = [
        button.get("text")
        for row in rows
        for button in row
        if not isinstance(parse_payload(str(button.get("callback_data"))), DetailTap)
    ]
    text = str(message.get("text", message.get("document", {}).get("file_name")))
    told, _, asked = text.rpartition("\n\n")
    return f"{told if told and asked in _QUESTIONS else text} {buttons}"


def _plain(
    value: Any, person: Person, numbers: Mapping[int, str], house: House, times: bool, name: str = ""
) -> Any:
    if isinstance(value, dict):
        return {
            key: _plain(it, person, numbers, house, times, key)
            for key, it in value.items()
            if key not in _PROCESSING
            and not (key in ("messageId", "dueAt", "messages", "version") and value.get("kind") in _LETTERS)
            and not (key == "saidAt" and not times)
        }
    if isinstance(value, list):
        return [_plain(item, person, numbers, house, times, name) for item in value]
    if name in _UPDATE_IDS:
        return numbers.get(value, value)
    if name in _MESSAGE_IDS and isinstance(value, int):
        chat = {message["message_id"]: message for message in house.world.messages(person.id)}
        return value if value in person.messages.values() else chat.get(value, {}).get("text", value)
    if isinstance(value, datetime) and not times:
        return "some time"
    return value
