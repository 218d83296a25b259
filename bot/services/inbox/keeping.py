"""What is received is kept, or whoever gave it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from bot.core.shared.errors import JournalError

TOLD_AFTER = 3.0
"""Seconds that the journal may take before taps are told that they are not kept, which they may be yet."""

_T = TypeVar("_T")


async def kept(
    keeping: Coroutine[Any, Any, _T], on_unkept: Callable[[], None], patience: float = TOLD_AFTER
) -> _T:
    """The result of putting something into the journal.

    Shielded: what has arrived is kept even if the bot is told to stop right now.

    Args:
        on_unkept: called, once, if it fails or takes long.

    Raises:
        JournalError: it is not kept.
    """
    work = asyncio.ensure_future(keeping)
    # If nobody waits for it any more its failure concerns nobody: nothing is confirmed on its account.
    work.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
    done, _ = await asyncio.wait({work}, timeout=patience)
    if not done:
        on_unkept()
    try:
        return await asyncio.shield(work)
    except JournalError:
        if done:
            on_unkept()
        raise
