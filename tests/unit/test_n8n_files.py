"""The n8n files: they import as they are, and call only what the API has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from bot.core.records.collections import MODELS
from tests.support.api import openapi_document

FOLDER = Path(__file__).parents[2] / "config" / "n8n"
FLOWS = ("plan-hand-over.json", "prompts-and-summary.json")
# What n8n 1.123 and 2.41 both run.
VERSIONS = {
    "code": 2,
    "httpRequest": 4.2,
    "manualTrigger": 1,
    "mongoDb": 1.2,
    "scheduleTrigger": 1.2,
    "set": 3.4,
}


def read(name: str) -> Any:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


def nodes(kind: str | None = None) -> Iterator[dict[str, Any]]:
    for name in FLOWS:
        for node in read(name)["nodes"]:
            if kind is None or node["type"] == f"n8n-nodes-base.{kind}":
                yield node


@pytest.fixture
async def paths() -> dict[str, Any]:
    """The paths of the OpenAPI document."""
    found: dict[str, Any] = (await openapi_document())["paths"]
    return found


def test_there_are_no_others() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {*FLOWS, "credentials.json"}


@pytest.mark.parametrize("name", FLOWS)
def test_a_flow_is_whole_and_asleep(name: str) -> None:
    flow = read(name)
    assert re.fullmatch(r"[A-Za-z0-9]{1,36}", flow["id"])
    assert flow["name"]
    assert flow["active"] is False
    # The bot's own, so that both mean the same days.
    assert flow["settings"] == {"executionOrder": "v1", "timezone": "UTC"}
    names = [node["name"] for node in flow["nodes"]]
    assert len(set(names)) == len(names)
    assert len({UUID(node["id"]) for node in flow["nodes"]}) == len(names)
    kinds = [node["type"].removeprefix("n8n-nodes-base.") for node in flow["nodes"]]
    assert sorted(kind for kind in kinds if kind.endswith("Trigger")) == ["manualTrigger", "scheduleTrigger"]
    targets = {link["node"] for outs in flow["connections"].values() for out in outs["main"] for link in out}
    assert set(flow["connections"]) | targets == set(names)
    assert {name for name, kind in zip(names, kinds, strict=True) if kind.endswith("Trigger")} == (
        set(names) - targets
    )


def test_flows_have_different_ids() -> None:
    assert len({read(name)["id"] for name in FLOWS}) == len(FLOWS)
    assert len({node["id"] for node in nodes()}) == len(list(nodes()))


def test_node_versions() -> None:
    for node in nodes():
        assert node["typeVersion"] == VERSIONS[node["type"].removeprefix("n8n-nodes-base.")], node["name"]


def test_credentials_are_there_and_say_nothing() -> None:
    given = read("credentials.json")
    known = {one["type"]: {"id": one["id"], "name": one["name"]} for one in given}
    needed = {kind: one for node in nodes() for kind, one in node.get("credentials", {}).items()}
    assert needed == known
    data = {one["type"]: one["data"] for one in given}
    assert data == {
        "httpBearerAuth": {"token": "put HTTP_TOKEN here"},
        "mongoDb": {
            "configurationType": "connectionString",
            "connectionString": "put MONGO_URL here",
            "database": "running_coach",
        },
    }
    for node in nodes():
        kind = {"httpRequest": "httpBearerAuth", "mongoDb": "mongoDb"}.get(
            node["type"].removeprefix("n8n-nodes-base.")
        )
        assert list(node.get("credentials", {})) == ([] if kind is None else [kind]), node["name"]


@pytest.mark.parametrize("name", [*FLOWS, "credentials.json"])
def test_no_secrets_and_no_foreign_hosts(name: str) -> None:
    text = (FOLDER / name).read_text(encoding="utf-8")
    assert "$env" not in text
    assert not re.search(r"[0-9]{6,}:[A-Za-z0-9_-]{10,}|mongodb(\+srv)?://|Bearer ", text)
    assert not re.search(r"(?<![A-Za-z0-9-])[A-Za-z0-9_]{32,}", text)
    assert set(re.findall(r"https?://[^\"'\s]+", text)) <= {"http://127.0.0.1:8080"}


def test_requests_are_operations_of_the_api(paths: dict[str, Any]) -> None:
    called = set()
    for node in nodes("httpRequest"):
        parameters = node["parameters"]
        path = parameters["url"].removeprefix("={{ $('Settings').first().json.baseUrl }}")
        operation = paths[path][parameters["method"].lower()]
        called.add(operation["operationId"])
        query = {one["name"] for one in parameters.get("queryParameters", {}).get("parameters", ())}
        accepted = {one["name"]: one["required"] for one in operation.get("parameters", ())}
        assert query <= set(accepted)
        assert {name for name, required in accepted.items() if required} <= query
    assert called == {"createPrompt", "summarizeFeedback"}


def test_settings_have_what_requests_use() -> None:
    (settings,) = nodes("set")
    assigned = {one["name"] for one in settings["parameters"]["assignments"]["assignments"]}
    assert assigned == {"baseUrl", "weekStart", "runId", "sessionId", "title"}
    used = {
        name
        for node in nodes("httpRequest")
        for name in re.findall(r"\bjson\.(\w+)", json.dumps(node["parameters"]))
    }
    assert used == assigned


def test_the_plan_is_upserted_with_dates() -> None:
    (node,) = nodes("mongoDb")
    parameters = node["parameters"]
    assert parameters["collection"] in MODELS
    assert parameters["updateKey"] == MODELS[parameters["collection"]].KEY
    assert parameters["operation"] == "findOneAndUpdate"
    assert parameters["upsert"] is True
    assert parameters["options"] == {"dateFields": "createdAt"}
