"""The HTTP side: `/bot<token>/<method>` as Telegram serves it, and `/sandbox/<command>` for scripts.

aiohttp's low-level server is used: with two kinds of path a router would only cost time.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import struct
from contextlib import suppress
from types import TracebackType

from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_parser import RawRequestMessage
from aiohttp.web_protocol import RequestHandler

from bot.sandbox.commands import run_command
from bot.sandbox.errors import ApiError, SandboxError
from bot.sandbox.faults import Fault, FaultScript
from bot.sandbox.forms import read_params
from bot.sandbox.ledger import Call
from bot.sandbox.methods import METHODS, Method, Params, Poll
from bot.sandbox.pusher import Pusher
from bot.sandbox.world import Json, World

_BOT_PATH = "/bot"
_CONTROL_PATH = "/sandbox/"
_LARGEST_BODY = 64 * 1024 * 1024
_TOKEN = re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]+")
_JSON = "application/json"
_TRUE = b'{"ok":true,"result":true}'
_TAKEN_OVER = (
    "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
)
_CUT_SHORT = b'{"ok":true,"result":[{"update_id":'
# Close with a reset instead of an orderly end of stream.
_RESET = struct.pack("ii", 1, 0)
_dumps = json.JSONEncoder(separators=(",", ":")).encode


class _NoReplyError(Exception):
    """No reply goes out on this connection."""


class SandboxServer:
    """Serves one world to one bot, until stopped.

    The world may be changed directly from the server's event loop: long polls wake up.

    Attributes:
        world: the state behind the server.
        faults: what shall go wrong.
    """

    def __init__(self, world: World, *, token: str) -> None:
        self.world = world
        self.faults = FaultScript()
        self._token = token
        if (bot_id := token.partition(":")[0]).isdecimal():
            world.bot_id = int(bot_id)
        self._runner: web.ServerRunner | None = None
        self._address: tuple[str, int] | None = None
        self._stopping = asyncio.Event()
        self._pusher = Pusher(world)
        self._pushing: asyncio.Task[None] | None = None
        # What the newest getUpdates waits for, and its number: only the newest one may go on.
        self._poll: asyncio.Future[None] | None = None
        self._polls = 0

    @property
    def url(self) -> str:
        """The root for `TELEGRAM_API_URL`; calls go to `<root>/bot<token>/<method>`.

        Raises:
            RuntimeError: the server is not running.
        """
        if self._address is None:
            raise RuntimeError("the sandbox server is not running")
        host, port = self._address
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listens; port 0 takes a free one.

        Raises:
            OSError: the address is taken or not of this machine.
        """
        self._stopping.clear()
        server = web.Server(
            self._handle, request_factory=_request, handler_cancellation=True, access_log=None
        )
        self._runner = web.ServerRunner(server, shutdown_timeout=1.0)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port, backlog=1024).start()
        except OSError:
            await self.stop()
            raise
        bound_host, bound_port = self._runner.addresses[0][:2]
        self._address = (bound_host, bound_port)
        self.world.on_update = self._wake
        self._pushing = asyncio.create_task(self._pusher.run())

    async def stop(self) -> None:
        """Ends every request, hanging ones too, and closes. Safe to call twice."""
        self.world.on_update = None
        self._address = None
        self._stopping.set()
        self._wake_poll()
        pushing, self._pushing = self._pushing, None
        if pushing is not None:
            pushing.cancel()
            await asyncio.gather(pushing, return_exceptions=True)
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def __aenter__(self) -> SandboxServer:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path
        if path.startswith(_BOT_PATH):
            token, _, name = path.removeprefix(_BOT_PATH).partition("/")
            return await self._serve_bot(request, token, name)
        if path.startswith(_CONTROL_PATH):
            return await self._serve_control(request, path.removeprefix(_CONTROL_PATH))
        return _failed(ApiError(404, "Not Found"))

    # The Bot API

    async def _serve_bot(self, request: web.BaseRequest, token: str, name: str) -> web.StreamResponse:
        key = name.lower()
        spelled, method = METHODS.get(key, (name, None))
        refusal: ApiError | None = None
        try:
            params = await read_params(request)
        except ApiError as error:
            params, refusal = Params({}), error
        if token != self._token:
            malformed = _TOKEN.fullmatch(token) is None
            refusal = ApiError(404, "Not Found") if malformed else ApiError(401, "Unauthorized")
        elif key not in METHODS:
            refusal = ApiError(404, "Not Found")

        world = self.world
        now = world.time()
        call = world.ledger.begin(spelled, params.for_ledger(), now)
        try:
            if refusal is not None:
                raise refusal
            fault = self.faults.take(key, now)
            if fault is None:
                response = await self._work(method, params, call)
            else:
                call.fault = fault.kind
                response = await self._work_with_fault(fault, method, params, call)
            call.status = response.status
        except ApiError as error:
            call.status, call.description = error.code, error.description
            response = _failed(error)
        except _NoReplyError:
            _reset(request)
            return web.Response()
        finally:
            world.ledger.end(call)
        call.replied = request.transport is not None and not request.transport.is_closing()
        return response

    async def _work(self, method: Method | None, params: Params, call: Call) -> web.Response:
        if method is None:
            updates = await self._get_updates(Poll.of(params))
            call.delivered = True
            return _json(f'{{"ok":true,"result":[{",".join(updates)}]}}'.encode())
        result = method(self.world, params)
        call.delivered = True
        return _json(_TRUE if result is True else f'{{"ok":true,"result":{_dumps(result)}}}'.encode())

    async def _work_with_fault(
        self, fault: Fault, method: Method | None, params: Params, call: Call
    ) -> web.Response:
        match fault.kind:
            case "status":
                code, description, parameters = fault.refusal()
                if fault.body is None:
                    raise ApiError(code, description, parameters)
                call.description = description
                return web.Response(body=fault.body.encode(), status=code, content_type="text/html")
            case "garbage":
                return _json(_CUT_SHORT)
            case "reset":
                raise _NoReplyError
            case "hang":
                await self._hang(fault.seconds)
                raise _NoReplyError
            case "delay":
                await self._hang(fault.seconds)
                return await self._work(method, params, call)
            case "reset_after":
                await self._work(method, params, call)
                raise _NoReplyError
            case "hang_after":
                await self._work(method, params, call)
                await self._hang(fault.seconds)
                raise _NoReplyError

    async def _hang(self, seconds: float | None) -> None:
        """Waits, but not beyond the server's end, which loses the call."""
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return
        raise _NoReplyError

    async def _get_updates(self, poll: Poll) -> list[str]:
        self._polls += 1
        number = self._polls
        self._wake_poll()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + poll.timeout
        updates = self.world.get_updates(poll.offset, poll.limit, poll.allowed_updates)
        while not updates and (remaining := deadline - loop.time()) > 0:
            self._poll = loop.create_future()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._poll, remaining)
            if self._stopping.is_set():
                raise _NoReplyError
            if number != self._polls:
                raise ApiError(409, _TAKEN_OVER)
            updates = self.world.get_updates(poll.offset, poll.limit)
        return updates

    def _wake(self) -> None:
        self._wake_poll()
        self._pusher.wake()

    def _wake_poll(self) -> None:
        if self._poll is not None and not self._poll.done():
            self._poll.set_result(None)

    # The control API

    async def _serve_control(self, request: web.BaseRequest, name: str) -> web.StreamResponse:
        try:
            body = await request.read()
            result = run_command(self.world, self.faults, name, json.loads(body) if body else {})
        except SandboxError as error:
            return _json(_dumps({"error": str(error)}).encode(), 400)
        except ValueError as error:
            return _json(_dumps({"error": f"the body is not JSON: {error}"}).encode(), 400)
        return _json(_dumps({"result": result}).encode())


def _request(
    message: RawRequestMessage,
    payload: StreamReader,
    protocol: RequestHandler,
    writer: AbstractStreamWriter,
    task: asyncio.Task[None],
) -> web.BaseRequest:
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=_LARGEST_BODY)


def _json(body: bytes, status: int = 200) -> web.Response:
    return web.Response(body=body, status=status, content_type=_JSON)


def _failed(error: ApiError) -> web.Response:
    envelope: Json = {"ok": False, "error_code": error.code, "description": error.description}
    if error.parameters:
        envelope["parameters"] = error.parameters
    return _json(_dumps(envelope).encode(), error.code)


def _reset(request: web.BaseRequest) -> None:
    """Ends the connection as a crashed peer does."""
    transport = request.transport
    if transport is not None:
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        transport.abort()
