"""The embedded MongoDB: a real `mongod` of our own, used when no `MONGO_URL` is set.

It is a one-node replica set on 127.0.0.1 whose data stay in `<data_dir>/mongodb`, open to whoever has its key
(`bot.store.embedded.access`). Its network compression is off: nobody needs it within a machine, and servers
older than 6.0.27 give memory away through it (CVE-2025-14847). Processes that use the
same directory share one server. The right to run it is the lock on `owner.lock`, which the system takes
back however its holder ends; whoever does not get it attaches to the holder's server. Those that use it
briefly share the lock on `users.lock` meanwhile: whoever of them runs the server stops it after the last.
"""

from __future__ import annotations

import asyncio
import fcntl
import itertools
import json
import logging
import os
import random
import signal
import socket
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from bot.core.shared.backoff import Backoff
from bot.core.shared.errors import EmbeddedMongoError, StorageError
from bot.store.embedded.access import HOST, Access, ensure_key, key_file, read_key
from bot.store.embedded.binary import cure, find_mongod, missing_library
from bot.store.embedded.primary import POLL, REPLICA_SET, become_primary, client_of, listens
from bot.store.embedded.version import FilesVersion, note_version, read_version, refusal, version_of
from bot.store.mongodb.client import storage_errors

log = logging.getLogger(__name__)

# Below the ports that systems give to outgoing connections, so that nobody holds ours by chance.
_PORTS = range(20_000, 32_768)
# mongod's journal takes three files at once: 48 MB of disk instead of 300. A larger write gets a larger file.
SMALL_JOURNAL = ("--wiredTigerEngineConfigString", "log=(file_max=16MB)")
_READY_WITHIN = 120.0  # seconds for a start; after a crash it replays the journal first
_PATIENCE = 30.0  # seconds for another process to finish its start or stop
_TELL_AFTER = 3.0  # seconds without a sign, after which whoever looks on is told
_STAY_FOR = 60.0  # seconds for others to finish, before their server is stopped
_STOP_WITHIN = 4.0  # seconds; killing it after that is safe, since all writes are journaled
_STEADY_AFTER = 60.0  # seconds; a server that lived longer is restarted without delay
_RESTARTS = Backoff(0.5, 30.0)  # the first one comes at once
_LOG_CHECK = 3600.0  # seconds
_LOG_BYTES = 16 * 2**20
_OLD_LOGS = 2

# Runs in the child and becomes mongod. A program of its own, because `preexec_fn` is unsafe beside threads.
# On Linux the kernel sends SIGTERM when the starting thread is gone, `kill -9` included. Elsewhere a server
# that has lost its starter so goes on until the next start on its directory, which ends it.
_LAUNCHER = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
    if os.getppid() != int(sys.argv[1]):
        sys.exit("the starter is gone")
try:
    os.execv(sys.argv[2], sys.argv[2:])
except OSError as exc:
    sys.exit(str(exc))
"""


@dataclass(frozen=True, slots=True)
class _Mongod:
    """Where the directory's server is, or was last.

    Attributes:
        has_key: False: an earlier release has started it, and everybody on this machine gets in.
    """

    pid: int
    port: int
    has_key: bool = False


class EmbeddedMongo:
    """The MongoDB server of one data directory: started here, or shared with the process that started it.

    Only the process that started it stops it. `async with` starts and stops. Start it from the main thread:
    the server ends with the thread that started it.

    Args:
        data_dir: the directory; it is made if need be.
        brief: this process needs the server for a short time only: others that do, too, wait for it with
            stopping the server, and it for them.
    """

    def __init__(self, data_dir: Path, *, brief: bool = False) -> None:
        self._dir = data_dir.resolve() / "mongodb"
        self._is_brief = brief
        self._server: _Mongod | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._owning: int | None = None  # open files with a lock
        self._using: int | None = None

    @property
    def url(self) -> str:
        """The connection string, with the password; it stays the same over restarts unless the port gets
        taken."""
        return self._access(self._started()).url

    @property
    def address(self) -> str:
        """The connection string as people may see it: without the password."""
        return self._access(self._started()).address

    @classmethod
    def last_url(cls, data_dir: Path) -> str | None:
        """The connection string of the server that a directory has, or had last; None: it never had one.

        Raises:
            EmbeddedMongoError: its key cannot be read.
        """
        mongo = cls(data_dir)
        server = mongo._read_server()
        if server is None:
            return None
        try:
            return mongo._access(server).url
        except OSError as exc:
            raise EmbeddedMongoError(
                f"{key_file(mongo._dir)} cannot be read ({exc.strerror}):"
                f" run this as the user that runs the bot."
            ) from None

    def _access(self, server: _Mongod) -> Access:
        return Access(server.port, read_key(self._dir) if server.has_key else None)

    def _started(self) -> _Mongod:
        if self._server is None:
            raise RuntimeError("not started")
        return self._server

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if not isinstance(exc, asyncio.CancelledError):  # who presses Ctrl-C wants to see it end
                await self._stay_for_others()
        finally:
            await self.stop()

    async def start(self) -> None:
        """Return once the server takes writes, be it ours or another process's.

        Raises:
            EmbeddedMongoError: it cannot run here; nothing is left running.
        """
        if self._process is not None and self._process.returncode is None:
            return
        self._process = None
        try:
            self._prepare_directory()
            if await self._attach_unless_owner():
                return
            await self._await_orphan()
            await self._launch()
            self._use()
        except OSError as exc:
            self._release()
            raise EmbeddedMongoError(
                f"{self._dir} cannot be used ({exc.strerror or exc}):"
                f" set DATA_DIR to a directory that this user may write to, on a disk with space."
            ) from None
        except BaseException:
            self._release()
            raise

    async def stop(self) -> None:
        """Stop the server if it is ours, else let go of it. Cancel `supervise` first."""
        try:
            if self._process is not None:
                await _terminate(self._process)
        finally:
            self._process = self._server = None
            self._release()

    async def supervise(self) -> None:
        """Until cancelled, start the server again whenever it ends, whoever had started it.

        Raises:
            EmbeddedMongoError: it runs again, but on another port, since the old one was taken:
                what uses the old `url` must be started again.
        """
        url, address = self.url, self.address
        restarts = 0
        while True:
            since = _now()
            how = await self._ended()
            if _now() - since > _STEADY_AFTER:
                restarts = 0
            log.warning("The embedded MongoDB ended (%s); starting it again", how)
            while True:
                await asyncio.sleep(_RESTARTS.delay(restarts))
                restarts += 1
                try:
                    await self.start()
                    break
                except EmbeddedMongoError as exc:
                    log.warning("%s Next try in %.1f s", exc, _RESTARTS.delay(restarts))
            if self.url != url:
                raise EmbeddedMongoError(
                    f"The embedded MongoDB moved from {address} to {self.address}, because its port was"
                    f" taken: start the bot again."
                )
            log.info("The embedded MongoDB is back")

    # The right to run the server

    def _prepare_directory(self) -> None:
        self._dir.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._dir.mkdir(mode=0o700, exist_ok=True)

    async def _attach_unless_owner(self) -> bool:
        """Become the owner (False), or else wait for the owner's server (True)."""
        begun, told = _now(), False
        while not self._own():
            last = self._read_server()
            if self._use() and last is not None and await self._answers(last, writable=True):
                self._server = last
                log.info("Using the embedded MongoDB, process %d, on port %d", last.pid, last.port)
                return True
            waited = _now() - begun
            if waited > _TELL_AFTER and not told:
                log.warning(
                    "The embedded MongoDB of %s does not answer yet: waiting for up to %.0f s",
                    *(self._dir, _PATIENCE),
                )
                told = True
            if waited > _PATIENCE:
                raise EmbeddedMongoError(
                    f"Another process holds {self._dir}, but its MongoDB does not answer:"
                    f" try again later, or stop that process."
                )
            await asyncio.sleep(5 * POLL)
        return False

    def _own(self) -> bool:
        """Get the right to run the server, unless another process has it."""
        if self._owning is None:
            self._owning = _locked(self._dir / "owner.lock", fcntl.LOCK_EX)
        return self._owning is not None

    def _use(self) -> bool:
        """If the use is brief, keep the server from being stopped, unless that has begun already."""
        if self._is_brief and self._using is None:
            self._using = _locked(self._dir / "users.lock", fcntl.LOCK_SH)
        return not self._is_brief or self._using is not None

    async def _stay_for_others(self) -> None:
        """If the server is ours, wait for those that use it briefly, and let no other of them begin."""
        if self._process is None or self._using is None:
            return
        begun, told = _now(), False
        while self._process.returncode is None and not _try_lock(self._using, fcntl.LOCK_EX):
            waited = _now() - begun
            if waited > _STAY_FOR:
                return
            if waited > _TELL_AFTER and not told:
                log.warning(
                    "Other commands use this one's embedded MongoDB: waiting for up to %.0f s", _STAY_FOR
                )
                told = True
            await asyncio.sleep(5 * POLL)

    def _release(self) -> None:
        for lock in (self._using, self._owning):
            if lock is not None:
                os.close(lock)
        self._owning = self._using = None

    def _read_server(self) -> _Mongod | None:
        try:
            return _Mongod(**json.loads(self._state_file.read_bytes()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def _write_server(self, server: _Mongod) -> None:
        fresh = self._state_file.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(server)))
        fresh.replace(self._state_file)

    @property
    def _state_file(self) -> Path:
        return self._dir / "server.json"

    # Servers that others started

    async def _answers(self, server: _Mongod, *, writable: bool) -> bool:
        """Whether `server` is alive and really serves this directory (and takes writes)."""
        if not await listens(server.port):
            return False
        try:
            async with client_of(self._access(server)) as client:
                with storage_errors():
                    options = await client.admin.command("getCmdLineOpts")
                    status = await client.admin.command("serverStatus")
                    hello = await client.admin.command("hello")
        except (StorageError, OSError):
            return False
        same = (
            options["parsed"].get("storage", {}).get("dbPath") == str(self._dir)
            and status["pid"] == server.pid
        )
        return same and (hello["isWritablePrimary"] or not writable)

    async def _await_orphan(self) -> None:
        """Since the lock is ours, a server that runs here has lost its starter: let it end."""
        deadline = _now() + _PATIENCE
        told = False
        while self._is_served():
            last = self._read_server()
            if last is not None and not told and await self._answers(last, writable=False):
                with suppress(ProcessLookupError):
                    os.kill(last.pid, signal.SIGTERM)
                told = True
            if _now() > deadline:
                raise EmbeddedMongoError(f"Another mongod uses {self._dir}: stop it, then try again.")
            await asyncio.sleep(POLL)

    def _is_served(self) -> bool:
        """Whether a mongod, answering or not, has the data files open: it locks this file meanwhile."""
        try:
            lock = os.open(self._dir / "mongod.lock", os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            return not _try_lock(lock, fcntl.LOCK_EX)
        finally:
            os.close(lock)

    async def _ended(self) -> str:
        """Wait until the server is gone and say how it went."""
        if self._process is not None:
            return _describe_exit(await self._watch(self._process))
        with suppress(OSError):
            reader, writer = await asyncio.open_connection(HOST, self._started().port)
            try:
                await reader.read()  # silent for as long as the server lives
            finally:
                writer.close()
        return "it was another process's"

    # Our own server

    async def _launch(self) -> None:
        binary = find_mongod()
        await self._require_openable(binary)
        ensure_key(self._dir)
        last = self._read_server()
        port = last.port if last is not None and _is_free(last.port) else _free_port()
        self._rotate_log()
        process = await self._spawn(binary, port)
        server = _Mongod(process.pid, port, has_key=True)
        try:
            self._write_server(server)
            files = await self._until_ready(binary, process, self._access(server))
            note_version(self._dir, files)
        except BaseException:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            raise
        self._process, self._server = process, server
        log.info("Started the embedded MongoDB, process %d, on port %d", process.pid, port)

    async def _require_openable(self, binary: Path) -> None:
        files = read_version(self._dir)
        version = None if files is None else await version_of(binary)
        if files is not None and version is not None and (why := refusal(files, binary, version)):
            raise EmbeddedMongoError(f"The embedded MongoDB cannot start on {self._dir}: {why}.")

    async def _spawn(self, binary: Path, port: int) -> asyncio.subprocess.Process:
        arguments = [
            *("--dbpath", str(self._dir), "--port", str(port), "--bind_ip", HOST, "--nounixsocket"),
            *("--keyFile", str(key_file(self._dir)), "--networkMessageCompressors", "disabled"),
            *("--replSet", REPLICA_SET, "--wiredTigerCacheSizeGB", "0.25", *SMALL_JOURNAL),
            *("--quiet", "--logpath", str(self._log_file), "--logappend", "--logRotate", "reopen"),
            *("--setParameter", "diagnosticDataCollectionEnabled=false"),
        ]
        output = os.open(self._output_file, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        try:
            return await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid()), str(binary), *arguments),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is for the bot, which still has taps to store
            )
        except (PermissionError, FileNotFoundError) as exc:
            raise EmbeddedMongoError(
                f"{sys.executable}, which starts it, cannot be run by this user ({exc.strerror}):"
                f" install Python where this user may run it, or set MONGO_URL to a MongoDB server."
            ) from None
        finally:
            os.close(output)

    async def _until_ready(
        self, binary: Path, process: asyncio.subprocess.Process, access: Access
    ) -> FilesVersion:
        ready = asyncio.ensure_future(become_primary(access))
        exited = asyncio.ensure_future(process.wait())
        try:
            await asyncio.wait((ready, exited), timeout=_READY_WITHIN, return_when=asyncio.FIRST_COMPLETED)
            if exited.done():
                raise self._failure(binary, exited.result())
            if not ready.done():
                raise EmbeddedMongoError(
                    f"The embedded MongoDB is not ready within {_READY_WITHIN:.0f} s."
                    f" Its log: {self._log_file}"
                )
            return ready.result()
        finally:
            ready.cancel()
            exited.cancel()
            await asyncio.gather(ready, exited, return_exceptions=True)

    def _failure(self, binary: Path, code: int) -> EmbeddedMongoError:
        """The reason in mongod's own words; where it did not even come to write a log, the system's."""
        logged, printed = _read_lines(self._log_file), _read_lines(self._output_file)
        if cause := next(_complaints(logged + printed), None):
            return EmbeddedMongoError(
                f"The embedded MongoDB cannot start on {self._dir}: {cause}. Its log: {self._log_file}"
            )
        if logged or code in (-signal.SIGKILL, -signal.SIGTERM):
            return EmbeddedMongoError(
                f"The embedded MongoDB ended at its start ({_describe_exit(code)}). Its log: {self._log_file}"
            )
        if lack := missing_library("\n".join(printed)):
            return EmbeddedMongoError(lack)
        reason = printed[0] if printed else _describe_exit(code)
        return EmbeddedMongoError(f"{binary} does not run on this machine ({reason}); {cure()}.")

    async def _watch(self, process: asyncio.subprocess.Process) -> int:
        """Wait for the exit status of `process`, keeping its log small meanwhile."""
        while True:
            try:
                return await asyncio.wait_for(process.wait(), _LOG_CHECK)
            except TimeoutError:
                with suppress(OSError):
                    if self._log_file.stat().st_size > _LOG_BYTES:
                        self._rotate_log()
                        process.send_signal(signal.SIGUSR1)  # makes it open a new log file

    @property
    def _log_file(self) -> Path:
        return self._dir / "mongod.log"

    @property
    def _output_file(self) -> Path:
        return self._dir / "mongod.out"

    def _rotate_log(self) -> None:
        files = [self._log_file, *(self._dir / f"mongod.log.{number + 1}" for number in range(_OLD_LOGS))]
        for older, newer in itertools.pairwise(reversed(files)):
            if newer.exists():
                newer.replace(older)


async def _terminate(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _STOP_WITHIN)
    except TimeoutError:
        log.warning("The embedded MongoDB did not stop within %.0f s; killing it loses nothing", _STOP_WITHIN)
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def _free_port() -> int:
    candidates = random.sample(_PORTS, 100)
    if port := next(filter(_is_free, candidates), None):
        return port
    raise EmbeddedMongoError(f"No free port found between {_PORTS.start} and {_PORTS.stop - 1} on {HOST}.")


def _locked(path: Path, kind: int) -> int | None:
    """The open file with this kind of lock on it; None if others' locks forbid it."""
    file = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    if _try_lock(file, kind):
        return file
    os.close(file)
    return None


def _try_lock(file: int, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read_lines(file: Path) -> list[str]:
    try:
        return file.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return []


def _complaints(lines: Iterable[str]) -> Iterator[str]:
    """What mongod's log says at the severities fatal and error, the oldest first."""
    for line in lines:
        try:
            entry = json.loads(line)
            if entry["s"] in ("F", "E"):
                details = entry.get("attr", {})
                yield f"{entry['msg']} {details.get('error', details.get('message', ''))}".strip()
        except (ValueError, KeyError, TypeError):
            continue  # not a log entry


def _describe_exit(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"


def _now() -> float:
    return asyncio.get_running_loop().time()
