"""What athletes write behind /pain, in any language: `left knee 5`, `rodilla izquierda 6/10`. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from bot.core.answers.details import MAX_WORDS, Details
from bot.core.facts.questions import ELSEWHERE, WORDS, Detail, Word
from bot.core.i18n.language import Language
from bot.core.pain.episodes import Verdict
from bot.core.shared.tolerant import fold

_LEVEL = re.compile(r"(?<![\w/.,])(10|[0-9])(?:\s*/\s*10)?(?![\w/])")
_LETTERS = re.compile(r"[^\W\d_]")


def read_pain_words(text: str) -> Details:
    """What is plainly said: place, side, level. Where there are words that name no place, they say where."""
    said: dict[Detail, int | str] = {}
    levels = _LEVEL.findall(text)
    if len(levels) == 1:
        said[Detail.PAIN] = int(levels[0])
    rest = fold(_LEVEL.sub(" ", text))
    for detail in (Detail.PLACE, Detail.SIDE):
        held = [spoken for spoken in _spoken(detail) if _holds(rest, spoken)]
        # A name within a longer one is not meant: `coxa` in `posterior da coxa`.
        longest = (it for it in held if not any(it != other and _holds(other, it) for other in held))
        named = {_spoken(detail)[spoken] for spoken in longest}
        if len(named) == 1:
            said[detail] = named.pop()
    if Detail.PLACE not in said and _LETTERS.search(_LEVEL.sub(" ", text)):
        said[Detail.PLACE] = ELSEWHERE
        said[Detail.WORDS] = " ".join(text.split())[:MAX_WORDS]
        said.pop(Detail.SIDE, None)
    requires = Detail.SIDE.facts.requires
    if requires is not None and said.get(Detail.PLACE) not in requires.choices:
        said.pop(Detail.SIDE, None)
    return Details(said)


def read_how(text: str) -> Verdict | None:
    """How it is by now, if that is all that is said beside place, side and level: `worse, 7`, `knee gone`."""
    if read_pain_words(text).said == {Detail.PAIN: 0}:
        return Verdict.GONE
    rest = fold(_LEVEL.sub(" ", text))
    names = {spoken for detail in (Detail.PLACE, Detail.SIDE) for spoken in _spoken(detail)}
    for name in sorted((it for it in names if _holds(rest, it)), key=len, reverse=True):
        rest = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", " ", rest)
    return _verdicts().get(" ".join(re.findall(r"[\w']+", rest)))


@cache
def _verdicts() -> Mapping[str, Verdict]:
    """All that may be said of how it is by now, folded."""
    found: dict[str, Verdict] = {}
    for texts in (language.texts.pain for language in Language):
        found |= dict.fromkeys(map(fold, texts.spoken_gone), Verdict.GONE)
        found |= dict.fromkeys(map(fold, texts.spoken_same), Verdict.SAME)
        found |= dict.fromkeys(map(fold, texts.spoken_worse), Verdict.WORSE)
    return found


def _holds(text: str, spoken: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(spoken)}(?!\w)", text) is not None


@cache
def _spoken(detail: Detail) -> Mapping[str, Word]:
    """All that the choices of a question are called, folded."""
    found: dict[str, Word] = {}
    for language in Language:
        word, more = language.texts.details.word, language.texts.pain.spoken
        for value in detail.facts.choices:
            if isinstance(value, str) and value != ELSEWHERE:
                named = WORDS[value]
                labels = (value, word(named), *more(named))
                found |= {fold(label).rstrip("."): named for label in labels}
    return found
