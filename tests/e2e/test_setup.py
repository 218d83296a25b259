"""`setup`, at a terminal and without one, through the local Bot API server."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from dotenv import dotenv_values

from bot.sandbox.faults import Fault
from bot.sandbox.world import User
from tests.support.bot import STRANGER, TOKEN, Rig
from tests.support.processes import Finished, free_port, wait_until
from tests.support.terminals import CTRL_D, AtTerminal

ANA = User(777, "Ana", username="ana_runs")
OURS = ("TELEGRAM_BOT_TOKEN", "ATHLETE_IDS", "ADMIN_IDS", "TIMEZONE")


@pytest.fixture
async def place(tmp_path: Path, mongo_url: str) -> AsyncIterator[Rig]:
    """An empty directory, and Telegram."""
    async with Rig(tmp_path / "here", mongo_url=mongo_url) as rig:
        for name in ("TELEGRAM_BOT_TOKEN", "ATHLETE_IDS", "ADMIN_IDS", "DATA_DIR"):
            rig.settings.pop(name)
        rig.settings["TZ"] = "Europe/Madrid"
        yield rig


def at_terminal(place: Rig, *arguments: str, columns: int = 80, **settings: str | None) -> AtTerminal:
    """`setup`, with a person before it."""
    command = [sys.executable, "-m", "bot", "setup", *arguments]
    return AtTerminal(command, place.environment(**settings), place.folder, columns=columns)


def written(place: Rig) -> dict[str, str | None]:
    """What `.env` says."""
    return dotenv_values(place.folder / ".env")


def left(place: Rig) -> list[str]:
    """The files that are there."""
    return sorted(path.name for path in place.folder.iterdir())


async def test_from_a_token_to_a_first_answer(place: Rig) -> None:
    """The whole way: `setup`, then `run`; the first question is answered. What was written to the bot
    meanwhile is still there for the service, in the languages of those who wrote it."""
    ana = User(ANA.id, ANA.first_name, ANA.username, language_code="es")
    async with at_terminal(place) as person:
        await person.answers("Paste the token: ", TOKEN)
        await person.reads("https://t.me/sandbox_feedback_bot")
        place.world.message(ana.id, ana, "/start")
        await person.reads("Ana (@ana_runs), id 777, wrote just now. Is that you?")
        await person.answers("[y/n]: ", "y")
        await person.answers("Zone, or city [Europe/Madrid]: ", "")
        await person.answers("first question, to see how it works? [Y/n]: ", "y")
        await person.reads("-m bot run")
        assert await person.ended() == 0
        assert TOKEN.partition(":")[2] not in person.text.partition("This is @")[2]
    assert written(place) | {"MONGO_URL": None, "MONGO_DB": None} == {
        **dict(zip(OURS, (TOKEN, "777", "777", "Europe/Madrid"), strict=True)),
        "MONGO_URL": None,
        "MONGO_DB": None,
    }
    assert (place.folder / ".env").stat().st_mode & 0o777 == 0o600
    assert "# From @BotFather." in (place.folder / ".env").read_text(encoding="utf-8")
    assert "Funciona" in place.world.messages(ana.id)[-1]["text"]
    place.settings["DATA_DIR"] = str(place.folder / "data")
    await place.start()
    messages = await place.messages(ana.id, 4)
    (hello,) = [it for it in messages if "¡Hola!" in it["text"]]
    assert "777" in hello["text"]
    (question,) = [it for it in messages if "Tu última sesión" in it["text"]]
    await place.answered([place.tap(ana.id, question["message_id"])])
    assert [event["runId"] for event in await place.stored(1)] == ["setup"]


async def test_a_stranger_who_writes_first_stays_one(place: Rig) -> None:
    """They are shown, and refused; whatever they call themselves forges no line. Their message reaches the
    service."""
    mallory = User(STRANGER.id, "Ana\nid 777\u202e\x1b[31m")
    place.world.message(mallory.id, mallory, "/start")
    async with at_terminal(place, TELEGRAM_BOT_TOKEN=TOKEN) as person:
        await person.reads(f"id 777\\u202e\\x1b[31m, id {mallory.id}, wrote just now")
        await person.answers("[y/n]: ", "")  # Enter alone is no answer
        await person.answers("[y/n]: ", "n")
        await person.reads("Waiting for you")
        place.world.message(mallory.id, mallory, "It is me, believe it")
        place.world.message(ANA.id, ANA, "hello")
        await person.reads("Ana (@ana_runs), id 777")
        await person.answers("[y/n]: ", "y")
        await person.answers("[Europe/Madrid]: ", "")
        await person.answers("[Y/n]: ", "n")
        assert await person.ended() == 0
    assert [written(place)[name] for name in OURS[1:3]] == ["777", "777"]
    assert len(place.world.messages(mallory.id)) == 2, "nobody has answered them"
    place.settings["DATA_DIR"] = str(place.folder / "data")
    await place.start()
    messages = await place.messages(mallory.id, 3)
    assert "I do not know you yet" in messages[2]["text"]


async def test_a_wrong_token_is_asked_for_again(place: Rig) -> None:
    """What is none, and what Telegram refuses; then what @BotFather writes around one is no harm."""
    async with at_terminal(place) as person:
        await person.answers("Paste the token: ", "hello")
        await person.answers(
            "This is no token; it looks like 123456:ABC-DEF.\nPaste the token: ", "123:wrong"
        )
        await person.reads("refuses this token")
        await person.answers("Paste the token: ", f"Use this token to access the HTTP API: {TOKEN}")
        await person.reads("This is @sandbox_feedback_bot")
        await person.interrupts()
        assert await person.ended() == 1
    assert left(place) == []


async def test_telegram_away(place: Rig) -> None:
    """Said in one line; the same again, if that is wished; while it waits for somebody, it goes on."""
    place.faults.add(Fault("reset", "getMe"))
    place.faults.add(Fault("reset", "getUpdates", times=2))
    async with at_terminal(place, TELEGRAM_BOT_TOKEN=TOKEN) as person:
        await person.answers("Try again? [Y/n]: ", "")
        await person.reads("Waiting for you")
        await person.reads("Still")
        place.world.message(ANA.id, ANA, "/start")
        await person.answers("id 777, wrote just now. Is that you? [y/n]: ", "y")
        await person.reads("[Europe/Madrid]: ")
        assert person.text.count("Still") == 1
        person.types(CTRL_D)
        assert await person.ended() == 1
    assert left(place) == []


async def test_no_way_to_telegram(place: Rig) -> None:
    """What to look at is said."""
    given = ("--token", TOKEN, "--athlete", "777", "--yes")
    done = await place.command("setup", *given, TELEGRAM_API_URL=f"http://127.0.0.1:{free_port()}")
    assert (done.status, done.err.count("\n")) == (1, 1)
    assert "look at the network, and at TELEGRAM_API_URL" in done.err
    assert left(place) == []


@pytest.mark.parametrize(
    "asked", ["Paste the token: ", "Waiting for you", "Is that you? [y/n]: ", "Madrid]: "]
)
async def test_ctrl_c_at_each_question(place: Rig, asked: str) -> None:
    """Nothing was written, and that is said."""
    async with at_terminal(place) as person:
        for question, answer in (
            ("Paste the token: ", TOKEN),
            ("Waiting for you", None),
            ("Is that you? [y/n]: ", "y"),
            ("Madrid]: ", ""),
        ):
            await person.reads(question)
            if question == asked:
                break
            if answer is None:
                place.world.message(ANA.id, ANA, "/start")
            else:
                person.types(f"{answer}\n")
        await person.interrupts()
        await person.reads("error: stopped, and nothing was written; `")
        assert await person.ended() == 1
        assert "Traceback" not in person.text
    assert left(place) == []


async def test_ctrl_c_when_all_is_written(place: Rig) -> None:
    """That, too, is said."""
    options = (f"--token={TOKEN}", "--athlete=777", "--timezone=utc")
    async with at_terminal(place, *options) as person:
        await person.reads("first question")
        await person.interrupts()
        await person.reads("error: stopped, and .env is written")
        assert await person.ended() == 1
    assert [written(place)[name] for name in OURS] == [TOKEN, "777", "777", "UTC"]


async def test_an_env_that_is_there_stays(place: Rig) -> None:
    """It is shown without its secrets; comments, other settings, ids and what is nobody's stay."""
    before = (
        "# mine\nexport TELEGRAM_BOT_TOKEN='1:old'  # the first\nPROMPT_TIME=21:15\nATHLETE_IDS=42, 41\n"
        "HTTP_TOKEN=zebrazebrazebrazebrazebrazebrazebra\nOTHER_PROGRAM=zebra\nTIMEZONE=Asia/Tokyo\n"
        f"MONGO_URL={place.mongo_url}\n"
    )
    env = place.folder / ".env"
    env.write_text(before, encoding="utf-8")
    env.chmod(0o644)
    async with at_terminal(place, "--admin=42", MONGO_URL=None) as person:
        await person.reads(".env is there already, and what it says stays:")
        await person.reads("  TELEGRAM_BOT_TOKEN=1:...")
        await person.reads("  PROMPT_TIME=21:15")
        await person.reads("refuses this token")
        await person.answers("Paste the token: ", TOKEN)
        await person.answers("has another value already. Replace it? [y/N]: ", "y")
        await person.reads("Written: .env")
        assert await person.ended() == 0
        assert "zebra" not in person.text
    expected = before.replace("'1:old'", TOKEN) + "ADMIN_IDS=42\n"
    assert env.read_text(encoding="utf-8") == expected
    assert env.stat().st_mode & 0o777 == 0o600


async def test_an_env_with_mistakes(place: Rig) -> None:
    """What is asked for anyway is asked for anew; what is not, has to be mended by hand."""
    env = place.folder / ".env"
    before = "TELEGRAM_BOT_TOKEN=zebra\nATHLETE_IDS=zoe\nTIMEZONE=Mars\n"
    env.write_text(before, encoding="utf-8")
    wrong = await place.command("setup", f"--token={TOKEN}", "--athlete=777")
    assert (wrong.status, wrong.err) == (
        2,
        "error: TIMEZONE: 'Mars' is not an IANA time zone; write one such as Europe/Madrid\n",
    )
    place.world.message(ANA.id, ANA, "/start")
    async with at_terminal(place) as person:
        await person.reads("  TELEGRAM_BOT_TOKEN=...\n")
        await person.reads("So it is asked for anew.")
        await person.answers("Paste the token: ", TOKEN)
        await person.answers("[y/n]: ", "y")
        await person.answers("[Europe/Madrid]: ", "tokyo")
        await person.answers("[Y/n]: ", "n")
        assert await person.ended() == 0
    assert [written(place)[name] for name in OURS] == [TOKEN, "777", "777", "Asia/Tokyo"]
    env.write_text(f"{before}PROMT_TIME=20:00\n", encoding="utf-8")
    async with at_terminal(place) as person:
        await person.reads("error: PROMT_TIME: unknown variable in .env; do you mean PROMPT_TIME?")
        assert await person.ended() == 2


async def run_setup(place: Rig, *arguments: str, **settings: str | None) -> Finished:
    """`setup` without a terminal."""
    return await place.command("setup", *arguments, **settings)


async def test_without_a_terminal(place: Rig) -> None:
    """All by options and variables; twice is once; what is other is replaced only with --yes, and ids are
    added to those that are there."""
    options = ("--athlete=777", "--timezone=Europe/Madrid")
    place.world.message(ANA.id, ANA, "/start")
    done = await run_setup(place, *options, TELEGRAM_BOT_TOKEN=TOKEN)
    assert done.status == 0, done
    assert done.err == ""
    assert "Telegram: the bot has written to you." in done.out
    first = written(place)
    assert [first[name] for name in OURS] == [TOKEN, "777", "777", "Europe/Madrid"]
    again = await run_setup(place, *options)
    assert again.status == 0
    assert ".env stays as it is." in again.out
    assert written(place) == first
    other = await run_setup(place, "--timezone=Asia/Tokyo")
    assert (other.status, other.err) == (
        2,
        "error: --timezone: TIMEZONE has another value already; --yes replaces it\n",
    )
    assert (await run_setup(place, "--timezone=Asia/Tokyo", "--athlete=778", "--yes")).status == 0
    assert written(place) == first | {"TIMEZONE": "Asia/Tokyo", "ATHLETE_IDS": "777,778"}


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--athlete=1", "--timezone=UTC"), "--token: required"),
        ((f"--token={TOKEN}", "--timezone=UTC"), "--athlete: required"),
        ((f"--token={TOKEN}", "--athlete=1"), "--timezone: required"),
        ((f"--token={TOKEN}", "--athlete=1,2", "--timezone=UTC"), "--admin: required"),
        ((f"--token={TOKEN}", "--athlete=Ana", "--timezone=UTC"), "--athlete: 'Ana' is not a Telegram"),
        ((f"--token={TOKEN}", "--athlete=1", "--timezone=Mars"), "--timezone: 'Mars' is not a time zone"),
        (("--token=zebra", "--athlete=1", "--timezone=UTC"), "--token: this is no token"),
        ((f"--token={TOKEN}", "--athlete=1", "--timezone=UTC", "--mongo-url=http://x"), "MONGO_URL: this is"),
    ],
)
async def test_what_is_missing_or_wrong_is_named(place: Rig, arguments: tuple[str, ...], named: str) -> None:
    """Exit status 2, one line, and nothing is written."""
    done = await run_setup(place, *arguments, MONGO_URL=None)
    assert done.status == 2, done
    assert done.err.startswith(f"error: {named}")
    assert done.err.count("\n") == 1
    assert left(place) == []


async def test_what_stands_in_the_way(place: Rig) -> None:
    """A refused token, a webhook, another poller, a place where nothing can be written: a line each."""
    options = ("--athlete=777", "--timezone=UTC")
    refused = await run_setup(place, "--token=1:wrong", *options)
    assert refused.status == 1
    assert "refuses this token" in refused.err
    place.world.set_webhook("https://n8n.example.org/hook")
    hooked = await run_setup(place, f"--token={TOKEN}", *options)
    assert hooked.status == 1
    assert "a webhook is set (https://n8n.example.org)" in hooked.err
    assert left(place) == []
    async with at_terminal(place, f"--token={TOKEN}", *options) as person:
        await person.answers("gets nothing more? [y/N]: ", "y")
        await person.answers("[Y/n]: ", "n")
        assert await person.ended() == 0
    assert place.world.get_webhook_info()["url"] == ""
    (place.folder / ".env").unlink()
    (place.folder / ".env").mkdir()
    no_file = await run_setup(place, f"--token={TOKEN}", *options)
    assert (no_file.status, no_file.err) == (
        1,
        "error: .env cannot be written: it is no file; mend that, or start setup in another directory\n",
    )


async def test_another_program_polls(place: Rig) -> None:
    """Then the id is typed, since no message can be seen."""
    async with at_terminal(place, TELEGRAM_BOT_TOKEN=TOKEN) as person:
        await person.reads("Waiting for you")
        begun = len(place.calls("getUpdates"))
        await wait_until(lambda: len(place.calls("getUpdates")) > begun, 20, "it waits")
        place.faults.add(Fault("status", "getUpdates", status=409, description="Conflict: terminated"))
        place.world.message(STRANGER.id, STRANGER, "/start")
        await person.answers("[y/n]: ", "n")
        await person.reads("another program takes")
        await person.answers("Your id: ", "Ana")
        await person.answers("Your id: ", "777")
        await person.answers("[Europe/Madrid]: ", "")
        await person.answers("[Y/n]: ", "n")
        assert await person.ended() == 0
    assert written(place)["ATHLETE_IDS"] == "777"


async def test_env_is_a_link(place: Rig) -> None:
    """The file that it leads to is written, and the link stays; a link into nowhere is refused."""
    options = (f"--token={TOKEN}", "--athlete=777", "--timezone=UTC")
    real = place.folder.parent / "etc" / "feedback.env"
    env = place.folder / ".env"
    env.symlink_to(real)
    lost = await run_setup(place, *options)
    assert lost.status == 1
    assert "there is no directory" in lost.err
    real.parent.mkdir()
    real.write_text("PROMPT_TIME=19:00\n", encoding="utf-8")
    real.chmod(0o640)
    assert (await run_setup(place, *options)).status == 0
    assert env.is_symlink()
    assert dotenv_values(real)["ATHLETE_IDS"] == "777"
    assert dotenv_values(real)["PROMPT_TIME"] == "19:00"
    assert real.stat().st_mode & 0o777 == 0o640, "a service's group goes on reading it"
    assert list(real.parent.iterdir()) == [real]


async def test_a_narrow_terminal(place: Rig) -> None:
    """No word is cut at 60 columns."""
    async with at_terminal(place, columns=60) as person:
        await person.answers("Paste the token: ", TOKEN)
        await person.reads("Waiting for")
        assert [line for line in person.text.splitlines() if len(line) > 60 and TOKEN not in line] == []
