"""Text of others on one line of a log or a terminal. Pure."""

from __future__ import annotations


def one_line(text: str) -> str:
    r"""`text` with all that does not print escaped, as in `\n`, `\x1b` and `\u202e`.

    Line breaks would forge lines, escape sequences change what a terminal shows, and marks of direction the
    order of what is read.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
