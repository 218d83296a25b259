"""No secret in the repository: detect-secrets over every file, offline, and what it does not know."""

from __future__ import annotations

import hashlib
import math
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import pytest
from detect_secrets.core.scan import scan_file
from detect_secrets.settings import default_settings

ROOT = Path(__file__).resolve().parents[2]
# Not the project's, or made by its tools; only asked where there is no git to say so.
_NOT_OURS = {".venv", "venv", ".git", "data", "build", "dist", "node_modules", "__pycache__"}

# No secrets, by exact value: a baseline of lines would have to be made anew after each edit above one.
_MADE_UP = re.compile(r"made-up")
ALLOWED = {
    "PASSWORD", "chmod 600", "password", "310c65171925", "pw", "wrong", "pa", "p%40ss", "pw-1", "zebra",
    "zebra-pa55-w0rd", "p@ss/w:rd-zebra", "pa55-w0rd", "secret-nonsense", "pa@ss:zebra", "a:b-1",
    "123456789:AAE-somebody-elses-token_0123456789", "123456789:AAE-somebody-elses-token_0123456789abc",
    "123456:AAF-abcdefghijklmnopqrstuvwxyz_012345", "{}%40%2f", "{}%word",
}  # fmt: skip

# A bot's token wherever it stands; a password in an address; a value given to what is named like a secret.
_TOKEN = re.compile(r"\b\d{6,12}:[A-Za-z0-9_-]{30,}")
_IN_ADDRESS = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s/:@{}$<>\"']+:([^\s/@{}$<>\"']+)@")
_ASSIGNED = re.compile(
    r"(?:token|key|secret|passw(?:or)?d)\"?\s*[=:]\s*[\"']?((?=\S*\d)[A-Za-z0-9+/_=-]{20,})[\"']?\s*(?:#.*)?$",
    re.IGNORECASE | re.MULTILINE,
)
_RANDOM = 3.5  # bits a character; words and names have fewer, or spaces


def files() -> list[Path]:
    """Every tracked file, and every new one that is not ignored; without git all but what tools make."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        found = [ROOT / name for name in listed.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        found = [path for path in ROOT.rglob("*") if not _NOT_OURS & set(path.relative_to(ROOT).parts)]
    return sorted(path for path in found if path.is_file() and not path.name.endswith((".png", ".pyc")))


def entropy(text: str) -> float:
    """Bits a character."""
    return -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values())


@contextmanager
def scanning() -> Iterator[None]:
    """All detectors, offline; a comment in the file does not silence them."""
    with default_settings() as settings:
        settings.disable_filters("detect_secrets.filters.allowlist.is_line_allowlisted")
        yield


def secrets_in(path: Path) -> Iterator[str]:
    """What looks like a secret: its line and kind, never the value itself."""
    for found in scan_file(str(path)):
        if found.secret_value not in ALLOWED and not _MADE_UP.search(found.secret_value or ""):
            yield f"{path.name}:{found.line_number}: {found.type}"
    text = path.read_text(encoding="utf-8")
    for kind, pattern in (
        ("bot token", _TOKEN),
        ("password in an address", _IN_ADDRESS),
        ("assigned", _ASSIGNED),
    ):
        for match in pattern.finditer(text):
            value = match[match.lastindex or 0]
            if (
                value in ALLOWED
                or _MADE_UP.search(value)
                or (kind == "assigned" and entropy(value) < _RANDOM)
            ):
                continue
            yield f"{path.name}:{text.count(chr(10), 0, match.start()) + 1}: {kind}"


def fingerprint(path: Path) -> str:
    """Changes with whatever decides on what is found in a file."""
    rules = f"{version('detect-secrets')} {path.name} ".encode() + Path(__file__).read_bytes()
    return hashlib.sha256(rules + path.read_bytes()).hexdigest()


def test_no_file_holds_a_secret(pytestconfig: pytest.Config) -> None:
    """Whoever adds one is told file, line and kind. What was clean is looked at again when it changes."""
    kept = "secrets/clean"
    prints = {path: fingerprint(path) for path in files()}
    cache: pytest.Cache | None = getattr(pytestconfig, "cache", None)  # can be switched off
    clean = set(cache.get(kept, []) if cache else []) & {*prints.values()}
    found = []
    with scanning():
        for path, print_ in prints.items():
            if print_ not in clean:
                lines = list(secrets_in(path))
                found += lines
                clean |= set() if lines else {print_}
    if cache:
        cache.set(kept, sorted(clean))
    assert found == []


def test_every_file_is_looked_at() -> None:
    """The list is that of the repository: code, tests, pages, settings and scripts."""
    names = {str(path.relative_to(ROOT)) for path in files()}
    assert {"README.md", "bot/logs.py", "config/env.example", "scripts/create_roles.js", ".ci/run"} <= names
    assert not [name for name in names if name.startswith((".venv/", ".git/"))]


def planted() -> list[tuple[str, str]]:
    """A secret of each kind. Put together here, so that this file itself has none."""
    letters = "".join(("aZ9bY8cX7dW6", "eV5fU4gT3hS2", "iR1jQ0kPlOmNnM"))  # in one piece it would be found
    return [
        ("bot token", f'TOKEN = "{"987654321"}:{"AA" + letters[:33]}"'),
        (
            "bot token in an address",
            f"curl https://api.telegram.org/bot{987654321}:{'AA' + letters[:33]}/getMe",
        ),
        ("private key", "-----BEGIN " + "RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----"),
        ("openssh key", "-----BEGIN " + "OPENSSH PRIVATE KEY-----"),
        ("aws key", "aws = '" + "AKIA" + "Z7Q3M9X5T1K8W2R6'"),
        ("github token", "x = 'gh" + "p_" + letters[:36] + "'"),
        ("mongodb url", "MONGO_URL=mongodb" + "://coach:" + "hunter2x@db.example.org/running_coach"),
        ("mongodb+srv url", "mongodb+srv" + "://coach:" + "hunter2x@cluster0.example.net"),
        ("http token", "HTTP_" + "TOKEN=" + letters[:32]),
        ("api key", "SOME_API_" + 'KEY: "' + letters[:32] + '"'),
        ("client secret", "client_" + "secret = '" + letters[:24] + "'"),
        ("silenced", "HTTP_" + "TOKEN=" + letters[:32] + "  # pragma: " + "allowlist secret"),
        ("github, silenced", "x = 'gh" + "p_" + letters[:36] + "'  # pragma: " + "allowlist secret"),
    ]


@pytest.mark.parametrize(("kind", "text"), planted())
def test_a_planted_secret_is_found(kind: str, text: str, tmp_path: Path) -> None:
    """Each kind, in a file of settings, a page and a module; the report does not repeat it."""
    for name in ("settings.env", "page.md", "module.py"):
        path = tmp_path / name
        path.write_text(f"first line\n{text}\n")
        with scanning():
            found = list(secrets_in(path))
        assert found, (kind, name)
        assert all(line.startswith(f"{name}:2: ") for line in found)
        assert not [line for line in found if "aZ9b" in line or "hunter2x" in line]


def test_what_is_no_secret(tmp_path: Path) -> None:
    """Settings without a value, placeholders, ids and prose."""
    path = tmp_path / "page.md"
    path.write_text(
        "HTTP_TOKEN=\nTELEGRAM_BOT_TOKEN=<what @BotFather shows>\nthe key: runId, sessionId\n"
        "mongodb://127.0.0.1:27017/?directConnection=true\nmongodb://user:${PASSWORD}@host\n"
        "2026-02-16T18:42:58.123Z-a1b2c3\nkey = sessionKey_of_the_older_document\n"
    )
    with scanning():
        assert list(secrets_in(path)) == []
