"""Imports point down only, from floor to floor and from room to room."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import bot

ROOT = Path(bot.__file__).parent

# What a part of `bot` may import of `bot`, itself included. The top (app, cli, demo) may import anything.
FLOORS: dict[str, tuple[str, ...]] = {
    "bot.core": ("bot.core",),
    "bot.store": ("bot.core", "bot.durable", "bot.store", "bot.tasks"),
    "bot.logs": ("bot.core",),
    "bot.settings": ("bot.core",),
    "bot.metrics": ("bot.__version__", "bot.core", "bot.services"),
    "bot.systemd": (),
    "bot.tasks": (),
    "bot.telegram": ("bot.core", "bot.services.telegram.api", "bot.telegram"),
    "bot.services": ("bot.core", "bot.logs", "bot.services", "bot.store"),
    "bot.charts": ("bot.charts",),
    "bot.descriptors": ("bot.core",),
    "bot.durable": (),
    "bot.records_io": ("bot.core", "bot.records_io", "bot.store", "bot.tasks"),
    "bot.api": (
        "bot.__version__",
        "bot.api",
        "bot.core",
        "bot.descriptors",
        "bot.logs",
        "bot.services",
        "bot.store",
        "bot.tasks",
    ),
    "bot.sandbox": ("bot.core.shared.errors", "bot.sandbox"),
}
TOP = ("bot.app", "bot.cli", "bot.demo", "bot.__main__")
# What the composition root may import: everything but who runs it.
RUN_BY = ("bot.cli", "bot.demo", "bot.__main__")
# Floors with rooms: each folder in them is one.
WITH_ROOMS = ("bot.core", "bot.store", "bot.services", "bot.api", "bot.cli")
MOST_IN_A_ROOM = 10
# Who alone may import a package from outside.
OWNERS = {
    "telegram": ("bot.telegram",),
    "pymongo": ("bot.store",),
    "bson": ("bot.store",),
    "sqlite3": ("bot.store.inbox",),
    "fastapi": ("bot.api",),
    "starlette": ("bot.api",),
    "uvicorn": ("bot.api",),
    "h11": ("bot.api",),
    "prometheus_client": ("bot.metrics",),
    "matplotlib": ("bot.charts",),
    "babel": ("bot.core.i18n",),
}
NOT_IN_CORE = {
    "aiohttp", "asyncio", "bson", "click", "dotenv", "fcntl", "httpx", "io", "logging", "os", "pathlib",
    "pymongo", "requests", "rich", "shutil", "socket", "sqlite3", "subprocess", "tempfile", "telegram",
    "threading", "time", "urllib.request",
}  # fmt: skip
NOT_IN_CORE_CALLS = {"open", "print", "input", "datetime.now", "datetime.utcnow", "date.today"}


def module_name(path: Path) -> str:
    """The dotted name of a module of `bot`."""
    parts = ("bot", *path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(ROOT.rglob("*.py"))}


def within(name: str, package: str) -> bool:
    """Whether `name` is `package` or in it."""
    return name == package or name.startswith(f"{package}.")


def imports(path: Path) -> Iterator[str]:
    """Everything that a module imports, anywhere in it, as `module` or `module.name`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import in {path.name}"
            assert node.module is not None
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                is_package = (ROOT.parent / Path(*node.module.split("."))).is_dir()
                yield name if is_package else node.module


def floor(name: str) -> tuple[str, ...] | None:
    """What a module may import of `bot`; None for the top."""
    return next((allowed for package, allowed in FLOORS.items() if within(name, package)), None)


def room(name: str) -> str:
    """The room that a module is in: its folder. A module beside rooms is a room of its own."""
    package = next((package for package in WITH_ROOMS if within(name, package)), None)
    depth = 2 if package is None or name == package else 3
    return ".".join(name.split(".")[:depth])


def test_no_room_is_crowded() -> None:
    """Where more is needed, there is one more capability."""
    inhabitants = Counter(room(name) for name, path in MODULES.items() if path.name != "__init__.py")
    del inhabitants["bot.sandbox"]  # a program of its own
    assert {name: number for name, number in inhabitants.items() if number > MOST_IN_A_ROOM} == {}


def test_no_two_rooms_need_each_other() -> None:
    """Rooms stand in an order, too: whoever reads one need not know those above it."""
    needs: dict[str, set[str]] = {}
    for name, path in MODULES.items():
        found = (room(imported) for imported in imports(path) if within(imported, "bot"))
        needs.setdefault(room(name), set()).update(other for other in found if other != room(name))
    order = TopologicalSorter(needs)
    try:
        order.prepare()
    except CycleError as error:
        pytest.fail(f"rooms in a circle: {error.args[1]}")


def test_every_module_has_its_floor() -> None:
    """A new part of the house is put on a floor, here, before it is built."""
    homeless = [name for name in MODULES if floor(name) is None and not any(within(name, top) for top in TOP)]
    assert homeless == ["bot"]


@pytest.mark.parametrize("name", MODULES)
def test_imports_point_down(name: str) -> None:
    """A module imports of `bot` what its floor allows, and nothing from the top."""
    allowed = floor(name)
    for imported in imports(MODULES[name]):
        if not within(imported, "bot"):
            continue
        if allowed is not None:
            assert any(within(imported, package) for package in allowed), f"{name} imports {imported}"
        elif name == "bot":
            pytest.fail(f"bot/__init__.py imports {imported}")
        elif within(name, "bot.app"):
            assert not any(within(imported, package) for package in RUN_BY), f"{name} imports {imported}"


@pytest.mark.parametrize("name", MODULES)
def test_outside_packages_have_one_owner(name: str) -> None:
    """Only one part knows Telegram's library, MongoDB's driver and SQLite."""
    for imported in imports(MODULES[name]):
        for package, owners in OWNERS.items():
            if within(imported, package):
                assert any(within(name, owner) for owner in owners), f"{name} imports {imported}"


@pytest.mark.parametrize("name", [name for name in MODULES if within(name, "bot.core")])
def test_the_core_is_pure(name: str) -> None:
    """The ground floor does no input or output; only its clock tells the time."""
    for imported in imports(MODULES[name]):
        assert not any(within(imported, package) for package in NOT_IN_CORE), f"{name} imports {imported}"
    if name == "bot.core.shared.clock":
        return
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            assert ast.unparse(node.func) not in NOT_IN_CORE_CALLS, f"{name}:{node.lineno}"


def test_importing_builds_nothing() -> None:
    """Importing every module starts no thread and no event loop, opens no socket and reads no variable."""
    names = [name for name in MODULES if not name.endswith("__main__")]
    program = """
import importlib, os, socket, sqlite3, sys, threading
for name in sys.argv[1:]:
    if name.split(".")[1:2] not in (["app"], ["cli"], ["demo"], ["telegram"], ["sandbox"]):
        importlib.import_module(name)

def refuse(*_args, **_kwargs):
    raise SystemExit("an import builds something")

socket.socket.connect = socket.socket.bind = sqlite3.connect = threading.Thread.start = refuse
read = []
os.environ.__class__.__getitem__ = lambda self, key: read.append(key) or (_ for _ in ()).throw(KeyError(key))
for name in sys.argv[1:]:
    importlib.import_module(name)
ours = [key for key in read if key in {%s}]
assert not ours, ours
assert threading.active_count() == 1
""" % ", ".join(  # noqa: UP031
        repr(name) for name in ("TELEGRAM_BOT_TOKEN", "MONGO_URL", "ATHLETE_IDS", "DATA_DIR", "TIMEZONE")
    )
    environment = {**os.environ, "TIMEZONE": "Nowhere/Atall", "ATHLETE_IDS": "nobody"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, *names],
        env=environment, cwd=ROOT.parent, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
