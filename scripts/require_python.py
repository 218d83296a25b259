"""Asked by whoever builds the program: says at once that this Python is too old.

pip itself knows that from `requires-python`, but some versions of it look for all that is depended on before
they say so. Written so that older Pythons can read it.
"""

from __future__ import annotations

import sys
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

OLDEST = (3, 11)


def refusal(version: tuple[int, ...]) -> str | None:
    """What to say to a Python; None if it will do."""
    if version[:2] >= OLDEST:
        return None
    needed, found = (".".join(map(str, each[:2])) for each in (OLDEST, version))
    return (
        f"feedback-bot needs Python {needed} or newer, and this is {found}: make the environment with a newer"
        " one, such as python3.12 -m venv .venv"
    )


class RequirePython(MetadataHookInterface):
    """Changes nothing."""

    def update(self, metadata: dict[str, Any]) -> None:  # noqa: ARG002
        """Refuse, or do nothing."""
        if words := refusal(tuple(sys.version_info[:2])):
            sys.exit(words)
