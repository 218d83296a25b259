"""Least privilege: the page's commands on a MongoDB that asks for passwords, and the programs under them."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure

from bot.core.shared.errors import JournalError, StorageDenied
from bot.sandbox.world import User
from bot.store.inbox.mongodb_journal import MongoJournal
from bot.store.mongodb.client import storage_errors
from bot.store.mongodb.roles import COACH, READER, ROLES, SERVICE, SETUP, lacking, script
from tests.support.api import API_TOKEN
from tests.support.bot import ATHLETES, ROOT, Rig
from tests.support.processes import Finished, Mongod, free_port, wait_until

SCRIPT = ROOT / "scripts" / "create_roles.js"
PAGE = ROOT / "docs" / "scaling.md"
DATABASE = "running_coach"
PASSWORD = "made-up-for-tests"
ATHLETE = ATHLETES[0]
RUN = {"runId": "r1", "status": "success"}


def roles_of_script() -> list[dict[str, Any]]:
    """The literal in the committed script, as mongosh reads it."""
    [literal] = re.findall(r"^const ROLES = \[\n(.*?)^\];", SCRIPT.read_text(encoding="utf-8"), re.M | re.S)
    return [json.loads(line.rstrip(",")) for line in literal.splitlines()]


def commands_of_page(command: str) -> list[str]:
    """The arguments of each call of `command` in the page's JavaScript, passwords filled in."""
    blocks = "\n".join(re.findall(r"```js\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S))
    calls = re.findall(rf"^coach\.{command}\((.*)\)$", blocks, re.M)
    return [call.replace("passwordPrompt()", json.dumps(PASSWORD)) for call in calls]


class Guarded:
    """A replica set that asks for passwords, with the page's roles and users.

    Attributes:
        root: the database, as its administrator sees it.
    """

    def __init__(self, port: int, root: AsyncDatabase[dict[str, Any]]) -> None:
        self.port = port
        self.root = root

    def url(self, user: str) -> str:
        """The connection string of one of the page's users."""
        return f"mongodb://{user}:{PASSWORD}@127.0.0.1:{self.port}/{DATABASE}?directConnection=true"


async def follow_page(db: AsyncDatabase[dict[str, Any]]) -> None:
    """Create the roles and users as script and page say."""
    for role in roles_of_script():
        privileges = [
            {"resource": {"db": db.name, "collection": collection}, "actions": actions}
            for collection, actions in role["actions"].items()
        ]
        await db.command("createRole", role["role"], privileges=privileges, roles=[])
    for call in commands_of_page("createUser"):
        user = json.loads(call)
        await db.command("createUser", user["user"], pwd=user["pwd"], roles=user["roles"])


@pytest.fixture(scope="module")
def keyfile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What members of a replica set show each other; without one there is no --auth."""
    path = tmp_path_factory.mktemp("key") / "keyfile"
    path.write_text("madeUpForTests")
    path.chmod(0o600)
    return path


@pytest.fixture
async def guarded(tmp_path: Path, keyfile: Path) -> AsyncIterator[Guarded]:
    """The page followed, once, on an empty MongoDB."""
    mongod = Mongod(tmp_path / "mongod", "--auth", "--keyFile", str(keyfile))
    try:
        await mongod.start()
        async with AsyncMongoClient[dict[str, Any]](mongod.url) as client:
            await client.admin.command("createUser", "root", pwd=PASSWORD, roles=["root"])
        async with AsyncMongoClient[dict[str, Any]](
            mongod.url, username="root", password=PASSWORD, tz_aware=True
        ) as client:
            await follow_page(client[DATABASE])
            yield Guarded(mongod.port, client[DATABASE])
    finally:
        await mongod.kill()


class Desk(Rig):
    """The programs, each under its own user."""

    def __init__(self, folder: Path, mongo: Guarded) -> None:
        super().__init__(folder, mongo_url=mongo.url("bot"), database=DATABASE)
        self._mongo = mongo

    @property
    def db(self) -> AsyncDatabase[dict[str, Any]]:
        """The database, as its administrator sees it."""
        return self._mongo.root

    async def by(self, user: str, *arguments: str) -> Finished:
        """A command under a user."""
        return await self.command(*arguments, MONGO_URL=self._mongo.url(user))

    def file(self, *documents: dict[str, Any]) -> str:
        """A file with documents."""
        path = self.folder / f"{len(list(self.folder.glob('*.json')))}.json"
        path.write_text(json.dumps(list(documents) if len(documents) > 1 else documents[0]))
        return str(path)


def check_denied(done: Finished, what: str) -> None:
    """One readable line that names what was denied, and no traceback."""
    assert done.status == 1, done
    assert done.err.startswith("error: "), done
    assert what in done.err, done
    assert "docs/scaling.md" in done.err, done
    assert "Traceback" not in done.err
    assert len(done.err.splitlines()) == 1, done


def test_the_committed_script_is_the_generated_one() -> None:
    """Whoever changes a role generates the script again: `python -m bot.store.mongodb.roles`."""
    assert SCRIPT.read_text(encoding="utf-8") == script()
    assert [role["role"] for role in roles_of_script()] == [role.name for role in ROLES]


def test_the_page_has_a_row_and_a_user_for_each_role() -> None:
    """No role is left to guess, and no user has more than one."""
    rows = re.findall(r"^\| `(feedback[A-Z]\w+)` \|", PAGE.read_text(encoding="utf-8"), re.M)
    assert rows == [role.name for role in ROLES]
    assert [json.loads(call)["roles"] for call in commands_of_page("createUser")] == [[name] for name in rows]


def test_no_role_reaches_further_than_its_collections() -> None:
    """No wildcards, no rights over users, roles, collections or the server."""
    index_rights = {"createIndex", "dropIndex", "collMod"}
    allowed = {"find", "insert", "update", "remove", "listIndexes", "changeStream", *index_rights}
    for role in ROLES:
        for privilege in role.privileges(DATABASE):
            assert privilege["resource"]["db"] == DATABASE
            assert re.fullmatch(r"[a-z_]+", privilege["resource"]["collection"])
            assert set(privilege["actions"]) <= allowed
    assert [role for role in ROLES if index_rights & {a for each in role.actions.values() for a in each}] == [
        SETUP
    ]
    assert {action for actions in READER.actions.values() for action in actions} == {"find"}
    assert "feedback_events" in COACH.actions
    assert list(COACH.actions["feedback_events"]) == ["find"]


def test_what_a_user_lacks() -> None:
    """Rights on all collections, on all databases or on the exact one count; those elsewhere do not."""
    exact = SERVICE.privileges("coach")
    assert list(lacking(SERVICE, "coach", exact)) == []
    assert set(lacking(SERVICE, "other", exact)) == set(lacking(SERVICE, "coach", []))
    everything = sorted({action for actions in SERVICE.actions.values() for action in actions})
    for resource in ({"db": "", "collection": ""}, {"db": "coach", "collection": ""}, {"anyResource": True}):
        assert list(lacking(SERVICE, "coach", [{"resource": resource, "actions": everything}])) == []
    for resource in ({"cluster": True}, {"db": "coach", "collection": "taps_old"}):
        assert "insert on taps" in list(
            lacking(SERVICE, "coach", [*exact[:5], {"resource": resource, "actions": everything}])
        )
    without = [each for each in exact if each["resource"]["collection"] != "users"]
    assert list(lacking(SERVICE, "coach", without)) == [f"{a} on users" for a in SERVICE.actions["users"]]


async def test_the_week_under_least_privilege(tmp_path: Path, guarded: Guarded) -> None:
    """Set-up, service with taps, plans and /forgetme, coach and reader: all work, each under its own user."""
    async with Desk(tmp_path / "bot", guarded) as desk:
        done = await desk.by("setup", "bootstrap")
        assert (done.status, done.err) == (0, "")
        assert "created" in done.out
        again = await desk.by("setup", "bootstrap", "--convert-dates")
        assert (again.status, again.err) == (0, "")
        assert ": created" not in again.out

        bot = await desk.start()
        done = await desk.by("planner", "write", "run_events", desk.file(RUN))
        assert (done.status, done.err) == (0, ""), done
        done = await desk.by("planner", "prompt", "--run-id=r1", "--session-id=asked", f"--chat-id={ATHLETE}")
        assert (done.status, done.err) == (0, ""), done
        await desk.prompt_in_state("sent", sessionId="asked")
        taps = []
        for message_id, button in ((desk.ask("r1", "s1", ATHLETE), 0), (desk.ask("r1", "s2", ATHLETE), 3)):
            taps.append(desk.world.tap(ATHLETE, message_id, User(ATHLETE), button=button))
            taps.append(desk.world.tap(ATHLETE, message_id, User(ATHLETE), button=2))
        await desk.answered(taps)
        await desk.stored(2)
        assert {event["type"] for event in await desk.events()} == {"hard"}
        done = await desk.by("bot", "doctor")
        assert "ok    rights    'bot' has the role feedbackBot" in done.out, done
        assert "FAIL" not in done.out, done
        assert (await desk.by("bot", "athlete", "add", "ana")).status == 0
        tomorrow = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
        days = [{"date": tomorrow, "activity": "Run"}]
        plan = {"runId": "r2", "athleteId": str(ATHLETE), "activityPlan": {"days": days}}
        done = await desk.by("planner", "write", "plan_snapshots", desk.file(plan))
        assert (done.status, done.err) == (0, ""), done
        await desk.prompt_in_state("pending", runId="r2")
        done = await desk.by("planner", "plan", "withdraw", "r2")  # the service does what the planner may not
        assert done.err == "the running service calls them off: this user of MongoDB may not\n", done
        await desk.prompt_in_state("cancelled", timeout=40, runId="r2", reason="plan withdrawn")
        for user in ("bot", "grafana"):
            done = await desk.by(user, "stats", "--json")
            assert (done.status, done.err) == (0, ""), done
            assert json.loads(done.out)["answers"]["hard"] == 2, done.out
        for user in ("planner", "grafana"):
            done = await desk.by(user, "export", "feedback_events")
            assert (done.status, len(done.out.splitlines())) == (0, 2), done
            done = await desk.by(user, "summary", f"--athlete={ATHLETE}")
            assert (done.status, done.err) == (0, ""), done

        first = len(desk.world.messages(ATHLETE))
        desk.world.message(ATHLETE, User(ATHLETE), "/forgetme")
        asked = (await desk.messages(ATHLETE, first + 2))[-1]
        desk.world.tap(ATHLETE, asked["message_id"], User(ATHLETE), button=0)

        async def forgotten() -> bool:
            return await desk.events() == []

        await wait_until(forgotten, 20, "the answers are deleted", otherwise=lambda: bot.log[-2000:])
        assert "denies" not in bot.log
        assert "refuses" not in bot.log
        assert await bot.terminate() == 0


async def test_what_is_not_granted_is_refused(tmp_path: Path, guarded: Guarded) -> None:
    """Each user is denied what is another's, in one line that names it; nothing of it is written."""
    async with Desk(tmp_path / "bot", guarded) as desk:
        assert (await desk.by("setup", "bootstrap")).status == 0
        run = desk.file(RUN)
        answer = desk.file({"runId": "r", "sessionId": "s", "userId": 1, "type": "done"})
        await desk.db["feedback_events"].drop_index("sessionDate_1_receivedAt_-1")
        cases: list[tuple[str, tuple[str, ...], str]] = [
            ("bot", ("write", "run_events", run), "to update on run_events"),
            ("bot", ("bootstrap",), "indexes of feedback_events"),
            ("planner", ("write", "feedback_events", answer), "to listIndexes on feedback_events"),
            ("planner", ("athlete", "add", "ana"), "indexes of athletes"),
            (
                "grafana",
                ("prompt", "--run-id=r", "--session-id=s", "--chat-id=42"),
                "to insert on session_prompts",
            ),
            ("grafana", ("write", "run_events", run), "to listIndexes on run_events"),
            (
                "setup",
                ("prompt", "--run-id=r", "--session-id=s", "--chat-id=42"),
                "to insert on session_prompts",
            ),
        ]
        for user, arguments, what in cases:
            check_denied(await desk.by(user, *arguments), what)
        for collection in ("run_events", "feedback_events", "athletes", "session_prompts"):
            assert await desk.db[collection].count_documents({}) == 0
        for user, collection in (("grafana", "waiting_notes"), ("planner", "users"), ("setup", "users")):
            async with AsyncMongoClient[dict[str, Any]](guarded.url(user)) as client:
                for theirs in (
                    client[DATABASE][collection],
                    client["admin"]["system.users"],
                    client["other"].any,
                ):
                    with pytest.raises(OperationFailure, match="not authorized"):
                        await theirs.find_one({})


async def test_a_role_of_an_earlier_version(tmp_path: Path, guarded: Guarded) -> None:
    """`doctor` names what the service's role lacks, and the command that brings it up to date."""
    async with Desk(tmp_path / "bot", guarded) as desk:
        old = [each for each in SERVICE.privileges(DATABASE) if each["resource"]["collection"] != "users"]
        await desk.db.command("updateRole", SERVICE.name, privileges=old, roles=[])
        done = await desk.by("bot", "doctor")
        assert done.status == 1, done
        assert (
            "FAIL  rights    'bot' may not find on users, listIndexes on users, insert on users" in done.out
        )
        assert 'cure: as an administrator: mongosh "$ADMIN_URL" --file scripts/create_roles.js' in done.out


async def test_over_http_the_bot_has_the_workflow_s_role_too(tmp_path: Path, guarded: Guarded) -> None:
    """A run comes in over HTTP only after the page's grant; before, the answer says what is denied."""
    port = free_port()
    async with Desk(tmp_path / "bot", guarded) as desk:
        assert (await desk.by("setup", "bootstrap")).status == 0
        bot = await desk.start(HTTP_PORT=str(port), HTTP_TOKEN=API_TOKEN)
        headers = {"Authorization": f"Bearer {API_TOKEN}"}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers) as http:
            refused = await http.post("/v1/run_events", json=RUN)
            assert refused.status_code == 500
            assert "MongoDB denies access to update on run_events" in refused.json()["detail"]
            [call] = commands_of_page("grantRolesToUser")
            user, roles = json.loads(f"[{call}]")
            await desk.db.command("grantRolesToUser", user, roles=roles)
            assert (await http.post("/v1/run_events", json=RUN)).status_code == 200
            assert (await http.get("/v1/stats")).status_code == 200
        assert await desk.db["run_events"].count_documents({}) == 1
        assert await bot.terminate() == 0


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        (
            'not authorized on coach to execute command { find: "taps", filter: { note: "zebra" } }',
            " to find on taps",
        ),
        ("not authorized on coach to execute command { getMore: 123, collection: 'zebra' }", " to getMore"),
        ('not authorized on coach to execute command { find: "ze bra" }', " to find"),
        ("command zebra requires authentication", ""),
    ],
)
async def test_a_refusal_quotes_command_and_collection_alone(told: str, shown: str) -> None:
    """The server's sentence goes on with the filter, which may hold what an athlete wrote."""
    with pytest.raises(StorageDenied) as raised, storage_errors():
        raise OperationFailure(told, 13, {"errmsg": told})
    assert str(raised.value).startswith(
        f"MongoDB denies access{shown} (code 13); give the user of MONGO_URL a role"
    )
    assert "zebra" not in str(raised.value)


async def test_the_journal_there_needs_no_more(guarded: Guarded) -> None:
    """With JOURNAL=mongodb the role of the bot is enough; that of dashboards reads, and puts nothing in."""
    now, db = datetime.now(UTC), guarded.root
    async with AsyncMongoClient[dict[str, Any]](guarded.url("bot"), tz_aware=True) as client:
        journal = MongoJournal(client[DATABASE], "bot-1", lambda: now)
        await journal.append([{"update_id": number} for number in range(3)], polled_at=now)
        first, second, _ = await journal.pending(after=0, limit=9)
        await journal.mark_answered([first.seq])
        await journal.finish([first.seq])
        await journal.failed(second.seq, "defect", give_up=True)
        await journal.append([], polled_at=now, facts={"a": 1})
        await journal.check_writable()
        await journal.look(lambda: None)
        await journal.forget_user(1, now)
        await journal._drop_old_dead_letters()
        await db["inbox"].drop()
        await journal.look(lambda: None)
    async with AsyncMongoClient[dict[str, Any]](guarded.url("grafana"), tz_aware=True) as client:
        read = MongoJournal(client[DATABASE], "bot-1")
        assert (await read.state()).pending == 0
        with pytest.raises(JournalError, match="MongoDB denies access to"):
            await MongoJournal(client[DATABASE], "bot-1", lambda: now).append([{}], polled_at=now)
