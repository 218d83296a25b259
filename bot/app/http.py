"""The HTTP server: the API and the webhook, whichever are on. Imported only where HTTP is served."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from bot.api.application import build
from bot.api.http.dependencies import ApiDependencies
from bot.api.http.server import HttpServer, url_of
from bot.api.routes.webhook import WebhookDoor
from bot.app.bootstrap import Service
from bot.core.figures.stats import Stats
from bot.core.health.machine_checks import open_without_tls
from bot.core.inbox.webhook import WebhookSettings
from bot.core.shared.clock import Clock
from bot.metrics import PrometheusMeters
from bot.services.health.vitals import VitalsMonitor
from bot.services.inbox.webhook import WebhookReceiver
from bot.services.reports.figures import Figures
from bot.settings import Settings
from bot.store.inbox.journal import Journal
from bot.store.mongodb.client import Database

log = logging.getLogger(__name__)

_FIGURES_HOLD = timedelta(minutes=3)  # it is collected each minute, unless MongoDB is away


@asynccontextmanager
async def open_http(
    settings: Settings,
    port: int,
    hook: WebhookSettings | None,
    db: Database,
    journal: Journal,
    service: Service,
    monitor: VitalsMonitor,
    counting: PrometheusMeters,
    clock: Clock,
) -> AsyncIterator[HttpServer]:
    """The HTTP API and the webhook, whichever are on. It listens and is ready to run; at the end it answers
    what it has begun to answer.

    Args:
        settings: HTTP_HOST, HTTP_TOKEN and what the API shows.
        port: where it listens.
        hook: the webhook; None: Telegram is polled.
        db, journal, service, monitor: of what the API tells.
        counting: the metrics that `/metrics` shows.
        clock: the time of requests.

    Raises:
        ConfigError: the address cannot be used; the variable at fault is named.
    """
    parts = ApiDependencies(
        db=db,
        journal=journal,
        roster=service.roster,
        figures=service.figures.collect,
        clock=clock,
        zone=settings.timezone,
        late_after_days=settings.late_after_days,
        retention=settings.retention(),
        metrics_per_athlete=settings.metrics_per_athlete,
        base_url=url_of(settings.http_host, port),
        monitor=monitor,
        metrics=lambda vitals, accept: counting.page(vitals, _recent(service.figures, clock), accept),
    )
    token = settings.http_token.get_secret_value() if settings.http_port and settings.http_token else None
    api = build(parts, token)
    if hook is not None and isinstance(service.source, WebhookReceiver):
        api = WebhookDoor(api, hook, service.source.take)
    # A local webhook may name the port alone.
    port_setting = "WEBHOOK_URL (--webhook)" if settings.http_port is None else "HTTP_PORT"
    server = HttpServer(api, settings.http_host, port, port_setting)
    await server.bind()
    if token is not None and (doubt := open_without_tls(settings.http_host, has_proxy=settings.has_proxy)):
        log.warning("%s; %s", *doubt)
    try:
        yield server
    finally:
        await server.finish()


def _recent(figures: Figures, clock: Clock) -> Stats | None:
    """The latest figures; None if there are none, or they are old."""
    stats = figures.latest
    return None if stats is None or clock() - stats.until > _FIGURES_HOLD else stats
