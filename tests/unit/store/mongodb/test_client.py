"""Connection strings that cannot be used: the reason is told, and never a part of a password."""

from __future__ import annotations

import pytest

from bot.core.shared.errors import ConfigError, StorageUnavailable
from bot.store.mongodb.client import connect, ping

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
        ("mongodb://coach:{}@h:port/", r"Port contains non-digit characters\.\)$"),
        ("mongodb+srv://h.example/?srvMaxHosts=3&foo=1", "there is no option foo"),
        ("mongodb://h/?readConcernLevel=x;foo=1", "there is no option foo"),
        ("mongodb://coach:{}@h/?tls=true&maxPoolSze=3", r"no option maxPoolSze\. Did you mean .*maxpoolsize"),
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


async def test_a_name_that_cannot_be_looked_up_is_an_outage() -> None:
    """It may be well again in a moment: `run` waits."""
    db = connect(f"mongodb+srv://coach:{_PASSWORD}@nobody.invalid/", None, "coach")
    with pytest.raises(StorageUnavailable) as caught:
        await ping(db)
    assert _PASSWORD not in str(caught.value)
    await db.client.close()
