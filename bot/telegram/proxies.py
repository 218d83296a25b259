"""The proxy on the way to the Bot API, as HTTPS_PROXY (HTTP_PROXY for an http address) names it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp

from bot.core.shared.errors import ConfigError

_PLAIN = ("http", "https")
# Names are looked up by the proxy in any case: this machine may have no way to ask.
_SOCKS = {"socks5": "socks5", "socks5h": "socks5", "socks4": "socks4", "socks4a": "socks4"}


@dataclass(frozen=True, slots=True)
class Route:
    """How requests get out.

    Attributes:
        connector: makes the connections.
        proxy: is asked to pass requests on; None if there is none, or the connector goes through it.
        unsent: what is raised, beside errors of aiohttp, where no connection could be made.
    """

    connector: aiohttp.TCPConnector
    proxy: str | None = None
    unsent: tuple[type[Exception], ...] = ()


def route_to(url: str, **options: Any) -> Route:
    """The way to an address, looked up once instead of at every request.

    Args:
        options: of the connector.

    Raises:
        ConfigError: the variable names a proxy that cannot be used. A password in it is not quoted.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    is_here = host == "localhost" or host == "::1" or host.startswith("127.")
    proxy = None if is_here or proxy_bypass(parts.netloc) else getproxies().get(parts.scheme)
    if not proxy:
        return Route(aiohttp.TCPConnector(**options))
    name = f"{parts.scheme.upper()}_PROXY"
    scheme, separator, rest = proxy.partition("://")
    if not separator:
        raise ConfigError(
            f"{name}: the proxy's address has no scheme; write http:// (or socks5://) before it"
        )
    scheme = scheme.lower()
    if scheme not in (*_PLAIN, *_SOCKS):
        raise ConfigError(f"{name}: {scheme}:// is no proxy that the bot can use; it can use {_usable()}")
    try:
        place = urlsplit(proxy)
        is_whole = bool(place.hostname) and (place.port is not None or scheme in _PLAIN)
    except ValueError:
        is_whole = False
    if not is_whole:
        raise ConfigError(f"{name}: the proxy's address lacks host or port; write {scheme}://host:port")
    if scheme in _PLAIN:
        return Route(aiohttp.TCPConnector(**options), proxy)
    try:
        import aiohttp_socks as socks  # noqa: PLC0415 # an extra
    except ImportError:
        raise ConfigError(f"{name}: {scheme}:// needs the extra socks; pip install -e '.[socks]'") from None
    connector = socks.ProxyConnector.from_url(f"{_SOCKS[scheme]}://{rest}", rdns=True, **options)
    return Route(connector, unsent=(socks.ProxyError, socks.ProxyConnectionError, socks.ProxyTimeoutError))


def _usable() -> str:
    return ", ".join(f"{scheme}://" for scheme in (*_PLAIN, *_SOCKS))
