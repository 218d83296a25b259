"""Telling systemd how the service is, over the socket that it names in `NOTIFY_SOCKET`. See sd_notify(3)."""

from __future__ import annotations

import logging
import socket

log = logging.getLogger(__name__)


class Notifier:
    """Says little things to systemd; does nothing where there is none.

    Args:
        address: path of a datagram socket, or `@` and the name of an abstract one; None: nobody listens.
    """

    def __init__(self, address: str | None) -> None:
        self._address = f"\0{address[1:]}" if address and address.startswith("@") else address
        self._is_ready = False
        self._status = ""

    def turned(self) -> None:
        """The poll loop has turned: the first time, the service is up; and each time, it is alive."""
        self._is_ready |= self._say("WATCHDOG=1" if self._is_ready else "READY=1\nWATCHDOG=1")

    def status(self, text: str) -> None:
        """A line for `systemctl status`."""
        if text != self._status and self._say(f"STATUS={text}"):
            self._status = text

    def stopping(self) -> None:
        """It ends."""
        self._say("STOPPING=1\nSTATUS=stopping")

    def _say(self, message: str) -> bool:
        """Whether it was said."""
        if not self._address:
            return False
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.settimeout(0)  # a full queue must not hold the service up: the next turn says it again
            try:
                sender.sendto(message.encode(), self._address)
            except OSError as exc:
                log.debug("systemd was not told: %s", exc.strerror)
                return False
        return True
