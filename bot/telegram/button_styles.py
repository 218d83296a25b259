"""How buttons look, for servers that know it (Bot API 9.4) and for those that do not."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any

log = logging.getLogger(__name__)

_FIELD = "style"
_ABOUT_BUTTONS = re.compile("style|button|inline keyboard", re.IGNORECASE)


class ButtonStyles:
    """Remembers whether the server takes styles; until it has refused one, it does."""

    def __init__(self) -> None:
        self._are_taken = True

    def fit(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters of a call as this server takes them."""
        return dict(parameters) if self._are_taken else without_styles(parameters)

    def may_be_refused(self, parameters: Mapping[str, Any], reason: str) -> bool:
        """Whether the server may have refused a call for the styles in it."""
        return _ABOUT_BUTTONS.search(reason) is not None and without_styles(parameters) != parameters

    def refused(self) -> None:
        """A call was refused with styles and taken without."""
        self._are_taken = False
        log.info("this Bot API server knows no button styles; buttons look as they always did")


def without_styles(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The same parameters, buttons without styles."""
    markup = parameters.get("reply_markup")
    if not isinstance(markup, dict) or not (rows := markup.get("inline_keyboard")):
        return dict(parameters)
    plain = [
        [{name: value for name, value in button.items() if name != _FIELD} for button in row] for row in rows
    ]
    return {**parameters, "reply_markup": {**markup, "inline_keyboard": plain}}
