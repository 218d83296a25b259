"""Which language is meant."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bot.core.i18n.language import DEFAULT, Language, chosen_language, language_of, read_language

EN, ES = Language.EN, Language.ES


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("en", EN), ("es", ES), ("es-MX", ES), ("ES_419", ES), (" es ", ES), ("EN-gb", EN),
        ("xx", None), ("", None), (None, None), ("español", None), ("e", None),
    ],
)  # fmt: skip
def test_a_tag_is_read(tag: str | None, language: Language | None) -> None:
    """By its first part, in any case."""
    assert read_language(tag) is language


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("en", EN), ("English", EN), ("inglés", EN), ("INGLES", EN), ("ingle\u0301s", EN),
        ("es", ES), ("spanish", ES), ("Español", ES), ("espan\u0303ol", ES), ("espanol", ES),
        ("castellano", ES),
        ("klingon", None), ("", None), ("e", None), ("english spanish", None),
    ],
)  # fmt: skip
def test_a_language_is_named_in_any_of_ours(name: str, language: Language | None) -> None:
    """In any case, with or without accents."""
    assert chosen_language(name) is language


@pytest.mark.parametrize("language", Language)
def test_every_language_can_be_named_by_its_readers(language: Language) -> None:
    """By its tag, and in all languages."""
    assert chosen_language(language.value) is language
    for reader in Language:
        assert chosen_language(language.named(reader)) is language


def test_the_first_tag_that_is_one_of_ours_counts() -> None:
    """Else the default."""
    assert language_of(None, "xx", "es-AR", "en") is ES
    assert language_of() is DEFAULT
    assert language_of("xx", None) is DEFAULT


def test_babel_is_imported_when_it_is_needed() -> None:
    """Commands that write no date do not pay for it."""
    code = "import sys, bot.core.i18n.formats; print('babel' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize("language", Language)
def test_what_is_stored_is_the_tag(language: Language) -> None:
    """A language is text, as MongoDB and JSON take it."""
    assert language == language.value == str(language)
    assert len(language.value) == 2
