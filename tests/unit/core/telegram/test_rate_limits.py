"""Telegram's limits hold in every window, for callers who skip chats that are waiting."""

from __future__ import annotations

import heapq
import random
from collections import defaultdict
from collections.abc import Sequence

import pytest

from bot.core.telegram.rate_limits import CHAT_SPACING, GROUP_WINDOW, InFlight, SendLimits


def most_in_window(times: Sequence[float], seconds: float) -> int:
    """The most messages in any window of so many seconds, both ends included."""
    most = start = 0
    for end, at in enumerate(times):
        while at - times[start] > seconds:
            start += 1
        most = max(most, end - start + 1)
    return most


def simulate(chats: Sequence[int], bookings: int, seed: int) -> dict[int, list[float]]:
    """Book as the dispatcher does: never for a waiting chat, and not again before the message is out."""
    chance, limits = random.Random(seed), SendLimits()
    now, sent = 50_000.0, defaultdict[int, list[float]](list)
    for _ in range(bookings):
        while not (free := sorted(set(chats) - limits.waiting(now))):
            now += 0.05
        chat = chance.choice(free)
        expected = limits.earliest(chat, now)
        at = limits.reserve(chat, now)
        assert at == expected >= now
        sent[chat].append(at)
        now = max(now, at - chance.uniform(0, 0.3)) + chance.choice([0, 0, 0.001, 0.02])
    return sent


@pytest.mark.parametrize(
    ("chats", "bookings", "seed"),
    [
        (range(1, 801), 10_000, 1),
        (range(-60, 200), 5_000, 2),
        ([-1, -2, -3], 300, 3),
        ([1], 200, 4),
    ],
)
def test_no_window_holds_more_than_telegram_allows(chats: Sequence[int], bookings: int, seed: int) -> None:
    """30 a second over all, one a second in a chat, 20 a minute in a group."""
    sent = simulate([chat for chat in chats if chat != 0], bookings, seed)
    everything = sorted(at for times in sent.values() for at in times)
    assert len(everything) == bookings
    assert most_in_window(everything, 1.0) <= 30
    for chat, times in sent.items():
        assert most_in_window(times, 1.0) == 1
        if chat < 0:
            assert most_in_window(times, 60.0) <= 20


def arrivals(seed: int, number: int, late: float, under_way: float) -> list[float]:
    """When messages arrive for which twelve senders wake up too late, and which are not equally quick.

    Args:
        late: seconds by which a sender may wake up too late.
        under_way: seconds that a message, and its reply, may take longer than the quickest.
    """
    chance, limits = random.Random(seed), SendLimits()
    arrived: list[float] = []
    todo: list[tuple[float, int, InFlight | None]] = [(1000.0, sender, None) for sender in range(12)]
    chats = iter(range(1, number + 100))
    while len(arrived) < number:
        now, sender, departure = heapq.heappop(todo)
        if departure is not None:
            limits.arrived(departure, now)
            departure = None
        if sender < 12:  # free: books its place
            at = limits.reserve(next(chats), now) + chance.choice([0, 0, 0, late * chance.random()])
            heapq.heappush(todo, (max(now, at), sender + 12, None))
        elif (wait := limits.pause(now)) > 0:
            heapq.heappush(todo, (now + wait, sender, None))
        else:
            there, back = (0.01 + chance.choice([0, 0, under_way * chance.random()]) for _ in range(2))
            arrived.append(now + there)
            departure = limits.leave(-sender, now)
            heapq.heappush(todo, (now + there + back, sender - 12, departure))
    return sorted(arrived)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("late", "under_way"), [(0.0, 0.0), (0.1, 0.0), (0.0, 0.15), (0.3, 0.2)])
def test_what_arrives_keeps_the_limit_in_any_weather(seed: int, late: float, under_way: float) -> None:
    """On a busy machine and in a slow network, too, once it is known how long the way is; and little of the
    limit is given away."""
    times = arrivals(seed, 1_500, late, under_way)[30:]
    assert most_in_window(times, 1.0) <= 30
    assert len(times) / (times[-1] - times[0]) > (29.4 if late == under_way == 0 else 27)


def test_a_chat_that_was_late_waits_from_then_on() -> None:
    """A message that left or arrived later than booked keeps its chat busy for as much longer."""
    limits = SendLimits()
    limits.reserve(7, 100.0)
    limits.arrived(limits.leave(8, 100.0), 100.1)
    departure = limits.leave(7, 100.5)
    assert limits.waiting(101.51) == {7}
    limits.arrived(departure, 100.9)  # 0.3 s longer than the quickest
    assert limits.waiting(101.81) == {7}
    assert limits.waiting(101.83) == set()


def test_replies_that_do_not_come_hold_up_nothing() -> None:
    """Such a message counts from when it left."""
    limits = SendLimits()
    departures = [limits.leave(chat, 100.0) for chat in range(1, 31)]
    for departure in departures:
        limits.arrived(departure, 130.0)
    assert limits.pause(100.5) == pytest.approx(0.505)
    assert limits.pause(101.1) <= 0


def test_the_limit_over_all_is_used_up() -> None:
    """A queue for many chats goes out at almost 30 a second, no slower."""
    limits = SendLimits()
    last = [limits.reserve(chat, 100.0) for chat in range(1, 296)][-1]
    assert last == pytest.approx(100.0 + 294 / 29.5)


def test_groups_are_negative_chats_only() -> None:
    """A private chat gets its 21st message in a minute, a group does not."""
    limits = SendLimits()
    for n in range(20):
        for chat in (7, -7):
            assert limits.reserve(chat, 1000.0 + 2 * n) == pytest.approx(1000.0 + 2 * n, abs=0.1)
    assert limits.earliest(7, 1040.0) == 1040.0
    assert limits.earliest(-7, 1040.0) >= 1060.0
    assert limits.waiting(1042.0) == {-7}


def test_a_chat_on_hold_is_left_alone() -> None:
    """`retry_after` for a chat holds up that chat, without a chat everybody, and never shortens a wait."""
    limits = SendLimits()
    limits.hold(7, 130.0)
    limits.hold(7, 110.0)
    assert limits.waiting(129.9) == {7}
    assert limits.waiting(130.0) == set()
    assert limits.earliest(7, 100.0) == 130.0
    assert limits.earliest(8, 100.0) == 100.0
    limits.hold(None, 120.0)
    limits.hold(None, 105.0)
    assert limits.earliest(8, 100.0) == 120.0
    assert limits.reserve(8, 100.0) == 120.0


def test_a_waiting_chat_does_not_hold_up_the_others() -> None:
    """Booking far ahead for one chat leaves the next place to another."""
    limits = SendLimits()
    limits.hold(7, 200.0)
    assert limits.reserve(7, 100.0) == 200.0
    assert limits.reserve(8, 100.0) == pytest.approx(100.0, abs=0.1)


def test_what_others_have_sent_counts() -> None:
    """Twenty messages of a service that was killed leave no room in a group for a minute, here either."""
    limits = SendLimits()
    limits.recall(-7, [100.0 + n for n in range(19)])
    assert limits.earliest(-7, 120.0) == 120.0
    limits.recall(-7, [119.5])
    assert limits.earliest(-7, 120.0) == 100.0 + GROUP_WINDOW
    limits.recall(8, [119.5])
    assert limits.earliest(8, 120.0) == 119.5 + CHAT_SPACING


def test_what_this_service_has_sent_itself_counts_once() -> None:
    """It is read from the outbox, too, after a moment without the lease, and with its time of arrival."""
    limits = SendLimits()
    sent = [limits.reserve(-7, 100.0 + 2 * n) for n in range(11)]
    for _ in range(2):
        limits.recall(-7, [at + 0.3 for at in sent])
    assert limits.earliest(-7, 125.0) == 125.0


def test_memory_is_bounded_and_nothing_in_force_is_forgotten() -> None:
    """Chats whose turn is over are dropped, holds and full groups are kept."""
    limits = SendLimits()
    limits.hold(3, 10_000.0)
    for n in range(20):
        limits.reserve(-7, 100.0 + 2 * n)
    now = 140.0
    for chat in range(10, 3000):
        now = limits.reserve(chat, now)
        if now < 150.0:
            assert -7 in limits.waiting(now)
    assert 3 in limits.waiting(now)
    assert len(limits._next_in_chat) <= 502
    assert limits._group_times == {}
