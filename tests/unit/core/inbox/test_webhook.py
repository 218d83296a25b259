"""Where Telegram pushes updates to: which addresses will do, and what Telegram says of them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.core.inbox.webhook import WebhookInfo, read_hook, read_state, secret_of

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
        ("https://me:pw@bot.example.org:99999/x", "this is no address"),
        ("https://bot.example.org:8080/telegram", "443, 80, 88 and 8443"),
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


@pytest.mark.parametrize(("url", "is_set"), [(URL, True), ("", False), (URL + "2", False)])
def test_whether_it_is_ours(url: str, is_set: bool) -> None:
    """Another one, or none, may be set; what it says is read tolerantly."""
    state = read_state({"url": url, "last_error_message": "502  Bad\nGateway"}, URL)
    assert state == WebhookInfo(is_set, 0, None, "502 Bad Gateway")


def hook(pending: int, failed_at: int | None) -> WebhookInfo:
    """Ours, which is set."""
    return WebhookInfo(is_set=True, pending=pending, failed_at=failed_at, failure="502 Bad Gateway")


def test_trouble_from_its_first_failure_until_something_comes() -> None:
    """However far apart Telegram's tries are, and whatever the clocks say; an old failure is none."""
    course = [
        (hook(0, 100), False, False),  # long ago
        (hook(1, 100), False, False),  # on its way
        (hook(3, 200), False, True),
        (hook(3, 200), False, True),  # Telegram waits for minutes before it tries again
        (hook(2, 200), True, True),  # it gets through, and has more
        (hook(0, 201), True, True),  # what waited is forgotten, and was not taken
        (hook(0, 201), False, True),  # nobody knows whether it would get through now
        (hook(0, 201), True, False),
        (hook(1, 201), False, False),
    ]
    last: WebhookInfo | None = None
    calm: WebhookInfo | None = None
    for number, (state, has_arrived, is_trouble) in enumerate(course):
        assert state.is_in_trouble(last, calm, has_arrived=has_arrived) is is_trouble, number
        if not is_trouble:
            calm = state
        last = state


def test_the_first_look() -> None:
    """Nobody knows how old the failure is: it counts for what waits."""
    assert hook(2, 100).is_in_trouble(None, None)
    assert not hook(0, 100).is_in_trouble(None, None)
    assert not hook(2, None).is_in_trouble(None, None)


@pytest.mark.parametrize(
    ("pending", "age", "is_trouble"), [(1, 599, True), (1, 600, False), (1, -599, True), (0, 1, False)]
)
def test_by_one_look_alone(pending: int, age: int, is_trouble: bool) -> None:
    """The `doctor` sees only one: what waits and failed within ten minutes, by either clock."""
    assert hook(pending, int(NOW.timestamp()) - age).failed_lately(NOW) is is_trouble
