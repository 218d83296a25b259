"""Who gets in, and what happens to what no honest client sends: over real sockets, never a 5xx."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest
from pymongo.asynchronous.database import AsyncDatabase

from bot.api.http.bodies import MAX_BODY
from bot.api.http.guard import OPEN
from bot.api.http.protocol import MAX_HEAD
from bot.api.http.server import HttpServer
from bot.core.shared.errors import ConfigError, StorageRejected
from bot.store.records.pages import Page
from tests.support.api import API_TOKEN, Api, by_field, checked, serving

HEAD = b"Host: x\r\nConnection: close\r\n"
JSON = b"Content-Type: application/json\r\n"
BEARER = b"Authorization: Bearer " + API_TOKEN.encode() + b"\r\n"
JSON_TYPE = {"Content-Type": "application/json"}


@pytest.fixture
async def api(db: AsyncDatabase[dict[str, Any]], tmp_path: Path) -> AsyncIterator[Api]:
    """The API on an empty database."""
    async with serving(db, tmp_path) as running:
        yield running


async def raw(api: Api, message: bytes, *, more: bytes = b"") -> bytes:
    """All that comes back for bytes over a connection of their own.

    Args:
        more: sent after a little while.
    """
    host, port = api.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(message)
        if more:
            await asyncio.sleep(0.02)
            writer.write(more)
        return await asyncio.wait_for(reader.read(), 60)
    finally:
        writer.close()


def status(reply: bytes) -> int:
    """Of the only answer in a reply, which has problem details if it is no success."""
    head, _, body = reply.partition(b"\r\n\r\n")
    code = int(head.split()[1])
    if code >= 400:
        assert b"content-type: application/problem+json" in head.lower()
        assert json.loads(body)["status"] == code
    return code


# The token


CLOSED = [
    "/v1/prompts",
    "/v1/feedback",
    "/nope",
    "/",
    "//healthz",
    "/docs/",
    "//docs",
    "/openapi.json/v1/feedback",
]


async def test_nothing_is_open_without_the_token(api: Api) -> None:
    """Whether a path exists is not told either; with the token unknown paths are 404."""
    for path in CLOSED:
        for headers in (
            {"Authorization": ""},
            {"Authorization": API_TOKEN},
            {"Authorization": f"Basic {API_TOKEN}"},
            {"Authorization": f"Bearer {API_TOKEN}x"},
            {"Authorization": f"Bearer {API_TOKEN[:-1]}"},
            {"Authorization": f"Bearer {API_TOKEN} {API_TOKEN}"},
            {"Authorization": "Bearer"},
        ):
            for method in ("GET", "POST", "DELETE", "OPTIONS"):
                response = await api.http.request(method, path, headers=headers)
                assert response.headers["www-authenticate"] == "Bearer"
                assert list(by_field(checked(response, 401))) == ["Authorization"]
        response = await api.http.get(path)
        assert response.status_code == (200 if path in ("/v1/prompts", "/v1/feedback") else 404)


async def test_how_it_is_used_is_no_secret(api: Api) -> None:
    """The page and the document are open to read, and the page has all that it needs in itself."""
    nobody = {"Authorization": ""}
    page = await api.http.get("/docs", headers=nobody)
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-security-policy"].startswith("default-src 'none'; ")
    assert "<script" not in page.text
    document = await api.http.get("/openapi.json", headers=nobody)
    for path in document.json()["paths"]:
        assert path in page.text
    for path in ("/docs", "/openapi.json"):
        assert (await api.http.head(path, headers=nobody)).status_code in (200, 405)
        for method in ("POST", "DELETE", "OPTIONS"):
            assert checked(await api.http.request(method, path, headers=nobody), 401)


async def test_two_tokens_are_none(api: Api) -> None:
    """A proxy in between might have looked at the other one."""
    assert status(await raw(api, b"GET /v1/prompts HTTP/1.1\r\n" + HEAD + BEARER + BEARER + b"\r\n")) == 401


@pytest.mark.parametrize("token", ["contraseña-de-más-de-treinta-y-dos-letras", "🔑" * 40, "x" * 5_000])
async def test_any_token_is_compared_as_bytes(
    db: AsyncDatabase[dict[str, Any]], tmp_path: Path, token: str
) -> None:
    """A token that is not ASCII works, in UTF-8."""
    async with serving(db, tmp_path, token="h" * 40) as other:
        right = [(b"Authorization", f"Bearer {token}".encode())]
        assert (await other.http.get("/v1/prompts", headers=right)).status_code == 401
    async with (
        serving(db, tmp_path, token=token) as api,
        httpx.AsyncClient(base_url=api.url, trust_env=False) as http,
    ):
        assert (await http.get("/v1/prompts", headers=right)).status_code == 200
        wrong = [(b"Authorization", f"Bearer {token}".encode()[:-1])]
        assert (await http.get("/v1/prompts", headers=wrong)).status_code == 401


async def test_the_scheme_in_any_case(api: Api) -> None:
    """`bearer` is as good as `Bearer`."""
    response = await api.http.get("/v1/prompts", headers={"Authorization": f"bEARER  {API_TOKEN}"})
    assert response.status_code == 200


# Paths and methods


async def test_other_methods(api: Api) -> None:
    """405 lists all that the path has."""
    for method, path, allowed in (
        ("DELETE", "/v1/prompts", "GET, POST"),
        ("GET", "/v1/run_events", "POST"),
        ("POST", "/v1/feedback", "GET"),
        ("PUT", "/healthz", "GET, HEAD"),
        ("POST", "/openapi.json", "GET, HEAD"),
        ("HEAD", "/v1/feedback", "GET"),
        ("FOO", "/v1/plans", "POST"),
    ):
        response = await api.http.request(method, path)
        assert (response.status_code, response.headers["allow"]) == (405, allowed)
    assert by_field(await api.post("/v1/feedback", {}, 405)) == {
        "method": "is not one of this path; it has GET"
    }


NO_PATHS = [
    "/v1/nope",
    "/v1/prompts/",
    "/v1",
    "/V1/prompts",
    "/v1/athletes",
    "/v1/%00",
    "/v1/../v1/x",
    "/%ff",
]


async def test_other_paths(api: Api) -> None:
    """404, and no redirect."""
    for path in NO_PATHS:
        message = f"POST {path} HTTP/1.1\r\n".encode() + HEAD + JSON + BEARER + b"Content-Length: 2\r\n\r\n{}"
        assert status(await raw(api, message)) == 404


# Bodies


@pytest.mark.parametrize("path", ["/v1/run_events", "/v1/prompts", "/v1/runs", "/v1/plans"])
async def test_a_body_of_a_megabyte_and_no_more(api: Api, path: str) -> None:
    """The bound is exact, with a length and in chunks."""
    for size in (MAX_BODY, MAX_BODY + 1):
        body = b'{"a":"' + b"x" * (size - 8) + b'"}'
        assert len(body) == size

        async def pieces(body: bytes = body) -> AsyncIterator[bytes]:
            for start in range(0, len(body), 100_000):
                yield body[start : start + 100_000]

        for content in (body, pieces()):
            response = await api.http.post(path, content=content, headers=JSON_TYPE)
            checked(response, 422 if size == MAX_BODY else 413)
    # The connection is still good.
    assert (await api.http.get("/healthz")).status_code == 200


@pytest.mark.parametrize("connection", [b"close", b"keep-alive"])
async def test_a_large_body_is_answered_before_the_connection_ends(api: Api, connection: bytes) -> None:
    """The client has not sent everything, and gets the 413 or 401 all the same."""
    body = b"x" * (3 * MAX_BODY)
    for bearer, code in ((BEARER, 413), (b"", 401)):
        head = b"POST /v1/run_events HTTP/1.1\r\nHost: x\r\nConnection: %s\r\n" % connection
        message = head + JSON + bearer + b"Content-Length: %d\r\n\r\n" % len(body) + body
        reply = await raw(api, message, more=b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert reply.count(b"HTTP/1.1 200 OK") == (connection == b"keep-alive")
        assert status(reply.partition(b"HTTP/1.1 200 OK")[0]) == code


async def test_a_client_that_waits_to_be_asked(api: Api) -> None:
    """`Expect: 100-continue`: a body that is too large is never asked for, a good one is."""
    head = b"POST /v1/run_events HTTP/1.1\r\n" + HEAD + JSON + BEARER + b"Expect: 100-continue\r\n"
    assert status(await raw(api, head + b"Content-Length: 99999999999999999999\r\n\r\n")) == 413
    reply = await raw(api, head + b"Content-Length: 2\r\n\r\n", more=b"{}")
    assert reply.startswith(b"HTTP/1.1 100 Continue\r\n")
    assert status(reply.partition(b"\r\n\r\n")[2]) == 422


BAD_TYPES: list[tuple[dict[str, str], str]] = [
    ({"Content-Type": "text/plain"}, "Content-Type"),
    ({"Content-Type": "application/x-www-form-urlencoded"}, "Content-Type"),
    ({"Content-Type": "application/jsonx"}, "Content-Type"),
    ({"Content-Type": ""}, "Content-Type"),
    ({}, "Content-Type"),
    ({"Content-Type": "application/json; charset=latin-1"}, "Content-Type"),
    ({**JSON_TYPE, "Content-Encoding": "gzip"}, "Content-Encoding"),
    ({**JSON_TYPE, "Content-Encoding": "identity, br"}, "Content-Encoding"),
]


async def test_other_types_of_bodies(api: Api) -> None:
    """415 with the header that is at fault."""
    for headers, field in BAD_TYPES:
        response = await api.http.post("/v1/run_events", content=b'{"runId": "r"}', headers=headers)
        assert list(by_field(checked(response, 415))) == [field]


GOOD_TYPES = [
    "application/json",
    "Application/JSON",
    "application/json;charset=utf-8",
    'application/json; charset="UTF-8"',
]


async def test_good_types_of_bodies(api: Api) -> None:
    """As clients write them."""
    for media_type in GOOD_TYPES:
        response = await api.http.post(
            "/v1/run_events",
            content=b'{"runId": "r", "status": "success"}',
            headers={"Content-Type": media_type},
        )
        checked(response, 200)


HOSTILE = [
    b"", b" ", b"null", b"5", b'"text"', b"true", b"[5]", b"[[]]", b"{", b"}", b"{}{}", b'{"runId": "r",}',
    b"\xff\xfe", '{"runId": "ä"}'.encode("latin-1"), '{"runId": "r"}'.encode("utf-16"),
    b'{"runId": NaN}', b'{"x": Infinity}', b'{"x": -Infinity}', b'{"x": 1e999}', b'{"x": [1e999]}',
    b'{"x": 9223372036854775808}', b'{"x": -9223372036854775809}', b'{"x": ' + b"9" * 5_000 + b"}",
    b'{"runId": "a", "runId": "b"}', b'{"x": {"y": 1, "y": 2}}',
    b'{"x": "\\ud800"}', b'{"\\udfff": 1}', b'{"$set": 1}', b'{"x": {"$where": 1}}', b'{"a\\u0000b": 1}',
    b"[" * 900 + b"]" * 900, b'{"x":' * 200 + b"1" + b"}" * 200, b"[" * 100_000, b'{"a":' * 50_000,
    b'{"_id": 1}', b'{"__proto__": 1, "runId": {}}', b"\x00", b'{"runId": "r", "status": "failure", \x01}',
    b'"' + b"x" * 100_000, b"\xef\xbb\xbf5", b'{"runId": "\x00"}',
]  # fmt: skip


async def test_hostile_bodies(api: Api) -> None:
    """Each is a 422 for every operation that takes a body, and says where; nothing is written."""
    for path in ("/v1/run_events", "/v1/prompts", "/v1/plans", "/v1/runs", "/v1/feedback_events"):
        for body in HOSTILE:
            response = await api.http.post(path, content=body, headers=JSON_TYPE)
            problem = checked(response, 422)
            assert problem["errors"], body[:80]
            assert not any("Traceback" in error["problem"] for error in problem["errors"])
    assert await api.db.list_collection_names() == []


async def test_hostile_texts_are_texts(api: Api) -> None:
    """What is text stays text, and comes back as it went in."""
    for number, text in enumerate(
        [
            "$where",
            "{$gt: 1}",
            "a\x00b",
            "a\u2028\u2029\x85b",
            "<script>",
            "'; DROP",
            "é̂🤕",
            "%00",
            "../..",
            "\\",
            "|" * 99,
        ]
    ):
        event = {"runId": f"{number}{text}", "status": "failure", "errors": [text, {"k": text}]}
        await api.post("/v1/run_events", event, 200)
        stored = await api.db.run_events.find_one({"runId": f"{number}{text}"}) or {}
        assert stored["errors"] == [text, {"k": text}]
        body = {"runId": text, "sessionId": text, "title": text}
        shown = (await api.post("/v1/prompts", body, 201))["prompt"]
        assert (shown["runId"], shown["sessionId"], shown["title"]) == (text, text, text)
        [item] = (await api.get("/v1/prompts", runId=text))["items"]
        assert item["sessionId"] == text


# Queries


BAD_QUERIES = [
    ("since=yesterday", "since"),
    ("since=", "since"),
    ("since=2026-02-30", "since"),
    ("since=2026-02-16T10:00:00", "since"),
    ("since=20260216", "since"),
    ("since=%00", "since"),
    ("since=1771200000", "since"),
    ("since=" + "9" * 5_000, "since"),
    ("limit=0", "limit"),
    ("limit=501", "limit"),
    ("limit=-1", "limit"),
    ("limit=1.0", "limit"),
    ("limit=1_0", "limit"),
    ("limit=%D9%A1", "limit"),
    ("limit=" + "9" * 5_000, "limit"),
    ("limit=", "limit"),
    ("cursor=", "cursor"),
    ("cursor=%00", "cursor"),
    ("cursor=abc", "cursor"),
    ("runId=", "runId"),
    ("runId=" + "x" * 1_001, "runId"),
    ("athlete=%20", "athlete"),
    ("athlete=" + "9" * 30, "athlete"),
    ("runid=r", "runid"),
    ("runId=a&runId=b", "runId"),
    ("limit=5&limit=5", "limit"),
    ("a=1&a=2", "a"),
    ("runId=%ff", "query"),
    ("runId=%ed%a0%80", "query"),
    ("&".join(f"p{n}=1" for n in range(60)), "query"),
]


async def test_hostile_queries(api: Api) -> None:
    """The parameter that is at fault."""
    for query, field in BAD_QUERIES:
        response = await api.http.get(f"/v1/feedback?{query}")
        assert field in by_field(checked(response, 422))


async def test_strange_queries_that_are_good(api: Api) -> None:
    """Text is text; nothing is found."""
    for query in (
        "runId=%00",
        "runId=%24where",
        "runId={$gt:1}",
        "runId[$gt]=",
        "",
        "&",
        "runId=a%26b",
        "athlete=0",
    ):
        response = await api.http.get(f"/v1/feedback?{query}")
        code = 422 if "[" in query else 200
        assert response.status_code == code, query


# The wire


async def test_random_bytes(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    """Broken requests of any kind: an answer or the end of the connection, and nothing in the log."""
    rng = random.Random(20260216)
    good = (
        b"POST /v1/run_events HTTP/1.1\r\n"
        + HEAD
        + JSON
        + BEARER
        + b"Content-Length: 14\r\n\r\n"
        + b'{"runId": "r"}'
    )

    async def send(message: bytes) -> None:
        host, port = api.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            writer.write(message)
            writer.write_eof()
            reply = await asyncio.wait_for(reader.read(), 60)
            assert not reply or reply.startswith(b"HTTP/1.1 "), reply
            assert b"HTTP/1.1 5" not in reply
        except ConnectionError:
            pass
        finally:
            writer.close()

    messages = []
    for _ in range(300):
        message = bytearray(good)
        for _ in range(rng.randrange(1, 8)):
            place = rng.randrange(len(message))
            match rng.randrange(4):
                case 0:
                    message[place] = rng.randrange(256)
                case 1:
                    del message[place : place + rng.randrange(20)]
                case 2:
                    message[place:place] = rng.randbytes(rng.randrange(20))
                case _:
                    message[place:place] = message[: rng.randrange(len(message))]
        messages.append(bytes(message))
    await asyncio.gather(*map(send, messages))
    assert (await api.http.get("/healthz")).status_code == 200
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_pipelined_requests(api: Api) -> None:
    """Several requests in one piece are answered in their order."""
    one = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    two = b"GET /nope HTTP/1.1\r\nHost: x\r\n" + BEARER + b"\r\n"
    reply = await raw(api, one + two + one + b"GET /healthz HTTP/1.1\r\n" + HEAD + b"\r\n")
    codes = [int(part.split()[0]) for part in reply.split(b"HTTP/1.1 ")[1:]]
    assert codes == [200, 404, 200, 200]


POST = b"POST /v1/run_events HTTP/1.1\r\nHost: x\r\n" + JSON + BEARER
# None of these may end where somebody in front could see a second request.
SMUGGLED = b"GET /v1/feedback HTTP/1.1\r\n" + HEAD + BEARER + b"\r\n"
SMUGGLING = [
    POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    POST + b"Content-Length: 2\r\nContent-Length: 7\r\n\r\n{}",
    POST + b"Content-Length: +2\r\n\r\n{}",
    POST + b"Content-Length: 0x2\r\n\r\n{}",
    POST + b"Transfer-Encoding: xchunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    POST + b"Transfer-Encoding : chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    POST + b"Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n",
    POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}XX0\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: a\rY: b\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
]


@pytest.mark.parametrize("message", SMUGGLING)
async def test_no_request_is_smuggled_behind_another(api: Api, message: bytes) -> None:
    """Where two readers could find two ends, there is one 400, and the connection ends."""
    reply = await raw(api, message + SMUGGLED)
    assert reply.count(b"HTTP/1.1 ") == 1
    assert status(reply) == 400


async def test_open_paths_open_no_others(api: Api) -> None:
    """However a path is written that begins or ends like an open one, it needs the token."""
    for path in (
        "/healthz/../v1/feedback", "/healthz%2f..%2fv1/feedback", "/healthz;/v1/feedback", "//v1/feedback",
        "/v1/feedback?/healthz", "/v1/feedback#/healthz", "http://x/v1/feedback", "/metrics/", "/healthz%00",
    ):  # fmt: skip
        forwarded = b"X-Original-URL: /healthz\r\nX-HTTP-Method-Override: GET\r\n"
        reply = await raw(api, f"GET {path} HTTP/1.1\r\n".encode() + HEAD + forwarded + b"\r\n")
        assert status(reply) == 401, path
    trailing = (
        b"Transfer-Encoding: chunked\r\nTrailer: Authorization\r\n\r\n2\r\n{}\r\n0\r\n" + BEARER + b"\r\n"
    )
    assert status(await raw(api, b"POST /v1/run_events HTTP/1.1\r\n" + HEAD + JSON + trailing)) == 401


@pytest.mark.parametrize("line", [b"a: b\r\n", b"a: " + b"x" * 1_000 + b"\r\n"])
async def test_a_flood_of_headers(api: Api, line: bytes) -> None:
    """The bound is the same for a head that comes in one piece, and is exact."""
    start = b"GET /healthz HTTP/1.1\r\n" + HEAD
    fixed = len(b"/healthz") + len(HEAD)
    number, rest = divmod(MAX_HEAD - fixed, len(line))
    fitting = start + line * (number - 1) + b"a: " + b"x" * (len(line) + rest - 5) + b"\r\n"
    assert status(await raw(api, fitting + b"\r\n")) == 200
    assert status(await raw(api, fitting.replace(b": x", b": xx", 1) + b"\r\n")) == 431
    assert status(await raw(api, start + line * 2 * number + b"\r\n")) == 431


async def test_websockets_are_not_spoken(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    """An upgrade is just not taken up, and nobody fills the log with it."""
    message = b"GET /healthz HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade, close\r\n\r\n"
    assert status(await raw(api, message)) == 200
    assert caplog.text == ""


async def test_answers_do_not_wait(api: Api) -> None:
    """No 40 ms for an acknowledgement that the other side delays."""
    times = []
    for _ in range(15):
        started = time.monotonic()
        await api.http.get("/healthz")
        times.append(time.monotonic() - started)
    assert min(times) < 0.035


async def test_more_connections_than_there_is_room(
    db: AsyncDatabase[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has been slow the longest makes room; good requests are answered."""
    monkeypatch.setattr("bot.api.http.server.MAX_CONNECTIONS", 20)
    async with serving(db, tmp_path) as api:
        host, port = api.url.removeprefix("http://").split(":")
        slow = []
        for _ in range(100):
            slow.append(await asyncio.open_connection(host, int(port)))
            slow[-1][1].write(b"GET /v1/prompts HTTP/1.1\r\n")
        for _ in range(30):
            assert status(await raw(api, b"GET /healthz HTTP/1.1\r\n" + HEAD + b"\r\n")) == 200
        cut = await asyncio.gather(*(asyncio.wait_for(reader.read(), 60) for reader, _ in slow[:50]))
        assert {status(reply) for reply in cut} == {503}
        assert len(api.server._server.server_state.connections) <= 21
        for _, writer in slow:
            writer.close()


async def test_stopping_answers_what_is_complete(
    db: AsyncDatabase[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request on its way is answered, an idle and a slow connection end, and no new one is taken."""
    begun = asyncio.Event()

    async def read(*_: object, **__: object) -> Page:
        begun.set()
        await asyncio.sleep(0.3)
        return Page([], None)

    monkeypatch.setattr("bot.store.records.pages.FeedbackPages.read", read)
    async with serving(db, tmp_path) as api:
        host, port = api.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /v1/prompts HTTP/1.1\r\n")
        await api.http.get("/healthz")
        asking = asyncio.create_task(raw(api, b"GET /v1/feedback HTTP/1.1\r\n" + HEAD + BEARER + b"\r\n"))
        await begun.wait()
        started = time.monotonic()
        await api.server.finish()
        assert time.monotonic() - started < 10
        assert status(await asking) == 200
        assert status(await reader.read()) == 503
        writer.close()
        with pytest.raises(OSError, match=r"Connect|refused"):
            await asyncio.open_connection(host, int(port))


# What goes wrong behind the door


async def test_a_defect_tells_nothing(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """500 as problem details; the log has the place, and neither message nor traceback."""

    async def break_down(*_: object, **__: object) -> None:
        raise RuntimeError("an athlete's note")

    monkeypatch.setattr("bot.store.records.pages.FeedbackPages.read", break_down)
    problem = await api.get("/v1/feedback", 500)
    assert problem["errors"] == []
    assert "note" not in json.dumps(problem) + caplog.text
    assert "unexpected RuntimeError at test_door.py" in caplog.text
    assert "Traceback" not in caplog.text


async def test_what_mongodb_refuses_is_told(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence with the cure."""

    async def refuse(*_: object, **__: object) -> None:
        raise StorageRejected("MongoDB denies access (code 13); give the user the role readWrite")

    monkeypatch.setattr("bot.store.records.pages.FeedbackPages.read", refuse)
    assert "give the user the role readWrite" in (await api.get("/v1/feedback", 500))["detail"]


async def test_an_overlong_answer_of_mongodb(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever hangs behind, also against cancellation, the answer comes."""

    async def hang(*_: object, **__: object) -> None:
        while not released:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(0.05)

    released = False
    monkeypatch.setattr("bot.store.records.pages.FeedbackPages.read", hang)
    started = time.monotonic()
    response = await api.http.get("/v1/feedback")
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    assert time.monotonic() - started < 30
    released = True


async def test_a_long_body_does_not_hold_up_others(api: Api) -> None:
    """While a megabyte of numbers is read and checked, the loop goes round."""
    numbers = b",".join([b"1"] * (MAX_BODY // 2 - 150))
    days = b'"activityPlan":{"days":[{"date":"2026-02-17","activity":"Run"}],"x":['
    body = b'{"runId":"r",' + days + numbers + b"]}}"
    brackets = b'{"runId":"r","activityPlan":{"x":[' + b",".join([b"[]"] * 300_000) + b"]}}"
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        while True:
            started = time.monotonic()
            await asyncio.sleep(0.001)
            longest = max(longest, time.monotonic() - started)

    watching = asyncio.create_task(watch())
    try:
        begun = time.monotonic()
        checked(await api.http.post("/v1/plan_snapshots", content=body, headers=JSON_TYPE), 200)
        assert longest < (time.monotonic() - begun) / 2  # nearly all of it, if the loop stood still meanwhile
    finally:
        watching.cancel()
    # Those would take long, and are not read at all.
    problem = checked(await api.http.post("/v1/plan_snapshots", content=brackets, headers=JSON_TYPE), 422)
    assert "brackets" in problem["detail"]


# The OpenAPI document


async def test_the_openapi_document(api: Api) -> None:
    """3.1, with ids, texts, the token, every status, and examples that are true."""
    document = await api.get("/openapi.json")
    assert document["openapi"].startswith("3.1")
    assert document["servers"][0]["url"] == "http://127.0.0.1:8080"
    [(name, scheme)] = document["components"]["securitySchemes"].items()
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    ids = set()
    for path, operations in document["paths"].items():
        for operation in operations.values():
            ids.add(operation["operationId"])
            assert operation["summary"]
            assert operation["description"]
            assert operation.get("security", []) == ([] if path in OPEN else [{name: []}])
            assert {"400", "408", "422", "431", "500", "503"} <= operation["responses"].keys()
            assert ("401" in operation["responses"]) is (path not in OPEN)
            body = operation.get("requestBody")
            assert ({"413", "415"} <= operation["responses"].keys()) is (body is not None)
            contents = [body["content"]] if body else []
            contents += [r["content"] for code, r in operation["responses"].items() if code.startswith("2")]
            for content in contents:
                for media_type, described in content.items():
                    examples = [e["value"] for e in described.get("examples", {}).values()]
                    examples += [described["example"]] if "example" in described else []
                    assert examples, (path, media_type)
                    schema = {**described["schema"], "components": document["components"]}
                    for example in examples:
                        jsonschema_rs.validate(schema, example)
    assert len(ids) == sum(map(len, document["paths"].values())) == 18


async def test_every_example_can_be_sent(api: Api) -> None:
    """As somebody would who imports the document, whatever is there already."""
    document = await api.get("/openapi.json")
    for path, operations in document["paths"].items():
        body = operations.get("post", {}).get("requestBody")
        for example in body["content"]["application/json"]["examples"].values() if body else ():
            await api.post(path, example["value"])
            again = await api.http.post(path, json=example["value"])
            assert again.status_code == 200


# The address


@pytest.mark.parametrize(
    ("host", "port", "complaint"),
    [
        ("256.1.1.1", 8080, r"^HTTP_HOST: '256\.1\.1\.1' cannot be used"),
        ("x" * 300, 8080, r"^HTTP_HOST: "),
        ("203.0.113.9", 8080, r"^HTTP_HOST: '203\.0\.113\.9' cannot be used as an address of this machine"),
    ],
)
async def test_an_address_that_cannot_be_listened_on(host: str, port: int, complaint: str) -> None:
    """One sentence that names the variable."""

    async def nobody(*_: object) -> None:
        """No application."""

    server = HttpServer(nobody, host, port)
    with pytest.raises(ConfigError, match=complaint):
        await server.bind()


async def test_a_port_in_use(api: Api) -> None:
    """One sentence that names what to change; the other server goes on."""

    async def nobody(*_: object) -> None:
        """No application."""

    port = int(api.url.rpartition(":")[2])
    with pytest.raises(ConfigError, match=rf"^HTTP_PORT: {port} is in use on 127\.0\.0\.1; stop the other"):
        await HttpServer(nobody, "127.0.0.1", port).bind()
    with pytest.raises(ConfigError, match=rf"^WEBHOOK_URL: {port} is in use"):
        await HttpServer(nobody, "127.0.0.1", port, "WEBHOOK_URL").bind()
    assert (await api.http.get("/healthz")).status_code == 200
