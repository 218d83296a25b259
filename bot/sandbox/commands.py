"""The control API's commands: JSON in, JSON out, one function each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bot.sandbox.errors import SandboxError
from bot.sandbox.faults import Fault, FaultScript
from bot.sandbox.ledger import Tap
from bot.sandbox.limits import TELEGRAM_LIMITS, Limits
from bot.sandbox.world import Json, User, World

Command = Callable[[World, FaultScript, Json], Any]


def run_command(world: World, faults: FaultScript, name: str, arguments: object) -> Any:
    """Runs one command with its arguments by name.

    Raises:
        SandboxError: the command or an argument is unknown, missing or impossible.
    """
    command = COMMANDS.get(name)
    if command is None:
        raise SandboxError(f"unknown command {name!r}: choose from {', '.join(COMMANDS)}")
    if not isinstance(arguments, dict):
        raise SandboxError("the arguments must be a JSON object")
    try:
        return command(world, faults, arguments)
    except KeyError as error:
        raise SandboxError(f"{name} needs the argument {error}") from error
    except (TypeError, ValueError) as error:
        raise SandboxError(f"{name}: {error}") from error


def _user(value: Any) -> User:
    """A user from an id alone or from the fields of `User`."""
    return User(**value) if isinstance(value, dict) else User(int(value))


def _tap(world: World, arguments: Json) -> Tap:
    arguments = dict(arguments)
    user = _user(arguments.pop("user"))
    return world.tap(arguments.pop("chat_id"), arguments.pop("message_id"), user, **arguments)


def _by_user(do: Callable[..., Any], arguments: Json) -> Any:
    """A step of a user's."""
    return do(**{**arguments, "user": _user(arguments["user"])})


def _message_at(world: World, arguments: Json) -> int:
    return world.message_at(
        arguments["chat_id"],
        date=arguments["date"],
        text=arguments["text"],
        buttons=arguments.get("buttons"),
    )


def _fault(world: World, faults: FaultScript, arguments: Json) -> None:
    arguments = dict(arguments)
    lasting = arguments.pop("for_seconds", None)
    if lasting is not None:
        arguments["until"] = world.time() + lasting
    faults.add(Fault(**arguments))


def _settings(world: World, arguments: Json) -> None:
    if "limits" in arguments:
        limits = arguments["limits"]
        if isinstance(limits, dict):
            world.limits = Limits(**limits)
        else:
            world.limits = TELEGRAM_LIMITS if limits else None
    if "update_lifetime" in arguments:
        world.queue.update_lifetime = float(arguments["update_lifetime"])
    if "query_lifetime" in arguments:
        world.queue.query_lifetime = float(arguments["query_lifetime"])
    if "inaccessible_after" in arguments:
        age = arguments["inaccessible_after"]
        world.inaccessible_after = None if age is None else float(age)
    if "styles" in arguments:
        world.styles = bool(arguments["styles"])
    if "callback_query_mode" in arguments:
        world.callback_query_mode = str(arguments["callback_query_mode"])
    if "ledger" in arguments:
        if arguments["ledger"] not in ("full", "counts"):
            raise SandboxError("the ledger is full or counts")
        world.ledger.mode = arguments["ledger"]


COMMANDS: dict[str, Command] = {
    "tap": lambda world, _, given: _tap(world, given).as_dict(),
    "taps": lambda world, _, given: [_tap(world, one).query_id for one in given["taps"]],
    "message": lambda world, _, given: _by_user(world.message, given),
    "wordless": lambda world, _, given: _by_user(world.wordless, given),
    "album": lambda world, _, given: _by_user(world.album, given),
    "open_topic": lambda world, _, given: _by_user(world.open_topic, given),
    "set_topic": lambda world, _, given: world.set_topic(**given),
    "edit_message": lambda world, _, given: world.edit_message(**given),
    "message_at": lambda world, _, given: _message_at(world, given),
    "messages_at": lambda world, _, given: [_message_at(world, one) for one in given["messages"]],
    "inject": lambda world, _, given: world.inject(given["update"]),
    "inject_raw": lambda world, _, given: world.inject_raw(given["text"]),
    "set_chat": lambda world, _, given: world.set_chat(**given),
    "set_message": lambda world, _, given: world.set_message(**given),
    "restart_update_ids": lambda world, _, given: world.restart_update_ids(given["first_id"]),
    "messages": lambda world, _, given: world.messages(given["chat_id"]),
    "ledger": lambda world, _, given: world.ledger.calls(**given),
    "given_taps": lambda world, _, given: world.given_taps(**given),
    "counts": lambda world, _faults, _given: world.counts(),
    "clear_ledger": lambda world, _faults, _given: world.ledger.clear(),
    "fault": _fault,
    "clear_faults": lambda _world, faults, _given: faults.clear(),
    "faults_fired": lambda _world, faults, _given: faults.fired,
    "time": lambda world, _faults, _given: world.time(),
    "advance": lambda world, _, given: world.advance(given["seconds"]),
    "set_time": lambda world, _, given: world.set_time(given["unix"]),
    "settings": lambda world, _, given: _settings(world, given),
}
