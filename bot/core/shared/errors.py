"""The one exception family: every message is a sentence that a person can act on.

Errors that mean "later" (`Unavailable`) are kept apart from errors that mean "never" so that callers
decide by type. Anything that is not a `BotError` is a defect of ours and is left to escape.
"""

from __future__ import annotations

import errno


class BotError(Exception):
    """The work failed; the message says what to do. Exit status 1."""

    exit_status = 1


class ConfigError(BotError):
    """The call or the configuration is wrong; nothing was started. Exit status 2."""

    exit_status = 2


class ExhaustedError(BotError):
    """The process gets no more memory, or no more threads, so that none of its parts can be relied on."""

    def __init__(self, reason: BaseException) -> None:
        super().__init__(
            f"this process gets no more memory or threads ({type(reason).__name__}); raise its limits (ulimit"
            " -v and -u, MemoryMax= and TasksMax= in systemd, the container's memory)"
        )


def is_exhausted(exc: BaseException) -> bool:
    """Whether this is no defect, but the end of what the machine gives."""
    match exc:
        case MemoryError() | ExhaustedError() | OSError(errno=errno.ENOMEM):
            return True
        case RuntimeError():
            return "can't start new thread" in str(exc)
        case ImportError():  # of a library that cannot be mapped
            return "failed to map segment" in str(exc) or "allocate memory" in str(exc)
    return False


class StorageError(BotError):
    """Something with MongoDB failed."""


class StorageUnavailable(StorageError):
    """MongoDB did not answer, or is between primaries: the same call may succeed later."""


class StorageRejected(StorageError):
    """MongoDB refused these documents or this command: the same call would fail again."""


class StorageDenied(StorageRejected):
    """MongoDB does not let this user do that."""


class StorageConflict(StorageRejected):
    """What is stored already, or the collection's own rules, stand against these documents."""


class EmbeddedMongoError(BotError):
    """The embedded MongoDB cannot be started here; the message says how to do without it."""


class BackupError(BotError):
    """A backup cannot be made, or cannot be restored; the message says why."""


class RestoreUnfinished(ConfigError):
    """What is in the database is half of a backup: nothing may go on with it."""


class JournalError(BotError):
    """The journal cannot be written (disk full, read-only, damaged): nothing may be confirmed."""


class TelegramError(BotError):
    """A call to the Bot API failed."""


class TelegramNotSent(TelegramError):
    """The request did not reach the Bot API (no connection): repeating it is safe."""


class TelegramUnknown(TelegramError):
    """The request may have been carried out, but its reply was lost (time-out, reset, 5xx, garbage)."""


class TelegramUnreadable(TelegramUnknown):
    """A whole reply came that is not JSON (or more than Python's parser takes).

    Attributes:
        body: the reply as text; it may hold what athletes wrote.
    """

    def __init__(self, message: str, body: str) -> None:
        super().__init__(message)
        self.body = body


class TelegramUnauthorized(TelegramError):
    """The token is refused (401, 404)."""


class TelegramConflict(TelegramError):
    """Somebody else polls with this token, or a webhook is set (409)."""


class TelegramRejected(TelegramError):
    """Telegram will never accept this request (400, 403); the message is Telegram's reason."""


class TelegramUnsupported(TelegramRejected):
    """The Bot API server is older than the method (404)."""


class TelegramChatMigrated(TelegramRejected):
    """The group became a supergroup.

    Attributes:
        new_chat_id: the id under which the chat goes on.
    """

    def __init__(self, message: str, new_chat_id: int) -> None:
        super().__init__(message)
        self.new_chat_id = new_chat_id


class TelegramRateLimited(TelegramError):
    """Too many requests (429).

    Attributes:
        retry_after: seconds to wait before the next try.
    """

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class PictureError(BotError):
    """A picture cannot be drawn; the message says why.

    Attributes:
        is_missing_extra: because nothing that draws is installed.
    """

    def __init__(self, message: str, *, is_missing_extra: bool = False) -> None:
        super().__init__(message)
        self.is_missing_extra = is_missing_extra
