"""What `doctor` thinks of what it found, at the boundaries."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.core.health import machine_checks as machine
from bot.core.health import mongodb_checks as mongodb
from bot.core.health import telegram_checks as telegram
from bot.core.health.doctor_report import (
    CHECKS,
    Finding,
    fail,
    fail_as_said,
    has_failed,
    in_order,
    ok,
    skip,
    to_json,
    warn,
)
from bot.core.health.mongodb_checks import IndexState, Rights, Server
from bot.core.health.vitals import DRAINED_WITHIN, POLLED_WITHIN
from bot.core.inbox.lease import TTL, Peer
from bot.core.people.athlete import ContactHours, Roster, read_roster

NOW = datetime(2026, 2, 18, 23, 30, tzinfo=UTC)  # a Wednesday
MONDAY = date(2026, 2, 16)
SECOND = timedelta(seconds=1)
MS = timedelta(milliseconds=1)
MADRID = ZoneInfo("Europe/Madrid")
SERVER = Server("6.0.5", has_set=True, user="coach", user_db="admin", latency=3 * MS)


def levels(findings: Iterable[Finding]) -> list[str]:
    """How bad they are."""
    return [finding.level for finding in findings]


def only(findings: Iterable[Finding]) -> Finding:
    """The one that there is."""
    (finding,) = findings
    return finding


# The report


def test_a_line_is_aligned_and_ends_with_the_cure() -> None:
    """Level, check and message stand in columns; what is well has no cure."""
    assert str(ok("token", "@my_bot (id 123)")) == "ok    token     @my_bot (id 123)"
    assert str(fail("webhook", "set", "curl x")) == "FAIL  webhook   set; cure: curl x"
    columns = {str(warn(check, "MESSAGE", "c")).index("MESSAGE") for check in CHECKS}
    assert len(columns) == 1


def test_findings_are_shown_by_check_and_else_in_their_order() -> None:
    """However they came in."""
    found = [ok("http", "a"), ok("token", "b"), warn("token", "c", "d"), ok("config", "e")]
    assert [finding.message for finding in in_order(found)] == ["e", "b", "c", "a"]


def test_only_failures_fail() -> None:
    """Warnings and what was not looked at do not."""
    well = [ok("token", "a"), warn("dates", "b", "c"), skip("webhook", "d")]
    assert not has_failed(well)
    assert has_failed([*well, fail("disk", "e")])
    assert to_json(well[1:2]) == {
        "ok": True,
        "checks": [{"level": "warn", "check": "dates", "message": "b", "cure": "c"}],
    }


@pytest.mark.parametrize(
    ("said", "message", "cure"),
    [("X: bad; do y; or z", "X: bad", "do y; or z"), ("X: bad", "X: bad", None)],
)
def test_an_error_is_taken_apart(said: str, message: str, cure: str | None) -> None:
    """At the first semicolon, as all errors are written."""
    assert fail_as_said("config", said) == Finding("FAIL", "config", message, cure)


# This machine


@pytest.mark.parametrize(
    ("free", "level"),
    [(100 * 2**20 - 1, "FAIL"), (100 * 2**20, "warn"), (2**30 - 1, "warn"), (2**30, "ok")],
)
def test_space(free: int, level: str) -> None:
    """Below 1 GiB is little, below 100 MiB too little."""
    assert machine.judge_space(free, "data").level == level


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("skew", "level"),
    [(5 * SECOND - MS, "ok"), (5 * SECOND, "warn"), (60 * SECOND - MS, "warn"), (60 * SECOND, "FAIL")],
)
def test_the_clock(skew: timedelta, level: str, sign: int) -> None:
    """From 5 s on it is off, from 60 s on far off, in both directions."""
    found = machine.judge_clock({"Telegram": sign * skew, "MongoDB": timedelta()})
    assert found.level == level
    assert ("ahead of Telegram" in found.message) == (sign > 0)
    assert found.cure is None or "timedatectl set-ntp true;" in found.cure


def test_whose_clock_is_wrong() -> None:
    """Where only MongoDB's differs, it is to be set there; without a witness nothing is said."""
    found = machine.judge_clock({"Telegram": timedelta(), "MongoDB": -60 * SECOND})
    assert (found.level, "on the machine of MongoDB" in (found.cure or "")) == ("FAIL", True)
    assert machine.judge_clock({}).level == "skip"


def test_a_date_header_has_no_fractions() -> None:
    """Up to a second ahead is no difference; what is none is no witness."""
    header = format_datetime(NOW, usegmt=True)
    expected = {0: 0, 1000: 0, 1001: 1, 6000: 5000, -1: -1, -5000: -5000}
    assert {ms: machine.skew_of(header, NOW + ms * MS) for ms in expected} == {
        ms: skew * MS for ms, skew in expected.items()
    }
    for nonsense in ("", "yesterday", "Wed, 18 Feb 2026 23:30:00 -0000"):
        assert machine.skew_of(nonsense, NOW) is None


def test_the_zone_says_what_is_now_there() -> None:
    """Just before midnight in UTC it is the next day in Madrid."""
    found = machine.judge_zone(MADRID, None, NOW, is_set=True)
    assert found == ok(
        "timezone",
        "Europe/Madrid: it is 00:30 there, and a session asked about now is of Thursday 2026-02-19",
    )


@pytest.mark.parametrize(
    ("machine_zone", "level"),
    [
        (None, "ok"), (ZoneInfo("Etc/UTC"), "ok"), (ZoneInfo("Africa/Abidjan"), "ok"),
        (MADRID, "warn"), (ZoneInfo("Europe/London"), "warn"),
    ],
)  # fmt: skip
def test_a_zone_that_was_forgotten(machine_zone: ZoneInfo | None, level: str) -> None:
    """Where the machine has another one in summer or winter; not where it was chosen."""
    utc = ZoneInfo("UTC")
    found = machine.judge_zone(utc, machine_zone, NOW, is_set=False)
    assert found.level == level
    assert level == "ok" or (found.cure or "").startswith(f"TIMEZONE={machine_zone} ")
    assert machine.judge_zone(utc, machine_zone, NOW, is_set=True).level == "ok"


@pytest.mark.parametrize(
    ("is_running", "ago", "level"),
    [
        (False, None, "ok"), (False, 1000 * SECOND, "ok"), (True, None, "warn"),
        (True, POLLED_WITHIN, "ok"), (True, POLLED_WITHIN + MS, "warn"), (True, -SECOND, "ok"),
    ],
)  # fmt: skip
def test_the_service(is_running: bool, ago: timedelta | None, level: str) -> None:
    """One that runs polls as often as /readyz expects."""
    last_poll = None if ago is None else NOW - ago
    found = machine.judge_service(is_running=is_running, last_poll=last_poll, now=NOW, data_dir="data")
    assert found.level == level
    assert level == "ok" or "another program polls" in (found.cure or "")


def journal(**given: Any) -> list[Finding]:
    """The findings about a journal."""
    sound: dict[str, Any] = {
        "damage": None, "pending": 0, "oldest_pending": None, "dead": 0, "oldest_dead": None,
        "is_served": True, "now": NOW, "path": "j.sqlite3",
    }  # fmt: skip
    return list(machine.judge_journal(**sound | given))


@pytest.mark.parametrize(
    ("ago", "is_served", "level"),
    [(DRAINED_WITHIN, True, "ok"), (DRAINED_WITHIN + MS, True, "warn"), (SECOND, False, "warn")],
)
def test_what_waits_in_the_journal(ago: timedelta, is_served: bool, level: str) -> None:
    """A running service has it processed in the time that /readyz gives it; without one it waits."""
    found = only(journal(pending=2, oldest_pending=NOW - ago, is_served=is_served))
    assert (found.level, found.message.startswith("2 updates not processed")) == (level, True)


def test_dead_letters_and_damage() -> None:
    """Dead letters are counted with their age; of a damaged file nothing else is said."""
    found = only(journal(dead=1, oldest_dead=NOW - timedelta(days=3)))
    assert (found.level, found.message) == (
        "warn",
        "1 dead letter that nobody could read, the oldest 3 days old",
    )
    assert levels(journal(damage="row 3 missing", pending=1, oldest_pending=NOW)) == ["FAIL"]
    assert levels(journal()) == ["ok"]


@pytest.mark.parametrize(
    ("state", "is_running", "level"),
    [
        ("free", False, "ok"), ("free", True, "warn"), ("ours", True, "ok"), ("ours", False, "FAIL"),
        ("taken", False, "FAIL"), ("taken", True, "FAIL"), ("unusable", False, "FAIL"),
    ],
)  # fmt: skip
def test_the_port(state: machine.PortState, is_running: bool, level: str) -> None:
    """A port is free without a service, and answers with one."""
    assert machine.judge_http("127.0.0.1:8080", state, is_running=is_running).level == level


@pytest.mark.parametrize(
    ("host", "has_proxy", "is_open"),
    [
        ("127.0.0.1", False, False),
        ("127.8.0.1", False, False),
        ("::1", False, False),
        ("localhost", False, False),
        ("0.0.0.0", False, True),  # noqa: S104  # a setting, not a socket
        ("::", False, True),
        ("192.168.1.10", False, True),
        ("bot.lan", False, True),
        ("0.0.0.0", True, False),  # noqa: S104
    ],
)
def test_a_port_that_others_reach_without_tls(host: str, has_proxy: bool, is_open: bool) -> None:
    """Only this machine's own addresses are nobody's way; of a proxy the bot knows what it was told."""
    doubt = machine.open_without_tls(host, has_proxy=has_proxy)
    assert (doubt is not None) is is_open
    if doubt is not None:
        assert doubt[0].startswith(f"HTTP_HOST={host} ")
        assert "HTTP_BEHIND_PROXY=true" in doubt[1]


# Telegram


@pytest.mark.parametrize("mode", [None, "", "default"])
def test_taps_as_ever(mode: str | None) -> None:
    """Nothing is said of it."""
    assert list(telegram.judge_taps({"callback_query_mode": mode})) == []


@pytest.mark.parametrize("mode", ["inline", "auto"])
def test_taps_without_their_message(mode: str) -> None:
    """The mode is named, with what does not work in it, and the cure."""
    [found] = telegram.judge_taps({"callback_query_mode": mode})
    assert found.level == "warn"
    assert f"callback_query_mode is {mode}" in found.message
    assert "setMySettings" in (found.cure or "")


@pytest.mark.parametrize(("pending", "level"), [(0, "ok"), (100, "ok"), (101, "warn"), ("many", "ok")])
def test_updates_that_wait(pending: object, level: str) -> None:
    """More than one poll brings is a word worth."""
    assert (
        telegram.judge_webhook({"url": "", "pending_update_count": pending}, "https://a", None, NOW).level
        == level
    )


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://h.example/zebra/x?key=zebra", "https://h.example"),
        ("https://user:zebra@h.example:8443#zebra", "https://h.example:8443"),
        ("zebra", "its address is no URL"),
    ],
)
def test_a_webhook_forbids_to_poll(url: str, shown: str) -> None:
    """The cure is a command without the token in it; of the webhook only the host is shown."""
    found = telegram.judge_webhook({"url": url}, "http://127.0.0.1:8081", None, NOW)
    assert (found.level, found.message) == ("FAIL", f"a webhook is set ({shown}): getUpdates cannot work")
    assert (found.cure or "").startswith('curl -s "http://127.0.0.1:8081/bot${TELEGRAM_BOT_TOKEN:-$(grep ')


def test_a_webhook_that_a_service_was_started_with() -> None:
    """Its address was given with `--webhook`: that is no fault, and the first cure does not delete it."""
    info = {"url": "https://bot.example.org/telegram"}
    found = telegram.judge_webhook(info, "https://api", None, NOW, ["ana"])
    assert (found.level, found.message) == (
        "warn",
        "one is set (https://bot.example.org), and ana takes updates; WEBHOOK_URL is not set here",
    )
    assert (found.cure or "").startswith("WEBHOOK_URL=")


def roster(*user_ids: int) -> Roster:
    """Athletes by ATHLETE_IDS."""
    return read_roster(user_ids, [], ContactHours(MADRID))


@pytest.mark.parametrize(
    ("known", "athlete_ids", "admin_ids", "expected"),
    [
        (roster(7), {7}, {1}, ["ok"]), (roster(7), {7}, (), ["ok", "warn"]), (roster(), (), {1}, ["warn"]),
        (None, {7}, {1}, []), (None, (), {1}, ["warn"]),
        (
            read_roster((), [{"athleteId": "ana", "state": "invited"}], ContactHours(MADRID)),
            (),
            {1},
            ["warn"],
        ),
    ],
)  # fmt: skip
def test_somebody_is_needed(
    known: Roster | None, athlete_ids: set[int], admin_ids: set[int], expected: list[str]
) -> None:
    """At least one athlete who can tap, and an admin; who is only invited cannot."""
    assert levels(telegram.judge_lists(known, athlete_ids, admin_ids)) == expected


def test_people_who_cannot_be_written_to() -> None:
    """Who blocked the bot and who never met it are told apart, and a crowd is cut off."""
    blocked, unmet = telegram.judge_unreachable(
        {"athlete ana": "Forbidden: bot was blocked by the user", "admin 7": "Chat not found"}
    )
    assert (blocked.message, blocked.cure) == (
        "athlete ana cannot be written to (Forbidden: bot was blocked by the user)",
        "they unblock the bot, and send it /start",
    )
    assert "has never written" in unmet.message
    people = {"athlete ana": "Chat not found", "chat -100": "bot was kicked from the supergroup chat"}
    ana, group = telegram.judge_unreachable(people, {"athlete ana": 1, "chat -100": 3})
    assert ana.message.endswith("(Chat not found), and 1 question waits")
    assert group.message.endswith("supergroup chat), and 3 questions wait")
    assert "add the bot to the group" in (group.cure or "")
    [coach] = telegram.judge_unreachable({telegram.COACH_CHAT: "Chat not found"})
    assert (coach.level, "COACH_CHAT_ID" in (coach.cure or "")) == ("FAIL", True)
    assert len(list(telegram.judge_unreachable({str(n): "Chat not found" for n in range(5)}))) == 5
    *_, last = telegram.judge_unreachable({str(n): "Chat not found" for n in range(7)})
    assert last.message == "and 2 more cannot be written to"


def test_settings_of_athletes_that_cannot_be_read() -> None:
    """Field and cure are named; removed athletes do not matter."""
    documents: list[dict[str, Any]] = [
        {"athleteId": "ana", "timezone": "Mars"},
        {"athleteId": "ben", "state": "removed", "promptTime": 5},
    ]
    found = only(telegram.judge_documents(documents))
    assert found.message == "athlete ana: timezone: 'Mars' is not an IANA time zone"
    assert found.cure == "write one such as Europe/Madrid"


# MongoDB


@pytest.mark.parametrize(
    ("version", "has_set", "latency", "expected"),
    [
        ("4.4.29", True, 1, ["FAIL"]), ("5.0.0", True, 1, ["ok"]), ("7.0.0-rc1", True, 499, ["ok"]),
        ("8.0.1", True, 500, ["warn"]), ("6.0.5", False, 1, ["ok", "warn"]), ("10.0", True, 1, ["ok"]),
    ],
)  # fmt: skip
def test_the_server(version: str, has_set: bool, latency: int, expected: list[str]) -> None:
    """From 5.0 on, best as a replica set, and quick."""
    server = Server(version, has_set, None, None, latency * MS)
    assert levels(mongodb.judge_server(server, "the embedded one")) == expected


@pytest.mark.parametrize(
    ("version", "takes_zlib", "is_told"),
    [
        ("6.0.5", True, True), ("6.0.5", False, False), ("6.0.26", True, True), ("6.0.27", True, False),
        ("7.0.27", True, True), ("7.0.28", True, False), ("5.3.1", True, True), ("8.2.3", True, False),
        ("8.2.2-rc0", True, True), ("8.3.0", True, False), ("9.0.0", True, False), ("odd", True, True),
    ],
)  # fmt: skip
def test_a_server_with_a_known_flaw(version: str, takes_zlib: bool, is_told: bool) -> None:
    """It is told with the cure, unless nobody can make use of it."""
    server = replace(SERVER, version=version, takes_zlib=takes_zlib)
    told = [found for found in mongodb.judge_server(server, "here") if "CVE-2025-14847" in found.message]
    assert [found.level for found in told] == ["warn"] * is_told
    assert all("disabled" in (found.cure or "") for found in told)


@pytest.mark.parametrize(
    ("refused", "level"),
    [
        ((), "ok"), (("insert",), "FAIL"), (("createIndex",), "FAIL"), (("collMod",), "warn"),
        (("collMod", "drop"), "warn"), (("delete", "drop"), "FAIL"),
    ],
)  # fmt: skip
def test_rights(refused: tuple[str, ...], level: str) -> None:
    """What the bot does every day it must be allowed; the cure names user and database."""
    found = mongodb.judge_rights(Rights(refused), SERVER, "coach_db")
    assert found.level == level
    assert level == "ok" or found.cure == (
        'as an administrator, in mongosh: db.getSiblingDB("admin").grantRolesToUser("coach",'
        ' [{"role": "readWrite", "db": "coach_db"}, {"role": "dbAdmin", "db": "coach_db"}])'
    )
    nobody = mongodb.judge_rights(Rights(("insert",)), replace(SERVER, user=None), "coach_db")
    assert "put user and password into MONGO_URL" in (nobody.cure or "")


def test_rights_by_the_role_of_the_bot() -> None:
    """The role allows no tries; what it grants is enough, or what is lacking is named."""
    enough = mongodb.judge_rights(Rights(("insert",), "feedbackBot"), SERVER, "coach_db")
    assert (enough.level, enough.cure) == ("ok", None)
    assert enough.message.startswith("'coach' has the role feedbackBot on 'coach_db': all that `run` does")
    old = mongodb.judge_rights(
        Rights(("insert",), "feedbackBot", ("find on users", "insert on users")), SERVER, "coach_db"
    )
    assert (old.level, old.message) == (
        "FAIL",
        "'coach' may not find on users, insert on users: the role feedbackBot is of another version",
    )
    assert old.cure == 'as an administrator: mongosh "$ADMIN_URL" --file scripts/create_roles.js'


def test_what_other_accounts_can_read() -> None:
    """One line each; the command can be pasted, whatever the directory is called."""
    assert list(machine.judge_privacy({})) == []
    found = only(machine.judge_privacy({"my data; rm -r ~/journal.sqlite3": "answers"}))
    assert (found.level, found.cure) == ("warn", "chmod -R o-rwx 'my data; rm -r ~/journal.sqlite3'")


def test_indexes() -> None:
    """Missing ones stand in one line, unless all are; obstacles and others have their own."""
    missing = [IndexState(f"c.i{n}", is_missing=True) for n in range(3)]
    assert levels(mongodb.judge_indexes([], 3)) == ["ok"]
    assert levels(mongodb.judge_indexes(missing, 3)) == ["warn"]
    found = only(mongodb.judge_indexes(missing[:2], 3))
    assert (found.level, found.message, found.cure) == (
        "FAIL",
        "missing: c.i0, c.i1",
        "feedback-bot bootstrap",
    )
    other = IndexState("c.x", is_missing=False, detail="expires after never -> 90 d")
    stuck = IndexState("c.y", is_missing=True, obstacle="duplicate keys: {1} x2; keep one, then bootstrap")
    found, first = mongodb.judge_indexes([stuck, other], 3)
    assert (found.level, found.message, found.cure) == (
        "FAIL", "c.y: duplicate keys: {1} x2", "keep one, then bootstrap",
    )  # fmt: skip
    assert (first.level, first.cure) == ("warn", "feedback-bot bootstrap")


def test_dates() -> None:
    """Each kind of text has its line; none is well."""
    assert levels(mongodb.judge_dates([])) == ["ok"]
    found = list(mongodb.judge_dates([("a.b: text", "convert"), ("c.d: text", "correct")]))
    assert [(finding.level, finding.cure) for finding in found] == [("warn", "convert"), ("warn", "correct")]


def plan(**fields: Any) -> dict[str, Any]:
    """A document of `plan_snapshots`."""
    return {"runId": "r", "weekStart": "2026-02-16", "activityPlan": {"days": [{"day": "Monday"}]}, **fields}


BROKEN: dict[str, Any] = {"activityPlan": {"days": 5}}


def test_plans_that_cannot_be_used_are_named_with_field_and_cure() -> None:
    """A plan of nobody is one, too."""
    found = only(mongodb.judge_plans([plan(**BROKEN), plan()], roster(7), MONDAY))
    assert (found.level, found.message, found.cure) == (
        "warn",
        'plan "r" cannot be used: activityPlan.days: missing or no array',
        "give one object for each day",
    )
    found = only(mongodb.judge_plans([plan(athleteId="zoe")], roster(7), MONDAY))
    assert "nobody is called 'zoe'" in found.message


@pytest.mark.parametrize(
    ("fields", "level"),
    [
        ({"weekStart": "2026-02-16"}, "warn"), ({"weekStart": "2026-02-10"}, "warn"),
        ({"weekStart": "2026-02-09"}, "ok"), ({"weekStart": "2026-02-02", "weekEnd": "2026-02-16"}, "warn"),
        ({"weekStart": "2026-02-02", "weekEnd": "2026-02-15"}, "ok"), ({"weekStart": "soon"}, "warn"),
        ({"weekStart": None}, "warn"), ({"weekStart": "2026-02-09", "weekEnd": "x"}, "ok"),
    ],
)  # fmt: skip
def test_plans_of_past_weeks_do_not_matter(fields: dict[str, Any], level: str) -> None:
    """Their last day is before this Monday; of whom nobody knows when, they do."""
    assert only(mongodb.judge_plans([plan(**BROKEN, **fields)], roster(7), MONDAY)).level == level


def test_many_broken_plans_are_cut_off() -> None:
    """After ten."""
    documents = [plan(**BROKEN) for _ in range(12)]
    assert len(list(mongodb.judge_plans(documents[:10], roster(7), MONDAY))) == 10
    *_, last = mongodb.judge_plans(documents, roster(7), MONDAY)
    assert last.message == "and 2 more"


@pytest.mark.parametrize(
    ("info", "level", "said"),
    [
        (
            {"url": "https://a.example/hook", "pending_update_count": 0},
            "ok",
            "is set, with 0 updates still to be sent",
        ),
        ({"url": "", "pending_update_count": 3}, "FAIL", "is not set"),
        ({"url": "https://b.example/hook"}, "FAIL", "is not set"),
        (
            {
                "url": "https://a.example/hook",
                "pending_update_count": 1,
                "last_error_date": int(NOW.timestamp()) - 59,
                "last_error_message": "Wrong response from the webhook: 502",
            },
            "FAIL",
            "1 update still to be sent: Wrong response from the webhook: 502",
        ),
    ],
)
def test_our_own_webhook(info: dict[str, Any], level: str, said: str) -> None:
    """It has to be the one that is set, and Telegram has to get through."""
    found = telegram.judge_webhook(info, "https://api", "https://a.example/hook", NOW)
    assert found.level == level
    assert said in found.message


# Services


def test_who_polls_and_who_stands_by() -> None:
    """Each service with its part; one that has fallen silent is named with the cure, to the very instant."""
    polls = Peer("a", "ana", TTL - MS, polls=True)
    stands_by = Peer("b", "ben", 0 * SECOND, polls=False)
    assert mongodb.judge_services([]).level == "ok"
    found = mongodb.judge_services([polls, stands_by])
    assert (found.level, found.message) == ("ok", "ana polls, ben stands by")
    silent = mongodb.judge_services([replace(polls, seen_ago=TTL), stands_by])
    assert (silent.level, silent.message) == (
        "warn", "nothing is heard of ana (since 15 s); ben stands by",
    )  # fmt: skip
    assert "start it again" in (silent.cure or "")
    nobody = mongodb.judge_services([stands_by])
    assert (nobody.level, nobody.message) == ("warn", "ben stands by, and nobody polls")
    pushed = replace(stands_by, is_pushed=True)
    silent = mongodb.judge_services([pushed])
    assert (silent.level, silent.message) == ("warn", "ben takes updates, and nobody sends questions")
    found = mongodb.judge_services([pushed, replace(polls, is_pushed=True)])
    assert (found.level, found.message) == ("ok", "ben takes updates, ana takes updates and sends questions")


def test_a_journal_that_a_service_has_open_is_put_back_by_it() -> None:
    """Restoring a backup over it would be the wrong cure."""
    fault = fail("journal", "another file stands there", "restore it from a backup")
    assert machine.judge_unreadable(fault, is_served=False) == fault
    running = machine.judge_unreadable(fault, is_served=True)
    assert "puts it back" in str(running.cure)
    sound = ok("journal", "sound")
    assert machine.judge_unreadable(sound, is_served=True) == sound


def test_what_was_kept_aside_is_named() -> None:
    """Each file, since deletions do not reach it."""
    found = list(machine.judge_kept_aside(["data/journal.sqlite3.damaged-1"]))
    assert [(it.level, "damaged-1" in it.message) for it in found] == [("warn", True)]
    assert list(machine.judge_kept_aside([])) == []


@pytest.mark.parametrize(
    ("variables", "platform"),
    [
        ("DYNO PORT", "Heroku"),
        ("DYNO DOKKU_APP_TYPE", "Dokku"),
        ("RENDER", "Render"),
        ("RAILWAY_PROJECT_ID", "Railway"),
        ("RAILWAY_ENVIRONMENT_NAME", "Railway"),
        ("FLY_APP_NAME", "Fly.io"),
        ("KOYEB_APP_NAME", "Koyeb"),
        ("PATH RENDERER XDYNO DYNOS", None),
        ("", None),
    ],
)
def test_a_platform_by_its_variables(variables: str, platform: str | None) -> None:
    """As far as they tell; names that only look alike do not."""
    assert machine.platform_of(dict.fromkeys(variables.split(), "1")) == platform


@pytest.mark.parametrize("has_database", [False, True])
def test_a_disk_that_does_not_last(has_database: bool) -> None:
    """What is lost, and the cure."""
    found = machine.judge_lasting("Render", "data", has_database=has_database)
    assert found.level == "warn"
    assert ("and the database" in found.message, "and MONGO_URL" in str(found.cure)) == (has_database,) * 2


def test_only_messages_wait_in_the_journal() -> None:
    """That is told, too."""
    given: dict[str, Any] = {"damage": None, "oldest_pending": None, "dead": 0, "oldest_dead": None}
    [found] = machine.judge_journal(pending=2, is_served=True, now=NOW, path="j", **given)
    assert (found.level, found.message) == ("ok", "2 updates not processed yet")
