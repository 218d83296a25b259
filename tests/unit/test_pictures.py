"""The pictures of the README."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from scripts.chat_svg import DARK, LIGHT, Theme, draw

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
HOSTILE = 'Ana </text><script>alert("x")</script> & co'


def message(text: str, *, is_bot: bool, buttons: tuple[str, ...] = ()) -> dict[str, object]:
    """A message as the Bot API describes it, its first word bold."""
    word = text.split("\n", maxsplit=1)[0]
    return {
        "from": {"is_bot": is_bot},
        "date": 1_771_358_401,
        "text": text,
        "entities": [{"type": "bold", "offset": 0, "length": len(word)}],
        "reply_markup": {"inline_keyboard": [[{"text": label}] for label in buttons]},
    }


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_hostile_text_stays_text(theme: Theme) -> None:
    """Whatever people write, the picture is well-formed and shows it as it is."""
    svg = draw(
        [message(f"Tempo\n{HOSTILE}", is_bot=True, buttons=(HOSTILE,)), message("Hi", is_bot=False)], theme
    )
    root = ElementTree.fromstring(svg)  # noqa: S314  # our own
    shown = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert HOSTILE in shown
    assert "".join(text or "" for text in shown[1:3]).replace(" ", "") == HOSTILE.replace(" ", "")
    assert "20:00" in shown
    assert not list(root.iter("{http://www.w3.org/2000/svg}script"))


@pytest.mark.parametrize("name", ["chat.svg", "chat-dark.svg"])
def test_the_chat_is_there(name: str) -> None:
    """Well-formed, with what the bot asks."""
    texts = [element.text for element in ElementTree.parse(IMAGES / name).iter()]  # noqa: S314  # our own
    assert {"How did your session go?", "Tempo run", "Pass", "Hurts: knee (left), 6/10"} <= set(texts)


def test_the_picture_of_stats_is_there() -> None:
    """A PNG."""
    assert (IMAGES / "stats.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
