"""Requests as Telegram takes them: query strings, forms, multipart forms and JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from urllib.parse import parse_qsl, unquote

from aiohttp import web

from bot.sandbox.errors import ApiError, bad_request
from bot.sandbox.methods import Params, Upload
from bot.sandbox.world import Json

_BOUNDARY = re.compile(r'boundary="?([^";]+)', re.IGNORECASE)
_NAME = re.compile(r'\bname="((?:[^"\\]|\\.)*)"')
_FILE_NAME = re.compile(r'\bfilename="((?:[^"\\]|\\.)*)"')
_EXTENDED_FILE_NAME = re.compile(r"\bfilename\*=utf-8''([^;\s]+)", re.IGNORECASE)


async def read_params(request: web.BaseRequest) -> Params:
    """The parameters of a request; those in the body win over those in the query string.

    Raises:
        ApiError: 400, the body is not what its content type says.
    """
    values: Json = dict(request.query) if request.query_string else {}
    if request.can_read_body:
        body = await request.read()
        try:
            values |= _read_body(request.content_type, request.headers.get("Content-Type", ""), body)
        except UnicodeDecodeError:
            raise bad_request("strings must be encoded in UTF-8") from None
    return Params(values)


def _read_body(kind: str, content_type: str, body: bytes) -> Json:
    if kind == "application/x-www-form-urlencoded":
        return dict(parse_qsl(body.decode(), keep_blank_values=True, errors="strict"))
    if kind == "application/json":
        return _json_object(body)
    if kind == "multipart/form-data":
        return dict(_multipart(content_type, body))
    return {}


def _json_object(body: bytes) -> Json:
    text = body.decode()
    try:
        sent = json.loads(text)
    except ValueError:
        raise _unparsable("JSON object") from None
    if not isinstance(sent, dict):
        raise _unparsable("JSON object")
    return sent


def _multipart(content_type: str, body: bytes) -> Iterator[tuple[str, str | Upload]]:
    """The fields of a multipart form. A whole body at once is several times faster than aiohttp's stream."""
    boundary = _BOUNDARY.search(content_type)
    if boundary is None:
        raise _unparsable("multipart form data")
    delimiter = b"\r\n--" + boundary.group(1).encode()
    _, *parts = (b"\r\n" + body).split(delimiter)
    if not parts or not parts[-1].startswith(b"--"):
        raise _unparsable("multipart form data")
    for part in parts[:-1]:
        head, separator, content = part.partition(b"\r\n\r\n")
        header = head.decode()
        name = _NAME.search(header)
        if not separator or name is None:
            raise _unparsable("multipart form data")
        file_name = _file_name(header)
        value = content.decode() if file_name is None else Upload(file_name, len(content), content)
        yield _unescaped(name.group(1)), value


def _file_name(header: str) -> str | None:
    if (extended := _EXTENDED_FILE_NAME.search(header)) is not None:
        return unquote(extended.group(1))
    if (plain := _FILE_NAME.search(header)) is not None:
        return _unescaped(plain.group(1))
    return None


def _unescaped(quoted: str) -> str:
    """Quotes in names come as %22 from browsers and libraries of today, after a backslash from older ones."""
    return unquote(quoted.replace('\\"', '"'))


def _unparsable(what: str) -> ApiError:
    return bad_request(f"can't parse {what}")
