"""What athletes write behind /pain."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.answers.details import MAX_WORDS, read_details
from bot.core.facts.questions import SIDED, Detail
from bot.core.i18n.language import Language
from bot.core.pain.episodes import Verdict
from bot.core.pain.reading import read_how, read_pain_words


def read(text: str) -> dict[str, Any]:
    """By the names of the questions."""
    return {detail.value: value for detail, value in read_pain_words(text).said.items()}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", {}),
        ("knee", {"where": "knee"}),
        ("knee 5", {"where": "knee", "pain": 5}),
        ("LEFT Knee, 6/10!", {"where": "knee", "side": "left", "pain": 6}),
        ("my right hamstring 3", {"where": "hamstring", "side": "right", "pain": 3}),
        ("achilles both 10", {"where": "achilles", "side": "both", "pain": 10}),
        ("lower back 2", {"where": "back", "pain": 2}),
        ("left back", {"where": "back"}),
        ("rodilla izquierda 6", {"where": "knee", "side": "left", "pain": 6}),
        ("el gemelo derecho", {"where": "calf", "side": "right"}),
        ("espinilla 4", {"where": "shin", "pain": 4}),
        ("me duele la cadera, 4/10", {"where": "hip", "pain": 4}),
        ("joelho esquerdo 7", {"where": "knee", "side": "left", "pain": 7}),
        ("panturrilha dir. 2", {"where": "calf", "side": "right", "pain": 2}),
        ("7", {"pain": 7}),
        ("11", {}),
        ("knee and hip 4", {"where": "other", "words": "knee and hip 4", "pain": 4}),
        ("jaw", {"where": "other", "words": "jaw"}),
        ("a toenail, left", {"where": "other", "words": "a toenail, left"}),
        ("3 of 5 toes hurt", {"where": "other", "words": "3 of 5 toes hurt"}),
        ("knee 5 km in", {"where": "knee", "pain": 5}),
        ("since 18:30 knee", {"where": "knee"}),
    ],
)
def test_what_is_said(text: str, said: dict[str, Any]) -> None:
    """Place, side and level where there is one of each; else where it hurts, in these words."""
    assert read(text) == said


@pytest.mark.parametrize("language", Language)
def test_every_label_is_understood(language: Language) -> None:
    """Each place and side as its button says it, whatever the athlete's language."""
    word = language.texts.details.word
    for place in SIDED:
        for side in ("left", "right"):
            text = f"{word(place)} {word(side)} 4"
            assert read(text) == {"where": place, "side": side, "pain": 4}, text
    assert read(word("back")) == {"where": "back"}


@pytest.mark.parametrize(
    ("text", "how"),
    [
        ("worse, 7", Verdict.WORSE),
        ("It's worse!", Verdict.WORSE),
        ("left knee gone", Verdict.GONE),
        ("rodilla peor 6/10", Verdict.WORSE),
        ("Ya no duele", Verdict.GONE),
        ("empeoró", Verdict.WORSE),
        ("algo mejor 2", Verdict.SAME),
        ("na mesma", Verdict.SAME),
        ("já passou", Verdict.GONE),
        ("0", Verdict.GONE),
        ("7", None),
        ("knee 0", None),
        ("worse than ever, the jaw", None),
        ("not gone", None),
        ("", None),
    ],
)
def test_how_it_is_by_now(text: str, how: Verdict | None) -> None:
    """Only where nothing else is said, beside where and how much."""
    assert read_how(text) is how


@given(st.text(max_size=400))
def test_reading_is_total(text: str) -> None:
    """Whatever is written, what is read can be stored and read back."""
    read_how(text)
    details = read_pain_words(text)
    assert len(str(details.value(Detail.WORDS) or "")) <= MAX_WORDS
    stored = read_details(details.to_document())
    assert {it for it in details.said if it is not Detail.WORDS} <= set(stored.said)
