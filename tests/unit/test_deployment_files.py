"""Dockerfile, compose.yaml and what platforms read: they agree with the code and with each other."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from compose_spec import PyCompose

from bot.app.container import BOT_URL
from bot.cli import cli
from bot.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
ONCE = {"prepare", "n8n-import"}


def script(service: str) -> str:
    """The shell script that a service runs."""
    found: str = SERVICES[service]["entrypoint"][2]
    return found.replace("$$", "$")


def test_compose_follows_its_specification() -> None:
    """Every key and value of it; a misspelt one is refused."""
    assert sorted(PyCompose.from_yaml(yaml.safe_dump(COMPOSE)).service_names()) == sorted(SERVICES)
    with pytest.raises(ValueError, match="readonly"):
        PyCompose.from_yaml(yaml.safe_dump(COMPOSE).replace("read_only", "readonly"))


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_has_no_more_than_it_needs(name: str) -> None:
    """No rights, nothing to write but volumes, bounded, seen by this machine alone, of one version."""
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
    assert "build" in service or re.search(r":v?\d+\.\d+\.\d+$", service["image"])
    assert service["restart"] == ("no" if name in ONCE else "unless-stopped")
    assert name == "bot" or service["healthcheck"]  # the bot's is in its image
    for needed in service.get("depends_on", {}):
        wanted = "service_completed_successfully" if needed in ONCE else "service_healthy"
        assert service["depends_on"][needed]["condition"] == wanted


def test_what_is_mounted_is_there() -> None:
    """Files of the repository, and volumes that are declared."""
    for service in SERVICES.values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert (ROOT / source).is_file() if source.startswith("./") else source in COMPOSE["volumes"]


def test_the_bots_settings_are_settings() -> None:
    """By name; and others find it where it listens."""
    environment = SERVICES["bot"]["environment"]
    known = {name.upper() for name in Settings.model_fields}
    assert {name.removesuffix("_FILE") for name in environment} <= known
    assert BOT_URL.endswith(f"bot:{environment['HTTP_PORT']}")
    assert SERVICES["bot"]["ports"] == [f"127.0.0.1:{environment['HTTP_PORT']}:{environment['HTTP_PORT']}"]


def test_commands_are_commands() -> None:
    """Those of compose.yaml and of the image, whose main one is the Procfile's."""
    program, name, *options = SERVICES["prepare"]["command"]
    command = cli.get_command(click.Context(cli), name)
    assert program == "feedback-bot"
    assert command is not None
    command.make_context(name, list(options))
    assert 'CMD ["feedback-bot", "health"]' in DOCKERFILE
    assert "health" in cli.list_commands(click.Context(cli))
    words = (ROOT / "Procfile").read_text(encoding="utf-8").partition(":")[2].split()
    assert f"CMD {words!r}".replace("'", '"') in DOCKERFILE


def test_the_image() -> None:
    """Of a version, as nobody in particular, with all that it is made of; a platform refuses VOLUME."""
    assert re.search(r"^ARG PYTHON=\d+\.\d+\.\d+-slim-", DOCKERFILE, re.M)
    for stage in re.split(r"^FROM ", DOCKERFILE, flags=re.M)[-2:]:
        assert "USER 65532:65532" in stage
    assert not re.search(r"^VOLUME", DOCKERFILE, re.M)
    copied = set(" ".join(re.findall(r"^COPY (?!--)(.*) \S+$", DOCKERFILE, re.M)).split())
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert {line[1:] for line in ignored if line.startswith("!")} == copied
    assert all((ROOT / name).exists() for name in copied)


def test_prometheus_finds_the_bot() -> None:
    """The configuration is the example's, but for the address."""
    ours, example = (
        (ROOT / "config" / name / "prometheus.yml").read_text(encoding="utf-8")
        for name in ("compose", "prometheus")
    )
    target = [BOT_URL.removeprefix("http://")]
    given, meant = yaml.safe_load(ours), yaml.safe_load(example)
    meant["scrape_configs"][0]["static_configs"][0]["targets"] = target
    assert given == meant


def test_mongodb_makes_its_key_once(tmp_path: Path) -> None:
    """It is the server's alone, and each start has the same; arguments are handed on."""
    mongod = tmp_path / "mongod"
    mongod.write_text('#!/bin/sh\necho "$@"\n')
    mongod.chmod(0o755)
    run = [
        "bash",
        "-ec",
        script("mongodb").replace("/data/configdb", str(tmp_path)),
        "mongod",
        "--replSet=rs0",
    ]
    keys = []
    for _ in range(2):
        done = subprocess.run(
            run, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, text=True, check=True
        )
        assert done.stdout == "--replSet=rs0\n"
        keys.append((tmp_path / "key").read_text())
    assert keys[0] == keys[1]
    assert re.fullmatch(r"[0-9a-f]{64}", keys[0])
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600


def test_workflows_are_imported_once(tmp_path: Path) -> None:
    """What fails is done again at the next start; what is done is not."""
    n8n = tmp_path / "n8n"
    n8n.write_text(f'#!/bin/sh\necho "$1" >> {tmp_path}/calls\n[ ! -e {tmp_path}/broken ]\n')
    n8n.chmod(0o755)
    run = ["sh", "-ec", script("n8n-import").replace("/home/node/.n8n", str(tmp_path))]
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    (tmp_path / "broken").touch()
    assert subprocess.run(run, env=environment, check=False).returncode != 0
    (tmp_path / "broken").unlink()
    (tmp_path / "calls").unlink()
    for _ in range(2):
        subprocess.run(run, env=environment, check=True)
    calls = (tmp_path / "calls").read_text().split()
    assert calls == ["import:credentials", "import:workflow", "import:workflow"]


def test_what_platforms_detect() -> None:
    """Python by requirements.txt, which names the project, and nothing else.

    No `.python-version`: pyenv takes one in a checkout for an order, and refuses to run where it is not kept.
    """
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not line.startswith("#")] == [".[charts]"]
    others = ("Pipfile", "Pipfile.lock", "poetry.lock", "uv.lock", "runtime.txt", "setup.py")
    for other in (*others, ".python-version"):
        assert not (ROOT / other).exists()
    assert (ROOT / "Procfile").read_text(encoding="utf-8") == "worker: python -m bot run\n"
