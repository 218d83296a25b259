"""`python -m bot.sandbox`: the local Bot API server on its own, until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys

from bot.sandbox.limits import TELEGRAM_LIMITS
from bot.sandbox.server import SandboxServer
from bot.sandbox.world import World


def main(arguments: list[str] | None = None) -> int:
    """Runs the server; returns the exit status (2: the address cannot be used)."""
    parser = argparse.ArgumentParser(prog="python -m bot.sandbox", description="A local Bot API server.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8081, help="port to listen on; 0 takes a free one")
    parser.add_argument("--token", required=True, help="the one bot token that is accepted")
    parser.add_argument(
        "--limits", action=argparse.BooleanOptionalAction, default=True, help="Telegram's sending limits"
    )
    parser.add_argument(
        "--ledger", choices=("full", "counts"), default="full", help="keep every call, or counts only"
    )
    chosen = parser.parse_args(arguments)
    world = World(limits=TELEGRAM_LIMITS if chosen.limits else None, ledger=chosen.ledger)
    try:
        asyncio.run(_serve(SandboxServer(world, token=chosen.token), chosen.host, chosen.port))
    except OSError as error:
        print(f"cannot listen on {chosen.host} port {chosen.port}: {error.strerror}", file=sys.stderr)  # noqa: T201 - a command speaks
        return 2
    return 0


async def _serve(server: SandboxServer, host: str, port: int) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stopped.set)
    await server.start(host, port)
    print(f"listening on {server.url}", flush=True)  # noqa: T201 - a command speaks
    await stopped.wait()
    await server.stop()


if __name__ == "__main__":
    sys.exit(main())
