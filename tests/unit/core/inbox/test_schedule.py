"""In which order the updates of a page are seen to."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.core.inbox.schedule import UpdateScope, rounds

SCOPES = st.lists(
    st.builds(
        UpdateScope,
        st.sampled_from([None, 1, 2, 3]),
        st.sampled_from([None, "a", "b"]),
        is_global=st.sampled_from([False] * 9 + [True]),
    ),
    max_size=30,
)


def concern_the_same(one: UpdateScope, other: UpdateScope) -> bool:
    """Whether the order of two updates matters."""
    if one.is_global or other.is_global:
        return True
    if one.user_id != other.user_id:
        return False
    return one.session is None or other.session is None or one.session == other.session


@given(SCOPES)
def test_what_concerns_the_same_is_in_the_order_of_arrival(scopes: list[UpdateScope]) -> None:
    """And never in one round; every round has something in it."""
    numbers = rounds(scopes)
    for later in range(len(scopes)):
        for earlier in range(later):
            if concern_the_same(scopes[earlier], scopes[later]):
                assert numbers[earlier] < numbers[later]
    assert set(numbers) == set(range(max(numbers, default=-1) + 1))


def test_what_is_independent_is_seen_to_together() -> None:
    """Different people, and different sessions of one person."""
    assert rounds([UpdateScope(1, "a"), UpdateScope(2, "a"), UpdateScope(1, "b"), UpdateScope(3)]) == [
        0,
        0,
        0,
        0,
    ]
    assert rounds([UpdateScope(1, "a"), UpdateScope(1), UpdateScope(1, "b"), UpdateScope(2, "a")]) == [
        0,
        1,
        2,
        0,
    ]
    assert rounds([]) == []
