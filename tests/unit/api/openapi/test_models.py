"""The OpenAPI document says of every operation what it takes and answers, and its examples keep to that."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from bot.api.openapi.models import PromptModel, components
from bot.core.prompts.prompt import PromptState
from tests.support.api import openapi_document

SCHEMAS = components()


def _contents(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every body in the document, each with where it stands."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            where = f"{method.upper()} {path}"
            for content in operation.get("requestBody", {}).get("content", {}).values():
                yield f"{where}, request", content
            for status, response in operation["responses"].items():
                for media_type, content in response["content"].items():
                    yield f"{where}, {status} {media_type}", content


async def test_examples_are_what_the_models_say() -> None:
    """Everything that the document shows as a body is valid by the schema beside it."""
    document = await openapi_document()
    checked = 0
    for where, content in _contents(document):
        examples = [each["value"] for each in content.get("examples", {}).values()]
        examples += [content["example"]] if "example" in content else []
        schema = {**content["schema"], "components": document["components"]}
        for example in examples:
            assert not list(jsonschema_rs.iter_errors(schema, example)), where
            checked += 1
    assert checked > 20


@pytest.mark.parametrize("name", SCHEMAS)
def test_models_are_described(name: str) -> None:
    """In words of one line, with nothing that only Python is told."""
    schema = SCHEMAS[name]
    assert schema["description"]
    for field in schema["properties"].values():
        assert not field.keys() & {"title", "default"}
        assert "\n" not in field.get("description", "")


def test_counts_are_those_of_the_enumerations() -> None:
    """A new state, type or outcome is documented because it is there."""
    assert list(SCHEMAS["PromptsByState"]["properties"]) == list(PromptState)
    assert SCHEMAS["PromptsByState"]["required"] == list(PromptState)
    assert SCHEMAS["Prompt"]["properties"]["state"]["enum"] == list(PromptState)


def test_what_others_wrote_may_lack_anything() -> None:
    """An answer that is shown needs no field, one that is handed in does."""
    assert "required" not in SCHEMAS["Feedback"]
    assert SCHEMAS["FeedbackRecord"]["required"]
    assert set(SCHEMAS["Prompt"]["required"]) == set(PromptModel.model_fields)
