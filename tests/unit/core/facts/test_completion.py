"""Whether a session was done: by the answer, else by what was said besides."""

from __future__ import annotations

import pytest

from bot.core.facts.answer_types import FeedbackType
from bot.core.facts.completion import Completion, completion, completion_of
from bot.core.facts.questions import Detail


@pytest.mark.parametrize(
    ("type_", "said", "how"),
    [
        (FeedbackType.DONE, None, Completion.ALL),
        (FeedbackType.HARD, "no", Completion.ALL),
        (FeedbackType.SKIPPED, "all", Completion.NONE),
        (FeedbackType.PAIN, None, Completion.UNKNOWN),
        (FeedbackType.PAIN, "all", Completion.ALL),
        (FeedbackType.PAIN, "part", Completion.PART),
        (FeedbackType.PAIN, "no", Completion.NONE),
        (FeedbackType.PAIN, "not known", Completion.UNKNOWN),
        (FeedbackType.PAIN, ["all"], Completion.UNKNOWN),
        (None, "all", Completion.UNKNOWN),
    ],
)
def test_how_much_was_done(type_: FeedbackType | None, said: object, how: Completion) -> None:
    """Only where the answer does not tell, what was said besides counts; nothing is made up."""
    assert completion(type_, said) is how
    assert completion_of(type_, {"completed": said}) is how


def test_each_choice_says_something() -> None:
    """The words are those of the question."""
    assert set(Completion) - {Completion.UNKNOWN} == set(Detail.COMPLETED.facts.choices)
