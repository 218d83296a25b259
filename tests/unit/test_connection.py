"""Connection strings that cannot be used: the reason is told, and never a part of a password."""

from __future__ import annotations

import pytest

from bot.core.errors import ConfigError
from bot.store.connection import connect

_PASSWORD = "zebra"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("mongodb://h:99999/", "Port must be"),
        ("mongodb://coach:{}@h:99999/", "Port must be"),
        ("mongodb://coach:{}%40%2f@h/?tls=yes", "tls must be"),
        ("mongodb://coach@h/?readPreference=near", "read preference"),
        ("mongodb://coach:{}@h/?maxPoolSize=many", "maxpoolsize must be"),
        ("mongodb://coach:{}@/", "Empty host"),
        ("mongo://coach:{}@h/", "must begin with 'mongodb://'"),
        ("mongodb://coach:{}@word@h/", "percent-encode"),
        ("mongodb://coach:{}:word@h/", "percent-encode"),
        ("mongodb://coach:{}/word@h/", "percent-encode"),
        ("mongodb://coach:{}?word@h/?tls=yes", "percent-encode"),
        ("mongodb://coach:{}%word@h/", "percent-encode"),
        ("mongodb://:{}@h/", "percent-encode"),
        ("coach:{}@h", "percent-encode"),
    ],
)
def test_unusable_connection_strings(url: str, reason: str) -> None:
    """The driver's reason, unless user or password are written so that it may quote them."""
    with pytest.raises(ConfigError, match=f"^MONGO_URL: not a usable connection string .*{reason}") as caught:
        connect(url.format(_PASSWORD), None, "coach")
    assert _PASSWORD not in str(caught.value)
    assert "word" not in str(caught.value).replace("password", "")
