"""Judgements about the token, the webhook, and the people whom the bot writes to."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from bot.core.health.doctor_report import Finding, fail, ok, warn
from bot.core.inbox.webhook import WebhookInfo, read_state
from bot.core.people.athlete import Roster, athlete_flaws
from bot.core.shared.formatting import count
from bot.core.telegram.refusals import Refusal, read_refusal

MANY_PENDING = 100
"""Updates: more than one poll brings, so they are not fetched, or not fast enough."""
SHOWN = 5
"""So many people are named."""

_HOST = re.compile(r"(\w+://)(?:[^/?#@]*@)?([^/?#@]+)")
# For a shell: where the settings come from, too. Other lines of `.env` need not be a shell's.
_TOKEN = "${TELEGRAM_BOT_TOKEN:-$(grep ^TELEGRAM_BOT_TOKEN= .env | grep -oE '[0-9]+:[A-Za-z0-9_-]+')}"  # noqa: S105  # none


def judge_bot(me: Mapping[str, Any]) -> Finding:
    """The bot, by the reply of `getMe`."""
    return ok("token", f"@{me.get('username')} (id {me.get('id')})")


def judge_taps(me: Mapping[str, Any]) -> Iterator[Finding]:
    """How taps come, by the reply of `getMe`; nothing of the usual mode."""
    mode = me.get("callback_query_mode")
    if mode in (None, "", "default"):
        return
    yield warn(
        "token",
        f"callback_query_mode is {mode}: taps may come without their message. Answers count all the same;"
        " other buttons, such as those of /pause and the coach's, do not work",
        'setMySettings with {"callback_query_mode": "default"}',
    )


def judge_webhook(
    info: Mapping[str, Any], api_url: str, ours: str | None, now: datetime, takers: Sequence[str] = ()
) -> Finding:
    """The webhook, by the reply of `getWebhookInfo`.

    Args:
        ours: the webhook that is to be set; None: the bot polls, by the settings.
        takers: the services that take updates from a webhook, for people.
    """
    if ours is not None:
        return _judge_own(read_state(info, ours), now)
    pending = info.get("pending_update_count")
    pending = pending if isinstance(pending, int) else 0
    if url := info.get("url"):
        scheme_and_host = _HOST.match(str(url))  # some put a secret before or behind it
        where = "".join(scheme_and_host.groups()) if scheme_and_host else "its address is no URL"
        deletion = f'curl -s "{api_url}/bot{_TOKEN}/deleteWebhook"'
        if takers:
            return warn(
                "webhook",
                f"one is set ({where}), and {', '.join(takers)} takes updates; WEBHOOK_URL is not set here",
                "WEBHOOK_URL=<what follows --webhook>, in .env, so that it can be looked at; if it is not"
                f" that one, or to poll again: {deletion}",
            )
        return fail(
            "webhook",
            f"a webhook is set ({where}): getUpdates cannot work",
            f"{deletion}, or give the bot a token of its own; if `run --webhook` has set it, set WEBHOOK_URL",
        )
    waiting = f"none is set, and {count(pending, 'update')} wait to be fetched"
    if pending > MANY_PENDING:
        return warn("webhook", waiting, "start the service: feedback-bot run; if it runs, its log says more")
    return ok("webhook", waiting)


def _judge_own(state: WebhookInfo, now: datetime) -> Finding:
    waiting = f"{count(state.pending, 'update')} still to be sent"
    if not state.is_set:
        return fail(
            "webhook",
            "the one of WEBHOOK_URL is not set",
            "start the service, which sets it: feedback-bot run; if it runs, its log says more",
        )
    if state.failed_lately(now):
        return fail(
            "webhook",
            f"Telegram does not get through, {waiting}: {state.failure}",
            "check the proxy in front of the service, its certificate, and that it passes the path on",
        )
    return ok("webhook", f"the one of WEBHOOK_URL is set, with {waiting}")


def judge_lists(
    roster: Roster | None, athlete_ids: Collection[int], admin_ids: Collection[int]
) -> Iterator[Finding]:
    """Whether there are athletes and admins.

    Args:
        roster: None where it could not be read.
    """
    if roster is None:
        if not athlete_ids:
            yield warn(
                "people",
                "ATHLETE_IDS is empty, and the roster could not be read",
                "make MongoDB answer, or ATHLETE_IDS=<the id that /start shows>",
            )
    elif not any(athlete.user_id is not None for athlete in roster.athletes):
        yield warn(
            "people",
            "nobody trains here: ATHLETE_IDS and the roster are empty, so every tap is refused",
            "ATHLETE_IDS=<the id that /start shows>, or: feedback-bot athlete add NAME",
        )
    else:
        yield ok("people", f"{count(len(roster.athletes), 'athlete')}, {count(len(admin_ids), 'admin')}")
    if not admin_ids:
        yield warn(
            "people", "ADMIN_IDS is empty: nobody may ask /stats", "ADMIN_IDS=<the id that /start shows>"
        )


def judge_documents(documents: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """Settings of athletes that cannot be read, and so count as not set."""
    for document in documents:
        if document.get("state") == "removed":
            continue
        for flaw in athlete_flaws(document):
            message, _, cure = flaw.partition("; ")
            yield warn("people", f"athlete {document.get('athleteId')}: {message}", cure or "correct it")


COACH_CHAT = "the coach's chat (COACH_CHAT_ID)"


def judge_unreachable(
    reasons: Mapping[str, str], waiting: Mapping[str, int] = MappingProxyType({})
) -> Iterator[Finding]:
    """People and groups to whom the bot cannot write.

    Args:
        reasons: Telegram's, by who it is (`athlete ana`, `admin 7`, `chat -100`).
        waiting: how many questions wait for them.
    """
    for who, reason in list(reasons.items())[:SHOWN]:
        number = waiting.get(who, 0)
        wait = f", and {count(number, 'question')} {'waits' if number == 1 else 'wait'}" if number else ""
        if who == COACH_CHAT:
            yield fail(
                "people",
                f"{who} cannot be written to, and pain is not told there ({reason})",
                "correct COACH_CHAT_ID, or add the bot to that chat; a person sends it /start",
            )
            continue
        match read_refusal(reason):
            case Refusal.NOT_STARTED:
                said = f"{who} has never written to the bot, so it cannot write to them ({reason}){wait}"
                cure = "they send the bot /start; or correct the id"
            case Refusal.REMOVED | Refusal.MUTED | Refusal.TOPIC:
                said = f"{who} cannot be written to ({reason}){wait}"
                cure = "add the bot to the group, let it write there, and write something there yourself"
            case _:
                said = f"{who} cannot be written to ({reason}){wait}"
                cure = "they unblock the bot, and send it /start"
        yield warn("people", said, cure)
    if (more := len(reasons) - SHOWN) > 0:
        yield warn("people", f"and {more} more cannot be written to", "they send the bot /start")
