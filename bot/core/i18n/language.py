"""The languages that people are written to: an import, a line, and a file of texts for each.

What is stored, logged, or said to programs is English; what a person reads in Telegram is in their language.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from bot.core.facts.commands import Command
from bot.core.i18n import en, es, pt
from bot.core.i18n.catalog import Texts
from bot.core.shared.tolerant import fold

if TYPE_CHECKING:
    from babel import Locale


class Language(StrEnum):
    """A language that people can be written to, by its IETF tag.

    Attributes:
        texts: all that is said in it.
        aliases: what it is called besides its names in all our languages.
    """

    EN = "en", en.TEXTS
    ES = "es", es.TEXTS, "castellano"
    PT = "pt", pt.TEXTS, "brasileiro"

    _value_: str
    texts: Texts
    aliases: tuple[str, ...]

    def __new__(cls, tag: str, texts: Texts, *aliases: str) -> Language:
        """A tag that knows its texts."""
        member = str.__new__(cls, tag)
        member._value_, member.texts, member.aliases = tag, texts, aliases
        return member

    @property
    def locale(self) -> Locale:
        """The names, separators and plurals of dates and numbers."""
        return _locale(self.texts.formats.locale)

    def named(self, reader: Language) -> str:
        """The name of this language in that of `reader`: `español`, `Spanish`."""
        return str(reader.locale.languages[self.value])


def named_command(name: str) -> Command | None:
    """The command that somebody means, by its name or what it may be called in any language."""
    return _commands().get(name)


@cache
def _commands() -> Mapping[str, Command]:
    aliases = {
        alias: command
        for language in Language
        for command in Command
        for alias in language.texts.command(command).aliases
    }
    return {**aliases, **{command.value: command for command in Command}}


DEFAULT = Language.EN
"""For whom we know none."""

_BY_TAG = {language.value: language for language in Language}


@cache
def _locale(name: str) -> Locale:
    # Babel takes 40 ms to import, and each locale 20 to read: not for commands that write no date.
    from babel import Locale  # noqa: PLC0415

    return Locale.parse(name)


@lru_cache(maxsize=512)  # asked for every tap
def read_language(tag: str | None) -> Language | None:
    """The language of an IETF tag such as `es-MX`; None if there is none, or nobody is written to in it."""
    return _BY_TAG.get((tag or "").replace("_", "-").partition("-")[0].strip().lower())


@lru_cache(maxsize=64)
def chosen_language(name: str) -> Language | None:
    """The language that somebody names, in any of ours or by its tag; None if it is none of ours."""
    said = fold(name.strip())
    for language in Language:
        names = (language.value, *language.aliases, *(language.named(reader) for reader in Language))
        if said in map(fold, names):
            return language
    return None


def language_of(*tags: str | None) -> Language:
    """The language of the first tag that is one of ours, else the default."""
    return next((found for tag in tags if (found := read_language(tag)) is not None), DEFAULT)
