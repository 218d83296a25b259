"""Replies to messages: greetings, help, pauses, invitations, languages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, tzinfo
from string import Formatter

from bot.core.answers.texts import label
from bot.core.facts.answer_types import FeedbackType
from bot.core.facts.commands import Audience, Command, Place
from bot.core.i18n.formats import listed, long_date
from bot.core.i18n.language import Language


def welcome(
    user_id: int,
    language: Language,
    *,
    athlete: bool,
    admin: bool,
    coach: bool = False,
    pause: str | None = None,
) -> str:
    """The reply to /start.

    Args:
        coach: it came from the coach's chat.
        pause: what is said of the pause on which the athlete is.
    """
    texts = language.texts.people
    if athlete:
        hello = texts.hello.format(what=texts.what_i_do, user_id=user_id)
        return hello if pause is None else f"{hello}\n\n{pause}"
    hello = texts.hello_admin if admin else texts.hello_coach if coach else texts.hello_stranger
    return hello.format(user_id=user_id)


def enlisted(name: str | None, language: Language) -> str:
    """The reply to an invitation that was accepted."""
    texts = language.texts.people
    return texts.enlisted.format(name=f", {name}" if name else "", what=texts.what_i_do)


def enlisted_before(name: str | None, language: Language) -> str:
    """The reply to an invitation that does not fit somebody who is an athlete already."""
    texts = language.texts.people
    return texts.enlisted_before.format(name=texts.as_name.format(name=name) if name else "")


def invitation_invalid(user_id: int, language: Language) -> str:
    """The reply to a code that is unknown, used or expired."""
    return language.texts.people.invitation_invalid.format(user_id=user_id)


def paused(until: datetime | None, zone: tzinfo, language: Language) -> str:
    """The reply to /pause."""
    texts = language.texts.people
    end = texts.paused_open
    if until is not None:
        end = texts.paused_until.format(date=long_date(until.astimezone(zone).date(), language))
    return texts.paused.format(end=end)


def help_text(language: Language, *, admin: bool) -> str:
    """The reply to /help."""
    texts, answers = language.texts.people, language.texts.answers
    lines = [f"{label(type_, language)}: {answers.type(type_).help}" for type_ in FeedbackType]
    lines.append(f"{answers.later}: {answers.later_help}")
    commands = _explained(language, lambda command: command.is_for(is_athlete=True, is_admin=admin))
    named = {name for _, name, _, _ in Formatter().parse(texts.help)}
    others = [f"\n{line}." for name, line in commands.items() if name not in named]
    return texts.help.format(answers="\n".join(lines), **commands) + "".join(others)


def admin_help(language: Language) -> str:
    """The reply to /help of an admin who is no athlete."""
    commands = _explained(language, lambda command: command.is_for(is_athlete=False, is_admin=True))
    return language.texts.people.help_admin.format(commands="\n".join(commands.values()))


def coach_help(language: Language) -> str:
    """The reply to /help in the coach's chat."""
    commands = _explained(language, lambda command: command.audience is Audience.COACH)
    return language.texts.coach.help.format(commands="\n".join(commands.values()))


def _explained(language: Language, is_for_them: Callable[[Command], bool]) -> dict[str, str]:
    """Commands by name, each with what it does."""
    return {
        command.value: f"/{command} {what}"
        for command in Command
        if is_for_them(command) and (what := language.texts.command(command).help) is not None
    }


def for_others(command: Command, language: Language) -> str:
    """The reply to somebody whom a command is not for."""
    rules = language.texts.rules
    match command.audience:
        case Audience.ADMINS:
            rule = rules.for_admins
        case Audience.COACH:
            rule = rules.for_coach
        case _:
            rule = rules.for_athletes
    return language.texts.command(command).for_others or rule.format(command=command)


def elsewhere(command: Command, language: Language) -> str:
    """The reply to a command in a chat in which it is not carried out."""
    rules = language.texts.rules
    rule = rules.own_chat if command.place is Place.OWN_CHAT else rules.private
    return language.texts.command(command).elsewhere or rule.format(command=command)


def not_done(language: Language) -> str:
    """The reply when a wish could not be carried out."""
    return language.texts.people.not_done


def present_language(language: Language) -> str:
    """The reply to /language alone: which one it is, and how to change it; in all languages."""
    others = [other for other in Language if other is not language]  # for whoever cannot read this one
    return "\n\n".join(_present(reader, language) for reader in (language, *others))


def language_usage(language: Language) -> str:
    """The reply to /language with something behind it that is none of ours."""
    texts = language.texts.languages
    languages = [language, *(other for other in Language if other is not language)]
    named = [texts.named.format(name=it.named(language)) for it in languages]
    return texts.usage.format(
        languages=listed(named, texts.either, language), commands=", ".join(map(_command, languages))
    )


def _present(reader: Language, present: Language) -> str:
    others = [_command(other) for other in Language if other is not reader]
    return reader.texts.languages.present.format(
        name=present.named(reader), commands=listed([*others, _command(reader)], "or", reader)
    )


def _command(language: Language) -> str:
    return f"/language {language.value}"
