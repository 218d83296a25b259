"""Whose turn it is to poll."""

from __future__ import annotations

import pytest

from bot.core.inbox.lease import FRESH, RENEW_EVERY, TTL, YIELD, LeaseKnowledge, LeaseVerdict, PollDecision


def test_the_spans_fit_together() -> None:
    """Knowledge that counts is younger than the lease it is of, and outlasts a question that fails."""
    assert 2 * RENEW_EVERY <= FRESH < TTL.total_seconds() - RENEW_EVERY
    assert TTL.total_seconds() + RENEW_EVERY < 30


@pytest.mark.parametrize("verdict", LeaseVerdict)
def test_stale_knowledge_is_renewed_before_the_next_poll(verdict: LeaseVerdict) -> None:
    """Whoever was stalled asks first, from the very instant on at which the knowledge is too old."""
    knowledge = LeaseKnowledge(verdict, asked_at=100)
    assert knowledge.turn(100 + FRESH - 0.001) is not PollDecision.ASK
    assert knowledge.turn(100 + FRESH) is PollDecision.ASK


def test_nothing_is_polled_before_the_first_question() -> None:
    """A service that has just been started may be a second one."""
    assert LeaseKnowledge().turn(0) is PollDecision.ASK


def test_the_holder_polls_and_the_others_stand_by() -> None:
    """As MongoDB says."""
    assert LeaseKnowledge().answered(5, is_ours=True).turn(5) is PollDecision.POLL
    assert LeaseKnowledge().answered(5, is_ours=False).turn(5) is PollDecision.STAND_BY


def test_without_mongodb_who_polled_goes_on() -> None:
    """Nobody can take over then; and one that is started meanwhile begins."""
    assert LeaseKnowledge().answered(5, is_ours=True).unreachable(9).turn(9) is PollDecision.POLL
    assert LeaseKnowledge().unreachable(9).turn(9) is PollDecision.POLL


def test_without_mongodb_who_stood_by_goes_on_standing_by() -> None:
    """The other one may well be polling."""
    assert LeaseKnowledge().answered(5, is_ours=False).unreachable(9).turn(9) is PollDecision.STAND_BY


def test_two_that_poll_without_mongodb_make_way_for_each_other() -> None:
    """Whose poll was ended by another's leaves the polls to it for a while, to the very instant."""
    knowledge = LeaseKnowledge().unreachable(9).conflict(10)
    assert knowledge.turn(10) is PollDecision.STAND_BY
    later = knowledge.unreachable(10 + YIELD - 1)
    assert later.turn(10 + YIELD - 0.001) is PollDecision.STAND_BY
    assert later.turn(10 + YIELD) is PollDecision.POLL


def test_one_that_is_cut_off_disturbs_the_others_ever_more_rarely() -> None:
    """Twice as long each time, up to a bound; and from the beginning once MongoDB has answered."""
    knowledge, spans = LeaseKnowledge().unreachable(0), []
    for _ in range(7):
        knowledge = knowledge.conflict(100)
        spans.append(knowledge.yield_until - 100)
    assert spans == [20, 40, 80, 160, 320, 320, 320]
    again = knowledge.answered(200, is_ours=True).unreachable(300).conflict(300)
    assert again.yield_until == 300 + YIELD


def test_who_holds_the_lease_yields_to_nobody() -> None:
    """It is the other one that has to go, also if MongoDB goes away afterwards."""
    knowledge = LeaseKnowledge().answered(5, is_ours=True).conflict(6)
    assert knowledge.turn(6) is PollDecision.POLL
    assert knowledge.unreachable(9).turn(9) is PollDecision.POLL
