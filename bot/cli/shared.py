"""Settings and the event loop, as every command needs them."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Coroutine
from typing import Any

from bot.core.shared.errors import StorageUnavailable
from bot.logs import setup_logging
from bot.settings import Settings, doubts, load_settings

log = logging.getLogger(__name__)


def read_settings() -> Settings:
    """The settings; from here on, logging follows them.

    Raises:
        ConfigError: a value cannot be understood.
    """
    settings = load_settings()
    setup_logging(settings.log_level, settings.log_format, settings.secrets())
    for doubt, cure in doubts(os.environ):
        log.warning("%s; cure: %s", doubt, cure)
    return settings


def call(settings: Settings, work: Coroutine[Any, Any, Any]) -> Any:
    """Run a short command: what it logs below WARNING is not what its user asked for."""
    logging.getLogger().setLevel(max(logging.WARNING, logging.getLogger().level))
    try:
        return asyncio.run(work)
    except StorageUnavailable as exc:
        raise StorageUnavailable(
            f"{exc}; check that {settings.mongo_place()} runs and lets this machine in"
        ) from None
