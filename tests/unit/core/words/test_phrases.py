"""What plain words may mean, in three languages; it is offered, and nothing is ever stored because of it."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.facts.answer_types import FeedbackType
from bot.core.i18n.language import Language
from bot.core.words.phrases import offered_answers

D, S, H, P = FeedbackType
NOTHING: tuple[FeedbackType, ...] = ()

# A text, and what is offered for it.
TABLE: list[tuple[str, tuple[FeedbackType, ...]]] = [
    # English
    ("done", (D,)),
    ("Done!", (D,)),
    ("did it but my knee hurts", (D, P)),
    ("Finished, felt great", (D,)),
    ("all done, 7", (D,)),
    ("no problem, done", (D,)),
    ("no pain, did it", (D,)),
    ("skipped", (S,)),
    ("Sorry, I couldn’t make it today", (S,)),
    ("didn't run, too tired", (S,)),
    ("hard", (H,)),
    ("Done but it was too hard", (D, H)),
    ("done, not too hard", (D,)),
    ("my calf hurts", (P,)),
    ("skipped because my knee hurts", (S, P)),
    ("not done", NOTHING),
    ("not done yet", NOTHING),
    ("almost done", NOTHING),
    ("didn't finish", NOTHING),
    ("nothing hurts", NOTHING),
    ("no pain at all", NOTHING),
    ("the pain is gone", NOTHING),
    ("done?", NOTHING),
    ("done or skipped, I don't know", NOTHING),
    ("What time is the session tomorrow?", NOTHING),
    ("hard to say", NOTHING),
    # Spanish
    ("hecho", (D,)),
    ("Hecho, 7", (D,)),
    ("¡Hecha! Muy buenas sensaciones", (D,)),
    ("ya lo hice", (D,)),
    ("terminé", (D,)),
    ("termine", (D,)),
    ("no pude", (S,)),
    ("No pude ir, lo siento", (S,)),
    ("hoy no entrené", (S,)),
    ("me lo salté", (S,)),
    ("muy duro", (H,)),
    ("hecho pero me costó mucho", (D, H)),
    ("me duele la rodilla", (P,)),
    ("lo hice aunque me dolió el gemelo", (D, P)),
    ("no hecho", NOTHING),
    ("casi hecho", NOTHING),
    ("hecho polvo", NOTHING),
    ("no pude terminar", NOTHING),
    ("sin dolor", NOTHING),
    ("no me duele nada", NOTHING),
    ("Hecho, sin dolor", (D,)),
    ("no fue tan duro", NOTHING),
    ("¿Lo hice bien?", NOTHING),
    # Portuguese
    ("feito", (D,)),
    ("Feito! 8 km no parque", (D,)),
    ("já fiz", (D,)),
    ("fiz, mas doeu o joelho", (D, P)),
    ("não fiz", (S,)),
    ("nao deu", (S,)),
    ("pulei hoje", (S,)),
    ("não consegui treinar", (S,)),
    ("bem puxado hoje", (H,)),
    ("estou com dor no joelho", (P,)),
    ("não feito", NOTHING),
    ("não terminei", NOTHING),
    ("sem dor", NOTHING),
    ("não dói nada", NOTHING),
    ("feito, sem dor nenhuma", (D,)),
    ("não foi tão puxado", NOTHING),
    # Signs
    ("👍", (D,)),
    ("👍🏽 7", (D,)),
    ("✅", (D,)),
    ("✔️", (D,)),
    ("⏭", (S,)),
    ("🥵🥵", (H,)),
    ("🤕 rodilla", (P,)),
    ("👎", NOTHING),
    # None of these
    ("", NOTHING),
    ("7", NOTHING),
    ("felt good", NOTHING),
    ("abandoned the idea", NOTHING),
]  # fmt: skip


@pytest.mark.parametrize(("text", "offered"), TABLE)
def test_what_is_offered(text: str, offered: tuple[FeedbackType, ...]) -> None:
    """In whatever case; where it is not plain, nothing."""
    assert offered_answers(text) == offered
    assert offered_answers(text.upper()) == offered


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    """Nothing is raised, and never both that it was done and that it was not."""
    assert not {D, S} <= set(offered_answers(text))


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("type_", FeedbackType)
def test_each_phrase_alone_is_offered(language: Language, type_: FeedbackType) -> None:
    """As it stands in its language's file: no other language, and no negation, takes it away."""
    for phrase in language.texts.answers.type(type_).said.split(", "):
        assert offered_answers(phrase) == (type_,), phrase


@pytest.mark.parametrize("language", Language)
def test_what_says_nothing(language: Language) -> None:
    """As it stands there."""
    for phrase in language.texts.phrases.unclear.split(", "):
        assert offered_answers(phrase) == (), phrase


@pytest.mark.parametrize("language", Language)
def test_labels_are_understood(language: Language) -> None:
    """Who types what stands on a button means the button."""
    for type_ in FeedbackType:
        label = language.texts.answers.type(type_).label
        assert offered_answers(label) == (type_,), label


def test_no_phrase_means_two_things() -> None:
    """Whatever the language."""
    means = {
        type_: {p for it in Language for p in it.texts.answers.type(type_).said.split(", ")}
        for type_ in FeedbackType
    }
    unclear = {phrase for it in Language for phrase in it.texts.phrases.unclear.split(", ")}
    for one, other in combinations([*means.values(), unclear], 2):
        assert one & other == set()
