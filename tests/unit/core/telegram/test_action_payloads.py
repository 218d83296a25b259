"""Buttons that are no answers: payloads, and what is said to them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.answers.payloads import make_reference, parse_payload
from bot.core.i18n.language import Language
from bot.core.telegram.action_payloads import Action, ActionTap, format_action, parse_action


@pytest.mark.parametrize("action", Action)
def test_a_payload_comes_back(action: Action) -> None:
    """With the longest argument that there is, a reference; and it is nothing else."""
    reference = make_reference("r" * 100, "s")
    for argument in ("", reference, "a|b"):
        data = format_action(action, argument)
        assert len(data.encode()) <= 64
        assert parse_action(data) == ActionTap(action, argument)
        assert parse_payload(data) is None


@pytest.mark.parametrize(
    "data", [None, 7, "", "do", "do|", "do|dance|x", "undo|seen|x", "seen|x", "DO|seen|x"]
)
def test_what_is_no_action(data: object) -> None:
    """Everything else is none."""
    assert parse_action(data) is None


@given(st.one_of(st.none(), st.integers(), st.text(), st.text().map(lambda text: f"do|{text}")))
def test_reading_is_total(data: object) -> None:
    """Whatever stands there, nothing is raised."""
    tap = parse_action(data)
    assert tap is None or (isinstance(data, str) and data.startswith(f"do|{tap.action}"))


@pytest.mark.parametrize("language", Language)
def test_notices_fit(language: Language) -> None:
    """Telegram shows 200 characters in reply to a tap."""
    for text in (language.texts.coach_alerts.seen, language.texts.refusals.no_alert):
        assert 1 <= len(text) <= 200
