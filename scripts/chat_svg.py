"""A chat as the local Bot API server holds it -> an SVG that looks like a phone."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape

_WIDTH, _MARGIN, _PADDING = 420, 14, 12
_LINE, _SIZE = 21, 15
_LETTERS = 40  # in a line
_BUTTON, _GAP = 34, 5
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours."""

    page: str
    bot: str
    user: str
    ink: str
    faint: str
    button: str
    chosen: str
    styles: Mapping[str, str]
    """The colours of buttons by their style in the Bot API."""


LIGHT = Theme(
    "#d7e3ec",
    "#ffffff",
    "#e3fbd3",
    "#17212b",
    "#7b8a97",
    "#f2f6f9",
    "#d5e9fb",
    {"success": "#d3efd5", "danger": "#fadadb"},
)
DARK = Theme(
    "#0e1621",
    "#182533",
    "#2b5278",
    "#f2f5f7",
    "#8499ab",
    "#223243",
    "#2b5278",
    {"success": "#234d31", "danger": "#5a2d33"},
)


def draw(messages: Sequence[Mapping[str, Any]], theme: Theme) -> str:
    """The messages, oldest first, as the Bot API describes them."""
    parts: list[str] = []
    y = _MARGIN
    for message in messages:
        drawn, height = _message(message, y, theme)
        parts += drawn
        y += height + 10
    height = y + _MARGIN - 10
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}"'
        f' viewBox="0 0 {_WIDTH} {height}" font-family="{_FONT}" font-size="{_SIZE}">\n'
        f'<rect width="{_WIDTH}" height="{height}" rx="18" fill="{theme.page}"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _message(message: Mapping[str, Any], top: int, theme: Theme) -> tuple[list[str], int]:
    is_bot = bool(message["from"]["is_bot"])
    lines = _lines(message)
    letters = max(len(line) for line, _ in lines)
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    full = _WIDTH - 2 * _MARGIN - 34
    width = full if rows else min(full, round(letters * 8.2) + 2 * _PADDING + 46)
    x = _MARGIN if is_bot else _WIDTH - _MARGIN - width
    height = len(lines) * _LINE + 2 * _PADDING - 2
    fill = theme.bot if is_bot else theme.user
    parts = [f'<rect x="{x}" y="{top}" width="{width}" height="{height}" rx="14" fill="{fill}"/>']
    for number, (line, is_bold) in enumerate(lines):
        weight = ' font-weight="700"' if is_bold else ""
        y = top + _PADDING + 14 + number * _LINE
        parts.append(f'<text x="{x + _PADDING}" y="{y}" fill="{theme.ink}"{weight}>{escape(line)}</text>')
    time = f"{datetime.fromtimestamp(message['date'], UTC):%H:%M}"
    parts.append(
        f'<text x="{x + width - _PADDING}" y="{top + height - 8}" font-size="11" text-anchor="end"'
        f' fill="{theme.faint}">{time}</text>'
    )
    if reactions := "".join(message.get("reactions", ())):
        edge, bottom = x - 16, top + height
        parts.append(
            f'<rect x="{edge}" y="{bottom - 15}" width="30" height="22" rx="11" fill="{theme.button}"/>'
            f'<text x="{edge + 7}" y="{bottom}" font-size="13">{escape(reactions)}</text>'
        )
    y = top + height + _GAP
    for row in rows:
        each = (width - _GAP * (len(row) - 1)) / len(row)
        for number, button in enumerate(row):
            left = x + number * (each + _GAP)
            label = str(button["text"])
            plain = theme.styles.get(str(button.get("style")), theme.button)
            fill = theme.chosen if label.startswith("• ") else plain
            parts.append(
                f'<rect x="{left:.1f}" y="{y}" width="{each:.1f}" height="{_BUTTON}" rx="9" fill="{fill}"/>'
                f'<text x="{left + each / 2:.1f}" y="{y + 22}" text-anchor="middle" font-size="14"'
                f' fill="{theme.ink}">{escape(label)}</text>'
            )
        y += _BUTTON + _GAP
    return parts, y - _GAP - top


def _lines(message: Mapping[str, Any]) -> list[tuple[str, bool]]:
    """The text in lines, each with whether it is bold; a line is bold as a whole, or not at all."""
    text = str(message["text"])
    bold = [
        _in_utf16(text, entity["offset"], entity["length"])
        for entity in message.get("entities", ())
        if entity["type"] == "bold"
    ]
    found: list[tuple[str, bool]] = []
    for line in text.split("\n"):
        is_bold = bool(line) and line in bold
        found += [(part, is_bold) for part in textwrap.wrap(line, _LETTERS) or [""]]
    return found


def _in_utf16(text: str, offset: int, length: int) -> str:
    """A part of a text, measured as Telegram does."""
    units = text.encode("utf-16-le")
    return units[2 * offset : 2 * (offset + length)].decode("utf-16-le")
