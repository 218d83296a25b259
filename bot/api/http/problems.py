"""Everything that goes wrong, as problem details (RFC 9457): what is wrong, in which field, and the cure.

No problem quotes a value: it may be a secret, or what an athlete wrote.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Self

from starlette.responses import Response

from bot.core.shared.bson_json import BadValue

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = 5
"""Seconds after which a request that was refused for the moment may be sent again."""

TITLES: Mapping[int, str] = MappingProxyType(
    {
        400: "Bad Request",
        401: "Unauthorized",
        404: "Not Found",
        405: "Method Not Allowed",
        408: "Request Timeout",
        409: "Conflict",
        413: "Content Too Large",
        415: "Unsupported Media Type",
        422: "Unprocessable Content",
        431: "Request Header Fields Too Large",
        500: "Internal Server Error",
        503: "Service Unavailable",
    }
)


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing that is wrong.

    Attributes:
        field: where: `weekStart`, `[3].runId`, a query parameter, a header.
        problem: what is wrong with it, and the cure.
    """

    field: str
    problem: str

    def __str__(self) -> str:
        return f"{self.field}: {self.problem}"


class Problem(Exception):
    """An answer that is no success.

    Attributes:
        status: of HTTP; one of `TITLES`.
        detail: one sentence with the cure.
        flaws: the fields at fault, if any.
        headers: to be sent along.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        flaws: Iterable[Flaw] = (),
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(status, detail)
        self.status = status
        self.detail = detail
        self.flaws = tuple(flaws)
        self.headers = dict(headers)

    @classmethod
    def of(cls, status: int, *flaws: Flaw, **headers: str) -> Self:
        """The problem that the flaws (at least one) make; header names are written with underscores."""
        more = f" (and {len(flaws) - 1} more)" if len(flaws) > 1 else ""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return cls(status, f"{flaws[0]}{more}", flaws, named)

    def content(self) -> bytes:
        """The JSON document."""
        return json.dumps(
            {
                "type": "about:blank",
                "title": TITLES[self.status],
                "status": self.status,
                "detail": self.detail,
                "errors": [asdict(flaw) for flaw in self.flaws],
            }
        ).encode()

    def response(self) -> Response:
        """For an ASGI application."""
        return Response(self.content(), self.status, self.headers, MEDIA_TYPE)

    def message(self) -> bytes:
        """A whole HTTP/1.1 message that ends its connection, where there is no application to ask."""
        content = self.content()
        headers = {
            **self.headers,
            "Content-Type": MEDIA_TYPE,
            "Content-Length": str(len(content)),
            "Connection": "close",
        }
        lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
        return f"HTTP/1.1 {self.status} {TITLES[self.status]}\r\n{''.join(lines)}\r\n".encode() + content


def flaws_of(error: BadValue, place: str = "") -> list[Flaw]:
    """The faults of a document, with field paths.

    Args:
        place: where the document stands in the body: `[3]`; empty for the body itself.
    """
    flaws = []
    for each in (error, *error.others):
        dot = "." if place and each.path and not each.path.startswith("[") else ""
        flaws.append(Flaw(f"{place}{dot}{each.path}" or "body", each.problem))
    return flaws


def invalid(*flaws: Flaw) -> Problem:
    """Something in the request is wrong."""
    return Problem.of(422, *flaws)


def later(detail: str, flaws: Sequence[Flaw] = ()) -> Problem:
    """The same request may succeed in a while."""
    return Problem(503, detail, flaws, {"Retry-After": str(RETRY_AFTER)})
