"""Texts as Telegram measures and marks them: UTF-16 units, HTML to entities, commands in messages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from bot.sandbox.errors import ApiError, bad_request

Entity = dict[str, Any]

_ENTITY_OF_TAG = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "code": "code",
    "pre": "pre",
    "a": "text_link",
    "blockquote": "blockquote",
    "span": "spoiler",
    "tg-spoiler": "spoiler",
}
_SPECIAL = re.compile(r"[<&]")
_REFERENCE = re.compile(r"&(?:(lt|gt|amp|quot)|#(\d{1,7})|#x([0-9a-f]{1,6}));?", re.IGNORECASE)
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_END_TAG = re.compile(r"</\s*([^>\s]*)\s*>")
_START_TAG = re.compile(r"""<([^\s/>]*)((?:\s+[^\s=>/]+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s>"']+))?)*)\s*/?>""")
_ATTRIBUTE = re.compile(r"""([^\s=>/]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"']+)))?""")
_MENTION = re.compile(r"(?<![\w@])@[A-Za-z][A-Za-z0-9_]{3,31}(?!\w)")
_USER_LINK = re.compile(r"tg://user\?id=([0-9]+)")
_COMMAND = re.compile(r"(?<!\S)/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,32})?(?![\w/@])")


def utf16_length(text: str) -> int:
    """The length of a text as Telegram counts it."""
    if text.isascii():
        return len(text)
    return len(text) + sum(character > "\uffff" for character in text)


def commands_in(text: str) -> list[Entity]:
    """The `bot_command` entities of a user's message."""
    return [
        {"type": "bot_command", "offset": utf16_length(text[: hit.start()]), "length": len(hit.group())}
        for hit in _COMMAND.finditer(text)
    ]


def mentions_in(text: str) -> list[Entity]:
    """The `mention` entities of a user's message."""
    return [
        {"type": "mention", "offset": utf16_length(text[: hit.start()]), "length": len(hit.group())}
        for hit in _MENTION.finditer(text)
    ]


def user_of(entity: Entity) -> int | None:
    """The user to whom a link leads; None: it leads elsewhere, or is none."""
    found = _USER_LINK.fullmatch(entity.get("url", ""))
    return None if found is None else int(found[1])


@dataclass(frozen=True, slots=True)
class _OpenTag:
    name: str
    offset: int
    attributes: dict[str, str]


def parse_html(source: str) -> tuple[str, list[Entity]]:
    """Plain text and entities of a text with parse mode HTML.

    Raises:
        ApiError: a tag is unknown, unclosed or closed in the wrong order, named by its byte offset.
    """
    plain: list[str] = []
    entities: list[Entity] = []
    stack: list[_OpenTag] = []
    length = 0  # of the plain text so far, in UTF-16 units
    position = 0
    while (special := _SPECIAL.search(source, position)) is not None:
        start = special.start()
        literal = source[position:start]
        if special.group() == "&":
            reference = _REFERENCE.match(source, start)
            literal += _character(reference) if reference else "&"
            position = reference.end() if reference else start + 1
        plain.append(literal)
        length += utf16_length(literal)
        if special.group() == "<":
            if source.startswith("</", start):
                position = _close(source, start, stack, entities, length)
            else:
                tag, position = _open(source, start, length)
                stack.append(tag)
    if stack:
        raise _unparsable(f'Can\'t find end tag corresponding to start tag "{stack[-1].name}"')
    plain.append(source[position:])
    entities.sort(key=lambda entity: (entity["offset"], -entity["length"]))
    return "".join(plain), entities


def _unparsable(reason: str) -> ApiError:
    return bad_request(f"can't parse entities: {reason}")


def _byte_offset(source: str, position: int) -> int:
    return len(source[:position].encode())


def _character(reference: re.Match[str]) -> str:
    name, decimal, hexadecimal = reference.groups()
    if name:
        return _NAMED[name.lower()]
    code = int(decimal) if decimal else int(hexadecimal, 16)
    if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000:
        return chr(code)
    return reference.group()


def _open(source: str, start: int, length: int) -> tuple[_OpenTag, int]:
    found = _START_TAG.match(source, start)
    if found is None:
        raise _unparsable(f"Unclosed start tag at byte offset {_byte_offset(source, start)}")
    name = found.group(1).lower()
    if name not in _ENTITY_OF_TAG:
        raise _unparsable(f'Unsupported start tag "{name}" at byte offset {_byte_offset(source, start)}')
    attributes = {
        key.lower(): double or single or bare
        for key, double, single, bare in _ATTRIBUTE.findall(found.group(2))
    }
    if name == "span" and attributes.get("class") != "tg-spoiler":
        raise _unparsable(
            f'Tag "span" must have class "tg-spoiler" at byte offset {_byte_offset(source, start)}'
        )
    return _OpenTag(name, length, attributes), found.end()


def _close(source: str, start: int, stack: list[_OpenTag], entities: list[Entity], length: int) -> int:
    found = _END_TAG.match(source, start)
    if found is None:
        raise _unparsable(f"Unclosed end tag at byte offset {_byte_offset(source, start)}")
    if not stack:
        raise _unparsable(f"Unexpected end tag at byte offset {_byte_offset(source, start)}")
    tag = stack.pop()
    name = found.group(1).lower()
    if name not in ("", tag.name):
        raise _unparsable(
            f"Unmatched end tag at byte offset {_byte_offset(source, start)}, "
            f'expected "</{tag.name}>", found "</{name}>"'
        )
    # A link without an address is no link.
    if length > tag.offset and (tag.name != "a" or tag.attributes.get("href")):
        entity = _entity(tag, length - tag.offset, inside=stack[-1].name if stack else None)
        if entity["type"] == "pre" and entities and _is_language_of(entities[-1], entity):
            entity["language"] = entities.pop()["language"]
        entities.append(entity)
    return found.end()


def _entity(tag: _OpenTag, length: int, *, inside: str | None) -> Entity:
    entity: Entity = {"type": _ENTITY_OF_TAG[tag.name], "offset": tag.offset, "length": length}
    if tag.name == "a":
        entity["url"] = tag.attributes["href"]
    elif tag.name == "blockquote" and "expandable" in tag.attributes:
        entity["type"] = "expandable_blockquote"
    elif tag.name == "code" and inside == "pre":
        language = tag.attributes.get("class", "").removeprefix("language-")
        if language:
            entity["language"] = language
    return entity


def _is_language_of(code: Entity, pre: Entity) -> bool:
    """Whether a nested `code` covers the whole `pre`, so that it only names its language."""
    return "language" in code and (code["offset"], code["length"]) == (pre["offset"], pre["length"])
