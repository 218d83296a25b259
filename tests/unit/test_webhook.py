"""Where Telegram pushes updates to: which addresses will do, and what Telegram says of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.core.webhook import HookState, read_hook, read_state, secret_of

TOKEN = "123456789:AAE-made-up-for-tests_0123456789abcd"
URL = "https://bot.example.org/telegram"
NOW = datetime(2026, 2, 18, 18, 42, 41, tzinfo=UTC)


@pytest.mark.parametrize(
    ("url", "path", "port"),
    [
        (URL, "/telegram", None),
        ("https://bot.example.org:8443/a/b-c_d", "/a/b-c_d", None),
        ("https://bot.example.org", "/", None),
        ("http://127.0.0.1:9000/hook", "/hook", 9000),
        ("http://[::1]:9000/hook", "/hook", 9000),
        ("http://balancer/hook", "/hook", None),
    ],
)
def test_addresses(url: str, path: str, port: int | None) -> None:
    """The path is served; a port that needs no TLS can be listened on."""
    hook = read_hook(url, TOKEN, is_local=True)
    assert (hook.url, hook.path, hook.port) == (url, path, port)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("bot.example.org/telegram", "is no address"),
        ("ftp://bot.example.org/telegram", "is no address"),
        ("https:///telegram", "is no address"),
        ("https://bot.example.org:99999/x", "is no address"),
        ("http://bot.example.org/telegram", "https addresses alone"),
        ("https://me:pw@bot.example.org/telegram", "host and path alone"),
        (f"{URL}?secret=1", "host and path alone"),
        (f"{URL}#here", "host and path alone"),
        ("https://bot.example.org/tele%67ram", "plain letters"),
        ("https://bot.example.org/é", "plain letters"),
        ("https://bot.example.org/v1/telegram", "the HTTP API's"),
        ("https://bot.example.org/metrics", "the HTTP API's"),
    ],
)
def test_addresses_that_cannot_be_used(url: str, said: str) -> None:
    """Each with what to write instead, and without a password that stood in it."""
    with pytest.raises(ValueError, match=said) as error:
        read_hook(url, TOKEN, is_local=False)
    assert "such as" in str(error.value)
    assert "pw@" not in str(error.value)


def test_a_path_beside_the_apis() -> None:
    """Only whole names are taken."""
    assert read_hook("https://bot.example.org/v1x", TOKEN, is_local=False).path == "/v1x"


def test_the_secret() -> None:
    """The same for each service of a bot, another one for each bot, of what Telegram allows, and no part of
    the token."""
    secret = secret_of(TOKEN)
    assert secret == secret_of(TOKEN) != secret_of(TOKEN + "x")
    assert len(secret) == 64
    assert set(secret) <= set("0123456789abcdef")


@pytest.mark.parametrize(
    ("info", "state"),
    [
        ({"url": URL}, HookState(is_set=True, pending=0, trouble=None)),
        ({"url": ""}, HookState(is_set=False, pending=0, trouble=None)),
        ({"url": URL + "2", "pending_update_count": 4}, HookState(is_set=False, pending=4, trouble=None)),
    ],
)
def test_the_state(info: dict[str, Any], state: HookState) -> None:
    """Whether it is ours that is set."""
    assert read_state(info, URL, NOW) == state


@pytest.mark.parametrize(
    ("pending", "age", "trouble"), [(1, 59, "502 Bad Gateway"), (1, 60, None), (0, 1, None)]
)
def test_what_went_wrong_last(pending: int, age: int, trouble: str | None) -> None:
    """It is trouble as long as something waits and the failure is young; afterwards it is history."""
    info = {
        "url": URL,
        "pending_update_count": pending,
        "last_error_date": int(NOW.timestamp()) - age,
        "last_error_message": "502  Bad\nGateway",
    }
    assert read_state(info, URL, NOW).trouble == trouble
