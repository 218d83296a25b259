"""The OpenAPI document as a page to read: no scripts, nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Any
from urllib.parse import urlencode

_STYLE = """
:root {
  color-scheme: light dark;
  --line: #d5d9de; --soft: #f4f6f8; --link: #0b5cad; --get: #1a7f37; --post: #9a4b00;
}
@media (prefers-color-scheme: dark) {
  :root { --line: #3a4048; --soft: #1e2329; --link: #79b8ff; --get: #56d364; --post: #f0a860; }
  html { background: #14171a; color: #e6e8ea; }
}
html { font: 16px/1.5 system-ui, sans-serif; scroll-behavior: smooth; overflow-wrap: break-word; }
body { max-width: 60rem; margin: 0 auto; padding: 1rem; }
a { color: var(--link); }
h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line); text-transform: capitalize; }
h3 { margin: 2rem 0 .25rem; }
h2 + h3 { margin-top: 1rem; }
code, pre { font: .875rem/1.45 ui-monospace, monospace; }
pre, :not(pre) > code { background: var(--soft); border-radius: 4px; }
:not(pre) > code { padding: 1px 4px; overflow-wrap: anywhere; }
h3 > code { background: none; padding: 0; font-size: 1rem; }
pre { padding: .75rem; overflow-x: auto; margin: .5rem 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0; }
th, td { text-align: left; vertical-align: top; padding: .3rem .75rem .3rem 0; }
th, td { border-bottom: 1px solid var(--line); }
td:first-child { white-space: nowrap; }
summary { cursor: pointer; margin: .5rem 0; }
nav ul { list-style: none; padding: 0; margin: .25rem 0 1rem; }
nav li { padding: .2rem 0; }
.GET { color: var(--get); }
.POST { color: var(--post); }
@media (max-width: 40rem) {
  thead { display: none; }
  table, tbody, tr, td { display: block; }
  tr { border-bottom: 1px solid var(--line); padding: .4rem 0; }
  td { border: 0; padding: 0; }
  td:first-child { white-space: normal; }
}
"""
_HOW = """\
<p>Each request carries <code>Authorization: Bearer</code> with the token of <code>HTTP_TOKEN</code>, unless
it says that it needs none. For programs this is <a href="openapi.json"><code>/openapi.json</code></a>.</p>
"""
_SHORT = 160  # characters of a body that stand in the command itself
_MARKS = re.compile(r"`(?P<code>[^`]+)`|\*\*(?P<bold>[^*]+)\*\*")


def policy() -> str:
    """The page's Content-Security-Policy: its own style, and nothing else."""
    style = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    nothing = "; ".join(
        f"{what} 'none'" for what in ("default-src", "base-uri", "form-action", "frame-ancestors")
    )
    return f"{nothing}; style-src 'sha256-{style}'"


def render(document: Mapping[str, Any]) -> str:
    """The page of an OpenAPI document."""
    info = document["info"]
    title = escape(f"{info['title']} {info['version']}")
    sections = {
        tag["name"]: (tag["description"], list(_of_tag(document, tag["name"]))) for tag in document["tags"]
    }
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{title}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{title}</h1>",
        *_prose(f"{info['summary']}\n\n{info['description']}"),
        _HOW,
        "<nav>",
    ]
    for name, (_, operations) in sections.items():
        parts += [f'<strong><a href="#{escape(name)}">{escape(name.capitalize())}</a></strong><ul>']
        for path, method, operation in operations:
            link = f'<a href="#{escape(operation["operationId"])}">{_signature(method, path)}</a>'
            parts += [f"<li>{link}<br>{escape(operation['summary'])}</li>"]
        parts += ["</ul>"]
    parts += ['<strong><a href="#types">Types</a></strong></nav><main>']
    for name, (description, operations) in sections.items():
        parts += [f'<h2 id="{escape(name)}">{escape(name)}</h2>', *_prose(description)]
        for path, method, operation in operations:
            parts += _operation(path, method, operation, document["servers"][0]["url"])
    parts += ['<h2 id="types">Types</h2>']
    for name, schema in document["components"]["schemas"].items():
        parts += [f'<h3 id="type-{escape(name)}">{escape(name)}</h3>', *_schema(schema)]
    return "\n".join([*parts, "</main></body></html>\n"])


def _of_tag(document: Mapping[str, Any], tag: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if tag in operation["tags"]:
                yield path, method.upper(), operation


def _signature(method: str, path: str) -> str:
    return f'<code><b class="{escape(method)}">{escape(method)}</b> {escape(path)}</code>'


def _operation(path: str, method: str, operation: Mapping[str, Any], server: str) -> Iterator[str]:
    yield f'<h3 id="{escape(operation["operationId"])}">{_signature(method, path)}</h3>'
    yield f"<p><strong>{escape(operation['summary'])}</strong></p>"
    yield from _prose(operation.get("description", ""))
    parameters = operation.get("parameters", ())
    if parameters:
        rows = ((it["name"], it["schema"], it["required"], it.get("description", "")) for it in parameters)
        yield from _table("Parameter", rows)
    given = {it["name"]: it["schema"]["examples"][0] for it in parameters if it["schema"].get("examples")}
    query = f"?{urlencode(given)}" if given else ""
    command = [f"curl {shlex.quote(f'{server}{path}{query}')}"]
    command += ['-H "Authorization: Bearer $HTTP_TOKEN"'] if operation.get("security") else []
    examples: Mapping[str, Any] = {}
    if body := operation.get("requestBody"):
        [(media_type, content)] = body["content"].items()
        examples = content["examples"]
        first = json.dumps(next(iter(examples.values()))["value"], ensure_ascii=False)
        inline = shlex.quote(first) if len(first) <= _SHORT else "@body.json"
        command += [f'-H "Content-Type: {media_type}"', f"-d {inline}"]
    lines = " \\\n  ".join(command)
    yield f"<pre><code>{escape(lines)}</code></pre>"
    if body:
        yield f"<p>Body: {_type(content['schema'])}. {_inline(body.get('description', ''))}</p>"
    for example in examples.values():
        yield _folded(f"Example: {example['summary']}", _json(example["value"]))
    yield "<h4>Answers</h4>"
    yield from _answers(operation["responses"])


def _answers(responses: Mapping[str, Any]) -> Iterator[str]:
    rows: list[str] = []
    folded: list[str] = []
    for status, response in sorted(responses.items()):
        contents = response.get("content", {})
        shapes = {_type(content["schema"]) for content in contents.values()}
        rows.append(
            f"<tr><td><code>{escape(status)}</code></td><td>{_inline(response['description'])}</td>"
            f"<td>{', '.join(sorted(shapes))}</td></tr>"
        )
        for media_type, content in list(contents.items())[:1]:
            if "example" in content:
                example = content["example"]
                shown = example if isinstance(example, str) else _json(example)
                folded.append(_folded(f"Example: {status}, {media_type}", shown))
    yield f'<div class="wide"><table><tbody>{"".join(rows)}</tbody></table></div>'
    yield from folded


def _schema(schema: Mapping[str, Any]) -> Iterator[str]:
    yield from _prose(schema.get("description", ""))
    if properties := schema.get("properties"):
        required = schema.get("required", ())
        rows = ((name, it, name in required, it.get("description", "")) for name, it in properties.items())
        yield from _table("Field", rows)
    else:
        yield f"<p>{_type(schema)}</p>"


def _table(what: str, rows: Iterable[tuple[str, Mapping[str, Any], bool, str]]) -> Iterator[str]:
    yield f'<div class="wide"><table><thead><tr><th>{what}</th><th>Type</th><th></th></tr></thead><tbody>'
    for name, schema, is_required, description in rows:
        more = [] if is_required else ["optional"]
        if "default" in schema:
            more.append(f"default {json.dumps(schema['default'])}")
        shape = f"{_type(schema)}{', ' if more else ''}{escape(', '.join(more))}"
        yield f"<tr><td><code>{escape(name)}</code></td><td>{shape}</td><td>{_inline(description)}</td></tr>"
    yield "</tbody></table></div>"


def _type(schema: Any) -> str:
    """What values a schema allows, in a few words."""
    if not isinstance(schema, Mapping):
        return "anything"
    if reference := schema.get("$ref"):
        name = escape(reference.rpartition("/")[2])
        return f'<a href="#type-{name}">{name}</a>'
    if "const" in schema:
        return f"<code>{escape(json.dumps(schema['const']))}</code>"
    if "enum" in schema:
        return " or ".join(f"<code>{escape(json.dumps(value))}</code>" for value in schema["enum"])
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return " or ".join(dict.fromkeys(_type(choice) for choice in schema[several]))
    kinds = schema.get("type", "anything")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    return " or ".join(_kind(kind, schema) for kind in kinds)


def _kind(kind: str, schema: Mapping[str, Any]) -> str:
    if kind == "array":
        return f"array of {_type(schema.get('items'))}"
    if kind == "string" and "format" in schema:
        return escape(schema["format"])
    low, high = schema.get("minimum"), schema.get("maximum")
    if kind in ("integer", "number") and low is not None and high is not None:
        return f"{escape(kind)} from {low} to {high}"
    return escape(kind)


def _folded(summary: str, text: str) -> str:
    return f"<details><summary>{escape(summary)}</summary><pre><code>{escape(text)}</code></pre></details>"


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _prose(text: str) -> Iterator[str]:
    """Paragraphs and lists."""
    for block in re.split(r"\n{2,}", text.strip()):
        if block.startswith("- "):
            items = re.split(r"\n- ", block.removeprefix("- "))
            yield f"<ul>{''.join(f'<li>{_inline(item)}</li>' for item in items)}</ul>"
        elif block:
            yield f"<p>{_inline(block)}</p>"


def _inline(text: str) -> str:
    def mark(match: re.Match[str]) -> str:
        return f"<code>{match['code']}</code>" if match["code"] else f"<strong>{match['bold']}</strong>"

    return _MARKS.sub(mark, escape(text))
