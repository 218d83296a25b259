"""The zone that somebody means who writes a city. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Collection

from bot.core.shared.tolerant import fold

_MOST_NAMED = 4
_LONGEST_NAME = 40
# `GMT+1` is one hour west there, which hardly anybody means who writes it.
_NO_PLACES = "Etc/"


def find_zone(text: str, known: Collection[str]) -> str:
    """An IANA zone by its name or its last part, in any case: `madrid` is Europe/Madrid.

    Args:
        known: the names of all zones.

    Raises:
        ValueError: there is none, or there are several; says what is expected.
    """
    said = fold(text.strip()).replace(" ", "_")
    if exact := next((name for name in known if fold(name) == said), None):
        return exact
    places = sorted(name for name in known if not name.startswith(_NO_PLACES))
    cities = [name for name in places if fold(name.rpartition("/")[2]) == said]
    if len(cities) == 1:
        return cities[0]
    if cities:
        raise ValueError(f"several places have that name; write one of {', '.join(cities[:_MOST_NAMED])}")
    names = {fold(name.rpartition("/")[2]): name for name in places} | {fold(name): name for name in places}
    close = difflib.get_close_matches(said, names, 1, 0.75)
    meant = f"do you mean {names[close[0]]}?" if close else "write one such as Europe/Madrid"
    raise ValueError(f"{text.strip()[:_LONGEST_NAME]!r} is not a time zone; {meant}")
