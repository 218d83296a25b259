"""Text of others on one line of a log or a terminal, and what of it can be seen. Pure."""

from __future__ import annotations

import re
from unicodedata import category

from bot.core.shared.tolerant import is_invisible

_JOINERS = "\u200c\u200d"
# The flag of a part of a country: a black flag, the part's name in letters that do not show, and their end.
_FLAG = re.compile("\U0001f3f4([\U000e0030-\U000e007a]{3,6}\U000e007f)")


def one_line(text: str) -> str:
    r"""`text` with all that does not print escaped, as in `\n`, `\x1b` and `\u202e`.

    Line breaks would forge lines, escape sequences change what a terminal shows, and marks of direction the
    order of what is read. Joiners stay where they join.
    """
    if text.isprintable():
        return text
    kept = _joining(text)
    return "".join(
        c if place in kept or c.isprintable() else c.encode("unicode_escape").decode("ascii")
        for place, c in enumerate(text)
    )


def is_name(text: str) -> bool:
    """Whether something can be seen of `text`, in one line, and nothing hides in it.

    The joiners of Persian, Sinhala and emoji families hide nothing: without them it would be another name.
    """
    kept = _joining(text)
    shown = "".join(c for place, c in enumerate(text) if place not in kept)
    return shown.isprintable() and not is_invisible(shown)


def joiners(text: str) -> set[int]:
    """The places of joiners that join what is around them."""
    return {
        place
        for place in range(1, len(text) - 1)
        if text[place] in _JOINERS and _is_joined(text[place - 1]) and _is_joined(text[place + 1])
    }


def _joining(text: str) -> set[int]:
    """The places of what does not print, and shapes what is around it."""
    return joiners(text).union(*(range(*flag.span(1)) for flag in _FLAG.finditer(text)))


def _is_joined(char: str) -> bool:
    """Whether a joiner beside it can be seen: scripts with large and small letters do not join theirs."""
    return category(char)[0] in "LMNS" and char.lower() == char.upper()
