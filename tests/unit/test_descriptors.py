"""How many files may be open, on each system."""

from __future__ import annotations

import resource

import pytest

from bot.descriptors import raise_limit, share

INFINITY = resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("soft", "hard", "most", "raised"),
    [
        (1_024, 1_048_576, INFINITY, 65_536),  # Linux
        (1_024, 4_096, INFINITY, 4_096),
        (INFINITY, INFINITY, INFINITY, 65_536),
        (256, INFINITY, 10_240, 10_240),  # macOS, whose kernel gives no more than that
        (256, INFINITY, 200_000, 65_536),
        (20_000, INFINITY, 10_240, 20_000),
        (256, 512, 300, 256),
    ],
)
def test_as_many_as_the_system_gives(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, most: int, raised: int
) -> None:
    """It is asked for less where it refuses."""
    limits = [soft, hard]

    def set_(_: int, wanted: tuple[int, int]) -> None:
        if most != INFINITY and wanted[0] > most:
            raise ValueError("current limit exceeds maximum limit")
        limits[:] = wanted

    monkeypatch.setattr(resource, "getrlimit", lambda _: tuple(limits))
    monkeypatch.setattr(resource, "setrlimit", set_)
    assert raise_limit() == raised
    assert limits[0] >= soft or soft == INFINITY
    assert share(raised).mongodb >= 1
