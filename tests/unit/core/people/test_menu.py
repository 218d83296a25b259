"""Which commands are offered to whom, in which language."""

from __future__ import annotations

from bot.core.facts.commands import Audience, Command
from bot.core.i18n.language import Language
from bot.core.people.menu import APPS, menus

ANA, BEN, BOSS = 71, 72, 99


def test_each_sees_their_own_commands() -> None:
    """Strangers few, athletes all but the admins', admins figures, too; in the language of the app."""
    found = menus({ANA}, {BOSS}, lambda _: None)
    assert set(found) == {(who, app) for who in (None, ANA, BOSS) for app in APPS}
    assert set(APPS) >= {"", "es"}
    names = {who: [name for name, _ in found[who, ""]] for who in (None, ANA, BOSS)}
    assert names[None] == ["start", "help", "language", "privacy"]
    coachs = [name for name in Command if name.audience is Audience.COACH]
    assert names[ANA] == [name for name in Command if name not in ("stats", *coachs)]
    assert names[BOSS] == ["start", "help", "language", "privacy", "stats"]
    both = menus({ANA}, {ANA}, lambda _: None)
    assert [name for name, _ in both[ANA, ""]] == [name for name in Command if name not in coachs]
    assert found[ANA, ""][0] == ("start", Language.EN.texts.command(Command.START).menu)
    assert found[ANA, "es"][0] == ("start", Language.ES.texts.command(Command.START).menu)


def test_the_coachs_chat() -> None:
    """A group has what works there; in a private chat it comes with what is its user's."""
    found = menus({ANA}, {BOSS}, lambda _: None, -500)
    assert [name for name, _ in found[-500, ""]] == ["start", "help", "today", "athlete", "ask", "silent"]
    assert found[ANA, ""] == menus({ANA}, {BOSS}, lambda _: None)[ANA, ""]
    assert dict(menus({ANA}, (), lambda _: None, ANA)[ANA, ""]).keys() >= {"week", "today"}
    assert found[None, ""] == menus((), (), lambda _: None)[None, ""]


def test_an_athlete_who_is_an_admin_has_one_menu() -> None:
    """The admin's."""
    assert "stats" in dict(menus({BOSS}, {BOSS}, lambda _: None)[BOSS, ""])


def test_a_choice_counts_more_than_the_app() -> None:
    """Who chose Spanish reads Spanish in an English app; nobody else is touched."""
    found = menus({ANA, BEN}, (), {ANA: Language.ES}.get)
    assert found[ANA, ""] == found[ANA, "es"] == found[BEN, "es"]
    assert found[BEN, ""] != found[BEN, "es"]


def test_menus_are_what_telegram_takes() -> None:
    """Names of 1 to 32 letters, descriptions of 1 to 256 characters, at most 100 commands."""
    assert len(Command) <= 100
    for name in Command:
        assert name.isascii()
        assert name.isalpha()
        assert name.islower()
        assert len(name) <= 32
        assert all(1 <= len(language.texts.command(name).menu) <= 256 for language in Language)
