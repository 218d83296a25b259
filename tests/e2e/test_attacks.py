"""What an attacker on the machine, on the network or in a text would try, against the real service."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import httpx

from bot.cli import cli
from bot.sandbox.world import User
from bot.store.embedded.access import read_key
from bot.store.embedded.server import EmbeddedMongo
from tests.support.bot import ATHLETES, TOKEN, Rig
from tests.support.processes import free_port, wait_until

ATHLETE = ATHLETES[0]
HTTP_TOKEN = "made-up-http-token-" + "x" * 32
SECRET = TOKEN.partition(":")[2]
NOTE = "xylophone knee"
LOG_LINE = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z (DEBUG|INFO|WARNING|ERROR|CRITICAL) +bot\.[\w.]+: ")
FORGED = "r\n2026-02-16T08:00:00.000Z ERROR   bot.app: forged\r\x1b[2J\x1b]0;title\x07\u2028\u202e"


def listeners(port: int) -> set[str]:
    """The addresses at which somebody listens on a TCP port, in the kernel's hexadecimal."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            _, local, _, state, *_ = line.split()
            address, _, number = local.partition(":")
            if state == "0A" and int(number, 16) == port:
                found.add(address)
    return found


async def test_data_dir_is_its_owner_s_and_holds_no_token(tmp_path: Path) -> None:
    """Whatever the umask: nobody else reads journal or database, and neither has a token to steal."""
    before = os.umask(0)
    try:
        async with Rig(
            tmp_path / "bot", mongo_url=None, HTTP_PORT=str(free_port()), HTTP_TOKEN=HTTP_TOKEN
        ) as rig:
            bot = await rig.start()
            message_id = rig.ask("r", "s", ATHLETE, note=NOTE.replace(" ", "%20"))
            rig.world.tap(ATHLETE, message_id, User(ATHLETE), button=3)
            await rig.stored(1)
            for path in (rig.data_dir, rig.data_dir / "mongodb", rig.data_dir / "journal.sqlite3"):
                assert path.stat().st_mode & 0o077 == 0, path
            assert listeners(rig.embedded()["port"]) == {"0100007F"}
            key = read_key(rig.data_dir / "mongodb")
            assert (await rig.command("mongo-url")).out.strip() == EmbeddedMongo.last_url(rig.data_dir)
            assert key not in bot.log
            assert await bot.terminate() == 0
            held = {path: path.read_bytes() for path in rig.data_dir.rglob("*") if path.is_file()}
            assert any(NOTE.encode() in content for content in held.values())
            for secret in (SECRET, HTTP_TOKEN):
                assert not [path for path, content in held.items() if secret.encode() in content]
    finally:
        os.umask(before)


async def test_nobody_forges_a_line_of_the_log(rig: Rig) -> None:
    """Ids with line breaks and escape sequences, from the outbox and from buttons, stay in their line."""
    bot = await rig.start(LOG_LEVEL="DEBUG")
    prompt = {"runId": FORGED, "sessionId": FORGED, "chatId": ATHLETE, "title": FORGED}
    await rig.db["session_prompts"].insert_one(prompt)
    await rig.prompt_in_state("sent", sessionId=FORGED)
    await rig.db["session_prompts"].insert_one({**prompt, "_id": FORGED, "chatId": 10**30 * 1.0})
    await rig.prompt_in_state("undeliverable", _id=FORGED)
    user = User(ATHLETE, FORGED, username=FORGED)
    tap = rig.world.tap(ATHLETE, 1, user, data="session_feedback|r\n|\x1b[2J|done", force=True)
    await rig.answered([tap])
    await wait_until(lambda: r"r\n2026-02-16" in bot.log, 10, "the id is in the log")
    for line in bot.log.split("\n")[:-1]:
        assert LOG_LINE.match(line), line
        assert line.isprintable(), line


async def test_open_pages_and_help_tell_no_secret(rig: Rig) -> None:
    """Neither tokens, passwords, ids of people nor what they wrote, with nothing but an address known."""
    port = free_port()
    rig.settings |= {"HTTP_PORT": str(port), "HTTP_TOKEN": HTTP_TOKEN}
    bot = await rig.start()
    message_id = rig.ask("run-zebra", "s", ATHLETES[4], note=NOTE.replace(" ", "%20"))
    rig.world.tap(ATHLETES[4], message_id, User(ATHLETES[4], "Quagga"), button=3)
    await rig.stored(1)
    secrets = (
        SECRET,
        HTTP_TOKEN,
        str(ATHLETES[4]),
        "xylophone",
        "zebra",
        "Quagga",
        rig.database,
        "mongodb://",
    )
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
        for path in ("/metrics", "/healthz", "/readyz", "/openapi.json", "/v1/feedback", "/docs", "/"):
            answer = await http.get(path)
            assert answer.status_code in (200, 401)
            shown = f"{answer.headers}{answer.text}"
            assert not [secret for secret in secrets if secret in shown], path
        document = await http.get("/openapi.json", headers={"Authorization": f"Bearer {HTTP_TOKEN}"})
        assert not [secret for secret in secrets if secret in json.dumps(document.json())]
    assert await bot.terminate() == 0
    for command in cli.list_commands(cli.make_context("feedback-bot", ["doctor"], resilient_parsing=True)):
        done = await rig.command(command, "--help")
        assert done.status == 0
        assert not [secret for secret in secrets if secret in done.out + done.err], command
