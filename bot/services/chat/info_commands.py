"""What people ask about the bot: /help and /stats."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping

from bot.core.facts.commands import Command
from bot.core.figures import texts as stats_texts
from bot.core.figures.stats import Stats
from bot.core.i18n.language import Language
from bot.core.people import texts
from bot.core.shared.errors import JournalError, PictureError, StorageError
from bot.logs import describe_defect
from bot.services.chat.commands import CommandRequest, Handler
from bot.services.chat.reply import Reply
from bot.services.reports.figures import DEFAULT_DAYS, MAX_DAYS

log = logging.getLogger(__name__)

_DIGITS = 3


class InfoCommands:
    """Answers what is asked about the bot. Nothing is changed.

    Args:
        stats: figures over so many days.
        draw: their picture (PNG).
    """

    def __init__(
        self,
        stats: Callable[[int], Awaitable[Stats]],
        draw: Callable[[Stats, Language], Awaitable[bytes]],
    ) -> None:
        self._stats = stats
        self._draw = draw

    def handlers(self) -> Mapping[Command, Handler]:
        """The commands that are carried out here."""
        return {Command.HELP: self._help, Command.STATS: self._show_stats}

    async def _help(self, request: CommandRequest) -> Reply:
        language = request.language
        coach_help = texts.coach_help(language) if request.is_coach_chat else ""
        if request.sender is not None:
            own_help = texts.help_text(language, admin=request.is_admin)
        elif request.is_admin:
            own_help = texts.admin_help(language)
        elif coach_help:
            own_help = ""
        else:
            return Reply(texts.welcome(request.update.user_id, language, athlete=False, admin=False))
        return Reply("\n\n".join(text for text in (own_help, coach_help) if text))

    async def _show_stats(self, request: CommandRequest) -> Reply:
        language = request.language
        days = _days(request.update.argument)
        if days is None:
            return Reply(language.texts.figures.usage)
        try:
            figures = await self._stats(days)
        except (StorageError, JournalError) as exc:
            log.warning("%s", exc)
            return Reply(language.texts.figures.later)
        except Exception as exc:  # noqa: BLE001  # whoever asked is told
            log.error("figures cannot be made: %s", describe_defect(exc))
            return Reply(language.texts.figures.later)
        text = stats_texts.stats(figures, language)
        try:
            picture = await self._draw(figures, language)
        except PictureError as exc:
            log.warning("/stats without a picture: %s", exc)
            return Reply(stats_texts.without_picture(text, language, is_missing_extra=exc.is_missing_extra))
        without = stats_texts.without_picture(text, language, is_missing_extra=False)
        return Reply(text, picture=picture, without_picture=without)


def _days(argument: str) -> int | None:
    """The number of days asked for; None if that is none."""
    if not argument:
        return DEFAULT_DAYS
    days = int(argument) if argument.isascii() and argument.isdigit() and len(argument) <= _DIGITS else 0
    return days if 1 <= days <= MAX_DAYS else None
