"""The docstrings below attributes."""

from pydantic import BaseModel, create_model

from bot.core.records.attribute_docs import attribute_docs


class Parent:
    """A class."""

    first: int = 1
    """Of the parent,
    in two lines."""
    second: int = 2
    third: int = 3
    "Not this one."


class Child(Parent):
    third: int = 4
    """Of the child."""


def test_they_are_inherited_and_stand_in_one_line() -> None:
    assert attribute_docs(Child) == {"first": "Of the parent, in two lines.", "third": "Of the child."}


def test_a_class_that_was_made_by_a_call_has_none_of_its_own() -> None:
    assert attribute_docs(create_model("Made", number=(int, 1))) == attribute_docs(BaseModel)
