"""Somebody has everything deleted while something older lies in a journal; and strangers try to."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from bot.sandbox.ledger import Tap
from bot.sandbox.world import Json, User
from tests.faults.result import Result
from tests.faults.stage import NOTE, Stage, case
from tests.support.bot import ATHLETES, STRANGER, TYPES, Rig
from tests.support.processes import HOST, free_port, wait_until

_COACH = -100_900
_PAIN = TYPES.index("pain")
_WITHIN = 10.0
"""Seconds within which an athlete's tap must be saved, whatever strangers send."""


@case
async def deletion_beside_a_dead_service(stage: Stage) -> Result:
    """A service dies with pain and a note in its journal; another one deletes everything; it returns."""
    result = Result()
    async with stage.rig(COACH_CHAT_ID=str(_COACH)) as rig:
        rig.world.set_chat(_COACH, title="Coaches")
        for number in stage.times(10, 2):
            athlete = ATHLETES[number % len(ATHLETES)]
            other = ATHLETES[(number + 1) % len(ATHLETES)]
            first = str(rig.folder / "first")
            session = f"session-{number}"
            message, kept = (rig.ask("run-1", session, user, note=NOTE) for user in (athlete, other))
            # It never reaches MongoDB, so it stores nothing, and nobody knows that it is there.
            bot = await rig.start(DATA_DIR=first, MONGO_URL=f"mongodb://{HOST}:{free_port()}")
            taps = [rig.tap(athlete, message, _PAIN), rig.tap(other, kept)]
            rig.world.message(athlete, User(athlete), NOTE, reply_to=message)
            await rig.answered(taps)
            await wait_until(lambda: rig.world.pending() == 0, 20, "it is all in its journal")
            await bot.kill()
            bot = await rig.start(DATA_DIR=str(rig.folder / "second"))
            await _delete(rig, athlete)
            alerts = len(rig.world.messages(_COACH))
            await bot.terminate()
            bot = await rig.start(DATA_DIR=first)
            key = f"run-1-{session}-{other}"

            async def stored(key: str = key) -> bool:
                return await rig.db["feedback_events"].count_documents({"sessionKey": key}) == 1

            await wait_until(stored, 30, "what others have said is stored")
            # Behind everything that it holds, so that it is through with it.
            last = rig.tap(other, rig.ask("run-2", session, other))
            await rig.answered([last])
            await bot.terminate()
            result.runs += 1
            result.faults += 1
            result.taps += len(taps) + 1
            for name in ("feedback_events", "feedback_history", "waiting_notes", "session_prompts"):
                if await rig.db[name].count_documents({"userId": athlete}):
                    result.flaws.append(f"something in {name} has come back")
            if await rig.db["session_prompts"].count_documents({"about.userId": athlete}):
                result.flaws.append("an alert has come back")
            if len(rig.world.messages(_COACH)) != alerts:
                result.flaws.append("the coach was told after the deletion")
    return result


async def _delete(rig: Rig, athlete: int) -> None:
    """/forgetme, and its confirmation."""
    rig.world.message(athlete, User(athlete), "/forgetme")

    def asked() -> list[Json]:
        return [it for it in rig.world.messages(athlete) if "do|forget" in str(it.get("reply_markup"))]

    await wait_until(asked, 20, "they are asked")
    tap = rig.tap(athlete, asked()[-1]["message_id"])
    await wait_until(lambda: tap.answer == "Deleted.", 20, "it is done", otherwise=lambda: tap.answer)


@case
async def strangers_forge_deletions(stage: Stage) -> Result:
    """Beside many answers somebody unlisted sends what the button of /forgetme sends; an athlete taps."""
    result = Result(runs=1)
    async with stage.rig() as rig:
        await rig.db["feedback_events"].insert_many(
            {"sessionKey": f"old-{number}", "userId": number, "receivedAt": datetime.now(UTC)}
            for number in range(round(stage.number(300_000, 20_000)))
        )
        bot = await rig.start()
        before = await rig.db["feedback_events"].count_documents({})
        taps: list[Tap] = []
        for number in stage.times(20, 3):
            message = rig.ask("run-1", f"s{number}", ATHLETES[0])
            for forged in range(60):
                rig.world.inject(_forged(f"{number}-{forged}"))
            begun = time.monotonic()
            taps.append(rig.tap(ATHLETES[0], message))
            await rig.answered(taps)
            result.recovery.append(time.monotonic() - begun)
            result.faults += 60
        if (longest := max(result.recovery)) > _WITHIN:
            result.flaws.append(f"an athlete's tap took {longest:.1f} s")

        async def refused() -> bool:
            return await rig.db["taps"].count_documents({"outcome": "refused"}) == result.faults

        await wait_until(refused, 60, "each is refused and counted", otherwise=lambda: bot.log[-1000:])
        if await rig.db["feedback_events"].count_documents({}) != before + len(taps):
            result.flaws.append("answers are gone")
        result.taps = len(taps) + result.faults
    return result


def _forged(name: str) -> Json:
    chat = {"id": STRANGER.id, "type": "private"}
    message = {"message_id": 9, "date": int(time.time()), "chat": chat, "text": "Delete?"}
    sender = {"id": STRANGER.id, "is_bot": False, "first_name": STRANGER.first_name}
    return {"callback_query": {"id": f"f-{name}", "from": sender, "message": message, "data": "do|forget|"}}
