"""Sends updates to the webhook, as Telegram does: several at once, again and again until each is taken."""

from __future__ import annotations

import asyncio
from functools import partial

import aiohttp

from bot.sandbox.updates import QueuedUpdate
from bot.sandbox.world import World

_TIMEOUT = aiohttp.ClientTimeout(total=60)
# Telegram's pauses are longer; tests have less patience.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 5.0


class Pusher:
    """Works while the world has a webhook; one `run` at a time."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._woken = asyncio.Event()
        self._under_way: dict[int, asyncio.Task[None]] = {}

    def wake(self) -> None:
        """There may be something to send."""
        self._woken.set()

    async def run(self) -> None:
        """Send until cancelled."""
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
            try:
                while True:
                    self._woken.clear()
                    self._start(session)
                    await self._woken.wait()
            finally:
                tasks = list(self._under_way.values())
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, session: aiohttp.ClientSession) -> None:
        webhook, now = self._world.webhook, self._world.time()
        if webhook is None:
            return
        free = webhook.max_connections - len(self._under_way)
        for update in self._world.queue.to_push(free, self._under_way.keys(), now):
            task = asyncio.create_task(self._push(session, update))
            self._under_way[update.update_id] = task
            task.add_done_callback(partial(self._ended, update.update_id))

    def _ended(self, update_id: int, _: asyncio.Task[None]) -> None:
        self._under_way.pop(update_id, None)
        self.wake()

    async def _push(self, session: aiohttp.ClientSession, update: QueuedUpdate) -> None:
        pause = _FIRST_PAUSE
        while (webhook := self._world.webhook) is not None:
            headers = {"Content-Type": "application/json"}
            if webhook.secret:
                headers["X-Telegram-Bot-Api-Secret-Token"] = webhook.secret
            self._world.queue.pushed(update, self._world.time())
            try:
                async with session.post(webhook.url, data=update.body.encode(), headers=headers) as reply:
                    await reply.read()
                    trouble = None if reply.ok else f"Wrong response from the webhook: {reply.status}"
            except (aiohttp.ClientError, TimeoutError) as exc:
                trouble = f"Connection failed ({type(exc).__name__})"
            if trouble is None:
                self._world.queue.acknowledge(update, self._world.time())
                return
            webhook.failed(self._world.time(), trouble)
            await asyncio.sleep(pause)
            pause = min(_LONGEST_PAUSE, pause * 2)
            if not self._world.queue.is_waiting(update, self._world.time()):
                return
