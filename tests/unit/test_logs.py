"""No secret in a log: tokens, passwords and notes, in texts, arguments, exceptions and tracebacks."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator

import pytest

from bot.logs import RedactingFormatter, describe_defect, setup_logging

TOKEN = "123456:AAF-abcdefghijklmnopqrstuvwxyz_012345"
PASSWORD = "pa55-w0rd"
NOTE = "my secret knee"


def render(
    message: object,
    *args: object,
    as_json: bool,
    secrets: tuple[str, ...] = (),
    exc: BaseException | None = None,
) -> str:
    """The line that a record becomes."""
    exc_info = None if exc is None else (type(exc), exc, exc.__traceback__)
    record = logging.LogRecord("bot.test", logging.WARNING, __file__, 1, message, args, exc_info)
    return RedactingFormatter(secrets, as_json=as_json).format(record)


def raised(message: str) -> BaseException:
    """An exception with a traceback and a cause, both quoting `message`."""

    def fail() -> None:
        try:
            dict[str, str]()[message]
        except KeyError as inner:
            raise RuntimeError(f"calling {message}") from inner

    try:
        fail()
    except RuntimeError as exc:
        return exc
    return AssertionError("nothing was raised")


@pytest.fixture(params=[False, True], ids=["text", "json"])
def as_json(request: pytest.FixtureRequest) -> bool:
    """Both formats."""
    return bool(request.param)


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize(
    "text",
    [
        TOKEN,
        f"https://api.telegram.org/bot{TOKEN}/getUpdates",
        f"HTTP Request: POST https://api.telegram.org/bot{TOKEN}/sendMessage 200 OK",
        f"Bot[token={TOKEN}]",
        f"b'{TOKEN}'",
        f"({TOKEN})",
    ],
)
def test_tokens_are_removed(as_json: bool, known: bool, text: str) -> None:
    """In texts, arguments and tracebacks, whether the token is known or only looks like one."""
    secrets = (TOKEN,) if known else ()
    lines = [
        render(text, as_json=as_json, secrets=secrets),
        render("calling %s", text, as_json=as_json, secrets=secrets),
        render("calling %r", [text], as_json=as_json, secrets=secrets),
        render("failed", as_json=as_json, secrets=secrets, exc=raised(text)),
    ]
    for line in lines:
        assert TOKEN.partition(":")[2] not in line
        assert "[secret]" in line or "[token]" in line


@pytest.mark.parametrize("address", ["/bot1:short/getMe", "/bot123%3AAAbb-cc/getMe"])
def test_short_and_encoded_tokens_in_addresses_are_removed(as_json: bool, address: str) -> None:
    """What stands between /bot and the method is a token whatever its length."""
    line = render(f"http://127.0.0.1:8081{address}", as_json=as_json)
    assert "short" not in line
    assert "AAbb" not in line
    assert "/bot[token]/getMe" in line


def test_known_secrets_are_removed_longest_first(as_json: bool) -> None:
    """A connection string goes as a whole, its password also alone."""
    url = f"mongodb://coach:{PASSWORD}@db.example.org/coach"
    line = render(
        "at %s with %s", url, PASSWORD, as_json=as_json, secrets=(PASSWORD, url, ""), exc=raised(url)
    )
    assert PASSWORD not in line
    assert "at [secret] with [secret]" in line
    assert "db.example.org" not in line


@pytest.mark.parametrize(
    "text", ["/start {}", "https://t.me/my_bot?start={}", '{{"text": "/start {}"}}', "/start {} and more"]
)
def test_codes_of_invitations_are_removed(as_json: bool, text: str) -> None:
    """In links and in messages; other words after start stay."""
    code = "Aa0-_" * 6 + "zz"
    line = render(text.format(code), as_json=as_json)
    assert code not in line
    assert "[code]" in line
    assert "start again" in render("start again", as_json=as_json)


@pytest.mark.parametrize("form", ["session_feedback|r|s|pain|", "feedback|r|pain|"])
@pytest.mark.parametrize(
    "note",
    [NOTE, NOTE.replace(" ", "%20"), f"it's {NOTE}", f'"so" {NOTE}', f"a|{NOTE}", f"line\n{NOTE}"],
)
def test_notes_in_payloads_are_removed(as_json: bool, form: str, note: str) -> None:
    """A callback payload is cut off behind its first part, quotes and new lines in the note or not."""
    for line in (
        render("got %s", form + note, as_json=as_json),
        render("got %r", {"data": form + note}, as_json=as_json),
        render("failed", as_json=as_json, exc=raised(form + note)),
    ):
        assert "knee" not in line
        assert "feedback|[...]" in line


def test_the_text_format() -> None:
    """Time in UTC, level, logger, message; the traceback follows, indented."""
    line = render("hello %d", 7, as_json=False, exc=raised("x"))
    first, *rest = line.splitlines()
    assert first[10] == "T"
    assert first[23:] == "Z WARNING bot.test: hello 7"
    assert rest[-1] == "  RuntimeError: calling x"


FORGED = "r\n2026-02-16T08:00:00.000Z ERROR   bot.app: all is lost\r\x1b[2J\x9b2J\u2028\u202eevil"


def test_nobody_else_begins_a_line_in_the_text_format() -> None:
    """Line breaks, escape sequences and marks of direction in texts of others are escaped."""
    line = render("sent: %s", FORGED, as_json=False)
    assert line.isprintable()
    assert r"sent: r\n2026" in line
    assert r"\x1b[2J\x9b2J\u2028\u202eevil" in line
    first, *rest = render("failed", as_json=False, exc=raised(FORGED)).split("\n")
    assert first.endswith("failed")
    assert rest
    assert all(line.startswith("  ") and line.isprintable() for line in rest)


def test_secrets_that_do_not_print_are_removed_too() -> None:
    """A secret is found in its escaped form as well."""
    for as_json in (False, True):
        assert "key" not in render("got %s", "a\tkey\n", as_json=as_json, secrets=("a\tkey\n",))


def test_the_json_format_is_one_object_a_line() -> None:
    """Multi-line messages and tracebacks stay in one line."""
    line = render("hello\n%s", "wörld", as_json=True, exc=raised("x"))
    assert "\n" not in line
    entry = json.loads(line)
    assert (entry["level"], entry["logger"], entry["message"]) == ("WARNING", "bot.test", "hello\nwörld")
    assert "RuntimeError: calling x" in entry["traceback"]
    assert "traceback" not in json.loads(render("quiet", as_json=True))


@pytest.fixture
def root_logger() -> Iterator[logging.Logger]:
    """The root logger, restored afterwards with all levels that are set up."""
    root = logging.getLogger()
    names = ("aiohttp", "asyncio", "httpcore", "httpx", "pymongo", "telegram")
    levels = {name: logging.getLogger(name).level for name in names}
    handlers, level, complain = root.handlers[:], root.level, logging.raiseExceptions
    root.handlers = []
    yield root
    root.handlers, logging.raiseExceptions = handlers, complain
    root.setLevel(level)
    for name, value in levels.items():
        logging.getLogger(name).setLevel(value)


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_the_whole_setup_at_debug(
    root_logger: logging.Logger, capsys: pytest.CaptureFixture[str], log_format: str
) -> None:
    """At the lowest level, with libraries that print requests, no secret reaches standard error."""
    setup_logging("DEBUG", log_format, [TOKEN, PASSWORD])
    logging.getLogger("bot.x").debug("poll %s", TOKEN)
    logging.getLogger("httpx").debug("request with %s", NOTE)
    logging.getLogger("pymongo.command").info("document %s", NOTE)
    logging.getLogger("telegram.Bot").warning("bot %s", TOKEN)
    root_logger.error("defect", exc_info=raised(f"session_feedback|r|s|done|{NOTE} {PASSWORD}"))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" in captured.err
    for secret in (TOKEN, PASSWORD, "knee"):
        assert secret not in captured.err


def test_a_broken_log_call_does_not_stop_the_bot(
    root_logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    """Wrong arguments are swallowed without a traceback that could quote them."""
    setup_logging("INFO", "text", [])
    root_logger.info("%d", NOTE)
    root_logger.info("still here")
    assert NOTE not in (err := capsys.readouterr().err)
    assert "still here" in err


def test_a_defect_is_described_by_its_place_alone() -> None:
    """Type and places, innermost first, never the message."""
    exc = raised(NOTE)
    described = describe_defect(exc)
    assert described.startswith("RuntimeError at test_logs.py:")
    assert "knee" not in described
    assert "/" not in described
    assert describe_defect(ValueError(NOTE)) == "ValueError"


def test_a_deep_defect_is_described_in_one_line() -> None:
    """Only the innermost four places are named."""

    def dive(depth: int) -> None:
        if depth == 0:
            raise ValueError(NOTE)
        dive(depth - 1)

    try:
        dive(50)
    except ValueError:
        described = describe_defect(sys.exception() or AssertionError())
    assert described.count("test_logs.py:") == 4
    assert "\n" not in described
