"""The client of the control API, for tests and demos that run in another process."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any

import aiohttp

from bot.sandbox.errors import SandboxError
from bot.sandbox.faults import Kind
from bot.sandbox.world import Buttons, Json, User


class SandboxClient:
    """Calls a running sandbox server; see `World` for what each call means.

    Every call raises `SandboxError` when the server refuses the step, and `aiohttp.ClientError` when it is
    not there. Use it as an async context manager, or `close` it.
    """

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url.rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> SandboxClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    # What users do

    async def tap(
        self,
        chat_id: int,
        message_id: int,
        user: User | int,
        *,
        data: str | None = None,
        button: int | None = None,
        text: str | None = None,
        force: bool = False,
    ) -> Json:
        """`World.tap`; returns the fields of the `Tap`."""
        arguments = tap(chat_id, message_id, user, data=data, button=button, text=text, force=force)
        tapped: Json = await self._call("tap", arguments)
        return tapped

    async def taps(self, taps: Sequence[Mapping[str, Any]]) -> list[str]:
        """Many taps in one call, each as the function `tap` of this module gives it; returns query ids."""
        query_ids: list[str] = await self._call("taps", {"taps": taps})
        return query_ids

    async def message(self, chat_id: int, user: User | int, text: str, **how: Any) -> int:
        """`World.message`."""
        arguments = {"chat_id": chat_id, "user": _user(user), "text": text, **how}
        return int(await self._call("message", arguments))

    async def wordless(self, chat_id: int, user: User | int, kind: str, **how: Any) -> int:
        """`World.wordless`."""
        arguments = {"chat_id": chat_id, "user": _user(user), "kind": kind, **how}
        return int(await self._call("wordless", arguments))

    async def edit_message(self, chat_id: int, message_id: int, text: str) -> None:
        """`World.edit_message`."""
        await self._call("edit_message", {"chat_id": chat_id, "message_id": message_id, "text": text})

    async def message_at(
        self, chat_id: int, *, date: float, text: str, buttons: Buttons | None = None
    ) -> int:
        """`World.message_at`."""
        arguments = {"chat_id": chat_id, "date": date, "text": text, "buttons": buttons}
        return int(await self._call("message_at", arguments))

    async def messages_at(self, messages: Sequence[Mapping[str, Any]]) -> list[int]:
        """Many messages in one call, each with the arguments of `message_at` by name."""
        message_ids: list[int] = await self._call("messages_at", {"messages": messages})
        return message_ids

    async def inject(self, update: Mapping[str, Any]) -> int:
        """`World.inject`."""
        return int(await self._call("inject", {"update": update}))

    async def inject_raw(self, text: str) -> int:
        """`World.inject_raw`."""
        return int(await self._call("inject_raw", {"text": text}))

    # What Telegram does

    async def set_chat(
        self,
        chat_id: int,
        *,
        unknown: bool | None = None,
        started: bool | None = None,
        blocked: bool | None = None,
        migrated_to: int | None = None,
        title: str | None = None,
        without_reactions: bool | None = None,
    ) -> None:
        """`World.set_chat`."""
        arguments = {
            "chat_id": chat_id,
            "unknown": unknown,
            "started": started,
            "blocked": blocked,
            "migrated_to": migrated_to,
            "title": title,
            "without_reactions": without_reactions,
        }
        await self._call("set_chat", arguments)

    async def set_message(
        self, chat_id: int, message_id: int, *, accessible: bool | None = None, editable: bool | None = None
    ) -> None:
        """`World.set_message`."""
        arguments = {
            "chat_id": chat_id,
            "message_id": message_id,
            "accessible": accessible,
            "editable": editable,
        }
        await self._call("set_message", arguments)

    async def restart_update_ids(self, first_id: int) -> None:
        """`World.restart_update_ids`."""
        await self._call("restart_update_ids", {"first_id": first_id})

    async def fault(
        self,
        kind: Kind,
        methods: str | Iterable[str] = "*",
        *,
        times: int | None = 1,
        for_seconds: float | None = None,
        status: int = 500,
        description: str | None = None,
        retry_after: int | None = None,
        body: str | None = None,
        seconds: float | None = None,
    ) -> None:
        """Adds a `Fault`; `for_seconds` counts from now and gives its `until`."""
        arguments = {
            "kind": kind,
            "methods": methods if isinstance(methods, str) else list(methods),
            "times": times,
            "for_seconds": for_seconds,
            "status": status,
            "description": description,
            "retry_after": retry_after,
            "body": body,
            "seconds": seconds,
        }
        await self._call("fault", arguments)

    async def clear_faults(self) -> None:
        """`FaultScript.clear`."""
        await self._call("clear_faults", {})

    async def faults_fired(self) -> dict[str, int]:
        """`FaultScript.fired`."""
        fired: dict[str, int] = await self._call("faults_fired", {})
        return fired

    # What can be seen from outside

    async def messages(self, chat_id: int) -> list[Json]:
        """`World.messages`."""
        messages: list[Json] = await self._call("messages", {"chat_id": chat_id})
        return messages

    async def ledger(self, method: str | None = None, since: int = 0) -> list[Json]:
        """`Ledger.calls`."""
        calls: list[Json] = await self._call("ledger", {"method": method, "since": since})
        return calls

    async def given_taps(self, since: int = 0) -> list[Json]:
        """`World.given_taps`."""
        taps: list[Json] = await self._call("given_taps", {"since": since})
        return taps

    async def counts(self) -> Json:
        """`World.counts`."""
        counts: Json = await self._call("counts", {})
        return counts

    async def clear_ledger(self) -> None:
        """`Ledger.clear`."""
        await self._call("clear_ledger", {})

    # The clock and other settings

    async def time(self) -> float:
        """`World.time`."""
        return float(await self._call("time", {}))

    async def advance(self, seconds: float) -> None:
        """`World.advance`."""
        await self._call("advance", {"seconds": seconds})

    async def set_time(self, unix: float) -> None:
        """`World.set_time`."""
        await self._call("set_time", {"unix": unix})

    async def settings(self, **settings: Any) -> None:
        """Changes what is named, while the server runs.

        Args:
            limits: True for Telegram's, False for none, or the fields of `Limits`.
            query_lifetime, update_lifetime: seconds.
            inaccessible_after: seconds, or None for never.
            styles: whether it knows how buttons may look.
            callback_query_mode: `inline`, for taps without their message.
            ledger: `full` or `counts`.
        """
        await self._call("settings", settings)

    async def _call(self, command: str, arguments: Mapping[str, Any]) -> Any:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        async with self._session.post(f"{self._base_url}/sandbox/{command}", json=arguments) as response:
            reply = await response.json()
        if "error" in reply:
            raise SandboxError(reply["error"])
        return reply["result"]


def tap(
    chat_id: int,
    message_id: int,
    user: User | int,
    *,
    data: str | None = None,
    button: int | None = None,
    text: str | None = None,
    force: bool = False,
) -> Json:
    """The arguments of one tap, for `SandboxClient.taps`."""
    return {
        "chat_id": chat_id,
        "message_id": message_id,
        "user": _user(user),
        "data": data,
        "button": button,
        "text": text,
        "force": force,
    }


def _user(user: User | int) -> int | Json:
    if isinstance(user, int):
        return user
    return {
        "id": user.id,
        "first_name": user.first_name,
        "username": user.username,
        "language_code": user.language_code,
    }
