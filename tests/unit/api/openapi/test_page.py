"""The page of the API: whole, escaped, and under a policy that lets nothing else in."""

from __future__ import annotations

import base64
import hashlib
import re
from html import unescape
from html.parser import HTMLParser
from typing import Any

from bot.api.openapi import page
from tests.support.api import openapi_document

_ALONE = {"meta", "br"}


class Reader(HTMLParser):
    """What stands in a page.

    Attributes:
        ids, links: of its elements, and where it leads.
        style: its only style sheet.
        loaded: what a browser would fetch, or run.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.style = ""
        self._open: list[str] = []
        self.feed(html)
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        found = {name: value or "" for name, value in attrs}
        self.ids += [found["id"]] if "id" in found else []
        self.links += [found["href"]] if "href" in found else []
        if tag in ("script", "img", "link", "iframe", "form") or {"src", "style"} & found.keys():
            self.loaded.append(tag)
        self.loaded += [name for name in found if name.startswith("on")]
        if tag not in _ALONE:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """The innermost element ends."""
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Text."""
        if self._open[-1:] == ["style"]:
            self.style += data


async def test_everything_is_on_it() -> None:
    """Operations with their parameters and answers, types with their fields; every link leads somewhere."""
    document = await openapi_document()
    html = page.render(document)
    reader = Reader(html)
    text = unescape(re.sub(r"<[^>]+>", "", html))
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert f"{method.upper()} {path}" in text
            assert operation["operationId"] in reader.ids
            assert operation["summary"] in text
            for parameter in operation.get("parameters", ()):
                assert parameter["name"] in text
    for name, schema in document["components"]["schemas"].items():
        assert f"type-{name}" in reader.ids
        assert all(field in text for field in schema.get("properties", ()))
    assert len(set(reader.ids)) == len(reader.ids)
    assert {link.removeprefix("#") for link in reader.links if link.startswith("#")} <= set(reader.ids)
    assert [link for link in reader.links if not link.startswith("#")] == ["openapi.json"]


async def test_the_policy_lets_its_style_in_and_nothing_else() -> None:
    """A browser that obeys it shows the page as it is meant."""
    reader = Reader(page.render(await openapi_document()))
    digest = base64.b64encode(hashlib.sha256(reader.style.encode()).digest()).decode()
    assert page.policy().endswith(f"; style-src 'sha256-{digest}'")
    assert "default-src 'none'" in page.policy()
    assert "url(" not in reader.style
    assert not reader.loaded


async def test_commands_are_as_the_api_takes_them() -> None:
    """A command for each operation; with the token where it is asked for, and examples in the query."""
    html = unescape(re.sub(r"<[^>]+>", "", page.render(await openapi_document())))
    commands = re.findall(r"^curl (?:.*\\\n)*.*$", html, re.M)
    assert len(commands) == 18
    token = ' \\\n  -H "Authorization: Bearer $HTTP_TOKEN"'
    assert f"curl 'http://127.0.0.1:8080/v1/feedback/summary?weekStart=2026-02-16'{token}" in commands
    assert "curl http://127.0.0.1:8080/healthz" in commands
    body = """-d '{"runId": "2026-w08", "sessionId": "tue-tempo", "title": "Tempo, 3 x 10 min"}'"""
    json_type = ' \\\n  -H "Content-Type: application/json"'
    assert f"curl http://127.0.0.1:8080/v1/prompts{token}{json_type} \\\n  {body}" in commands


def test_hostile_text_stays_text() -> None:
    """Nothing in the document becomes markup: the address, for one, is as the operator writes it."""
    evil = "<script>x</script>\"'&"
    schema: dict[str, Any] = {"type": evil, "enum": [evil]}
    field = {"type": "object", "description": f"`{evil}`\n\n- **{evil}**", "properties": {evil: schema}}
    operation = {
        "tags": [evil], "operationId": evil, "summary": evil, "description": evil,
        "parameters": [{"name": evil, "required": False, "schema": {"type": evil, "examples": [evil]}}],
        "responses": {evil: {"description": evil, "content": {evil: {"schema": schema, "example": evil}}}},
    }  # fmt: skip
    html = page.render(
        {
            "info": {"title": evil, "version": evil, "summary": evil, "description": evil},
            "tags": [{"name": evil, "description": evil}],
            "servers": [{"url": f"http://{evil}"}],
            "paths": {evil: {evil: operation}},
            "components": {"schemas": {evil: field}},
        }
    )
    assert not Reader(html).loaded
    assert "<script" not in html
