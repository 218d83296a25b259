"""What plain words say: which answers to a session's question they may be. Pure.

Nothing is ever stored because of it: the answer is offered as a button. The words stand with each language's
texts; those of all languages are understood, whatever the athlete's language is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import TypeAlias

from bot.core.facts.answer_types import FeedbackType
from bot.core.i18n.language import Language
from bot.core.shared.tolerant import fold

_Tokens: TypeAlias = tuple[str, ...]

_SIGNS: Mapping[str, FeedbackType] = {
    sign: type_ for type_ in FeedbackType for sign in (type_.facts.sign, *type_.facts.signs)
}
# So many words before a phrase a negation still is about it: "was not too hard".
_REACH = 3
# Skin tones, and the mark that asks for a coloured picture.
_VARIANTS = re.compile("[\U0001f3fb-\U0001f3ff\ufe0f\ufe0e]")
_ENDS = re.compile(r"(?<=[.,;:!?…\n()])|(?=[\n(])")
_TOKENS = re.compile(rf"{'|'.join(map(re.escape, sorted(_SIGNS)))}|\w+(?:'\w+)?")


def offered_answers(text: str) -> tuple[FeedbackType, ...]:
    """The answers that words may be, in the order of the buttons; none where they are a question, or say both
    that the session was done and that it was not."""
    found = {type_ for clause in _clauses(text) for type_ in _said(clause)}
    if {True, False} <= {type_.facts.is_done for type_ in found}:
        return ()
    return tuple(type_ for type_ in FeedbackType if type_ in found)


def _clauses(text: str) -> list[_Tokens]:
    """The parts of a text that stand for themselves, as words; questions are left out."""
    plain = fold(_VARIANTS.sub("", text.replace("’", "'")))
    clauses: list[_Tokens] = []
    for part in _ENDS.split(plain):
        if part.rstrip().endswith("?"):
            continue
        clause: list[str] = []
        for token in _TOKENS.findall(part):
            if token in _buts():
                clauses.append(tuple(clause))
                clause = []
            else:
                clause.append(token)
        clauses.append(tuple(clause))
    return [clause for clause in clauses if clause]


def _said(clause: _Tokens) -> list[FeedbackType]:
    """The answers that a clause names, without those that it denies."""
    found: list[FeedbackType] = []
    place, denied_until = 0, -1
    while place < len(clause):
        length, meaning = _longest(clause[place:])
        if length:
            if meaning is not None and place > denied_until:
                found.append(meaning)
            place += length
        else:
            if clause[place] in _negations():
                denied_until = place + _REACH
            place += 1
    return found


def _longest(tokens: Sequence[str]) -> tuple[int, FeedbackType | None]:
    """How many words the longest phrase at the beginning has, 0 if there is none; and what it says."""
    for length in range(min(len(tokens), _most()), 0, -1):
        phrase = tuple(tokens[:length])
        if phrase in _phrases():
            return length, _phrases()[phrase]
    return 0, None


@cache
def _phrases() -> Mapping[_Tokens, FeedbackType | None]:
    """All phrases, by their words; None: it says nothing, though a part of it would."""
    found: dict[_Tokens, FeedbackType | None] = {(sign,): type_ for sign, type_ in _SIGNS.items()}
    for language in Language:
        for type_ in FeedbackType:
            found |= dict.fromkeys(_listed(language.texts.answers.type(type_).said), type_)
        found |= dict.fromkeys(_listed(language.texts.phrases.unclear), None)
    return found


@cache
def _most() -> int:
    return max(map(len, _phrases()))


@cache
def _negations() -> frozenset[str]:
    return _single(language.texts.phrases.negations for language in Language)


@cache
def _buts() -> frozenset[str]:
    return _single(language.texts.phrases.buts for language in Language)


def _single(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(word for text in texts for phrase in _listed(text) for word in phrase)


def _listed(text: str) -> list[_Tokens]:
    return [tuple(_TOKENS.findall(phrase)) for phrase in fold(text).split(",")]
