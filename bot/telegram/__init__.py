"""The client of the Bot API, the only room that knows the library."""

import sys

# python-telegram-bot imports httpx, which we do not call, and that imports its command line with rich, if
# rich is there: 60 ms and 4 MiB at each start. What is None here counts as not installed, which httpx
# provides for.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
