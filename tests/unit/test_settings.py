"""Settings: every variable with good and bad values, and no secret in any message."""

from __future__ import annotations

import os
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.core.records.retention import Retention
from bot.core.shared.errors import ConfigError
from bot.settings import TELEGRAM_API_URL, Settings, doubts, load_readable, load_settings

TOKEN = "123456:AAF-abcdefghijklmnopqrstuvwxyz_012345"
HTTP_TOKEN = "h" * 32


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of the variables is set, whatever the machine has."""
    names = {name.upper() for name in Settings.model_fields}
    for name in list(os.environ):
        if name.upper() in names:
            monkeypatch.delenv(name)


def fault(monkeypatch: pytest.MonkeyPatch, **variables: str) -> str:
    """The message with which the start is refused."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as caught:
        load_settings(None)
    return str(caught.value)


def test_defaults() -> None:
    """The documented defaults, and nothing else is needed to load."""
    settings = load_settings(None)
    assert settings.telegram_bot_token is None
    assert settings.telegram_api_url == TELEGRAM_API_URL == "https://api.telegram.org"
    assert settings.mongo_url is None
    assert settings.mongo_db is None
    assert settings.data_dir == Path("data")
    assert settings.athlete_ids == settings.admin_ids == frozenset()
    assert settings.timezone == ZoneInfo("UTC")
    assert settings.late_after_days == 14
    assert (settings.log_level, settings.log_format) == ("INFO", "text")
    assert (settings.http_host, settings.http_port, settings.http_token) == ("127.0.0.1", None, None)
    assert settings.secrets() == []


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("TELEGRAM_API_URL", "http://127.0.0.1:8081", "http://127.0.0.1:8081"),
        ("TELEGRAM_API_URL", "https://example.org/api/", "https://example.org/api"),
        ("MONGO_DB", "coach-1", "coach-1"),
        ("DATA_DIR", "/var/lib/bot", Path("/var/lib/bot")),
        ("ATHLETE_IDS", "7", frozenset({7})),
        ("ATHLETE_IDS", " 7 , 8,,9,7, ", frozenset({7, 8, 9})),
        ("ATHLETE_IDS", str(2**63 - 1), frozenset({2**63 - 1})),
        ("ADMIN_IDS", "5000000000", frozenset({5_000_000_000})),
        ("TIMEZONE", "Europe/Madrid", ZoneInfo("Europe/Madrid")),
        ("TIMEZONE", " Asia/Kathmandu ", ZoneInfo("Asia/Kathmandu")),
        ("LATE_AFTER_DAYS", "0", 0),
        ("LATE_AFTER_DAYS", "3650", 3650),
        ("LOG_LEVEL", "debug", "DEBUG"),
        ("LOG_FORMAT", "JSON", "json"),
        ("HTTP_HOST", "::1", "::1"),
        ("HTTP_PORT", "", None),
        ("LATE_AFTER_DAYS", "", 14),
        ("TIMEZONE", "", ZoneInfo("UTC")),
        ("ATHLETE_IDS", "", frozenset()),
    ],
)
def test_good_values(monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: object) -> None:
    """Each variable is read; an empty one counts as unset."""
    monkeypatch.setenv(name, value)
    assert getattr(load_settings(None), name.lower()) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TELEGRAM_BOT_TOKEN", "secret-nonsense"),
        ("TELEGRAM_BOT_TOKEN", "123456:with space"),
        ("TELEGRAM_BOT_TOKEN", "987654:"),
        ("TELEGRAM_BOT_TOKEN", "bot" + TOKEN),
        ("TELEGRAM_BOT_TOKEN", TOKEN + "\n"),
        ("TELEGRAM_API_URL", "api.telegram.org"),
        ("TELEGRAM_API_URL", "ftp://example.org"),
        ("TELEGRAM_API_URL", "http://"),
        ("TELEGRAM_API_URL", "http://a b"),
        ("MONGO_URL", "localhost:27017"),
        ("MONGO_URL", "postgres://u:secret-nonsense@h/db"),
        ("MONGO_URL", "mongodb://u:secret-nonsense@h/coach.runs?w=1"),
        ("MONGO_URL", "mongodb://u:secret-nonsense@h,i:27018/coach%2Eruns"),
        ("MONGO_URL", "mongodb+srv://u:secret-nonsense@h/a%20b"),
        ("MONGO_URL", "mongodb://h/" + "x" * 64),
        ("MONGO_DB", "a/b"),
        ("MONGO_DB", "a b"),
        ("MONGO_DB", "a.b"),
        ("MONGO_DB", "$a"),
        ("MONGO_DB", "x" * 64),
        ("ATHLETE_IDS", "anna"),
        ("ATHLETE_IDS", "7;8"),
        ("ATHLETE_IDS", "7,-8"),
        ("ATHLETE_IDS", "0"),
        ("ATHLETE_IDS", "7.0"),
        ("ATHLETE_IDS", "٧"),
        ("ATHLETE_IDS", "[7]"),
        ("ADMIN_IDS", str(2**63)),
        ("ADMIN_IDS", "9" * 5000),
        ("ADMIN_IDS", "@anna"),
        ("TIMEZONE", "Madrid"),
        ("TIMEZONE", "Europe"),
        ("TIMEZONE", "../../etc/passwd"),
        ("TIMEZONE", "/etc/localtime"),
        ("TIMEZONE", "UTC+1"),
        ("LATE_AFTER_DAYS", "-1"),
        ("LATE_AFTER_DAYS", "3651"),
        ("LATE_AFTER_DAYS", "14.5"),
        ("LATE_AFTER_DAYS", "two weeks"),
        ("LOG_LEVEL", "LOUD"),
        ("LOG_FORMAT", "xml"),
        ("HTTP_PORT", "0"),
        ("HTTP_PORT", "65536"),
        ("HTTP_PORT", "http"),
        ("HTTP_TOKEN", "h" * 31),
        ("HTTP_TOKEN", "h" * 20 + " " + "h" * 20),
        ("HTTP_TOKEN", "h" * 40 + "\n"),
    ],
)
def test_bad_values_stop_the_start(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """One line names the variable; nothing falls back silently, and secrets are not quoted."""
    message = fault(monkeypatch, **{name: value})
    assert message.startswith(f"{name}: ")
    assert len(message) > len(name) + 12
    if name in ("TELEGRAM_BOT_TOKEN", "MONGO_URL", "HTTP_TOKEN"):
        assert value.strip() not in message
        assert "secret-nonsense" not in message


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("LATE_AFTER_DAYS", "-1", "'-1' is too small; write at least 0"),
        ("LATE_AFTER_DAYS", "3651", "'3651' is too large; write at most 3650"),
        ("LATE_AFTER_DAYS", "14.5", "'14.5' is not a whole number; write one such as 14"),
        ("LATE_AFTER_DAYS", "9" * 5000, f"'{'9' * 59}... is too large; write a number such as 14"),
        ("HTTP_PORT", "80a", "'80a' is not a whole number; write one such as 8080"),
        ("HTTP_PORT", "0", "'0' is too small; write at least 1"),
        ("RETAIN_RUN_EVENTS_DAYS", "a year", "'a year' is not a whole number; write one such as 90"),
        ("ASK_RPE", "perhaps", "'perhaps' is neither true nor false; write one of them"),
        ("METRICS_PER_ATHLETE", "2", "'2' is neither true nor false; write one of them"),
        ("LOG_FORMAT", "xml", "'xml' is not known; write 'text' or 'json'"),
    ],
)
def test_the_cure_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str) -> None:
    """In words, and with the bound."""
    assert fault(monkeypatch, **{name: value}) == f"{name}: {said}"


def test_http_without_a_token_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The API is never open to everybody."""
    assert fault(monkeypatch, HTTP_PORT="8080").startswith("HTTP_TOKEN: required")


@pytest.mark.parametrize(
    ("name", "value", "known"),
    [
        ("HTTP_BEHIND_PROXY", "true", True),
        ("WEBHOOK_URL", "https://bot.example.org/telegram", True),
        ("WEBHOOK_URL", "http://127.0.0.1:8080/telegram", False),
        ("HTTP_BEHIND_PROXY", "false", False),
    ],
)
def test_whether_a_proxy_stands_in_front(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, known: bool
) -> None:
    """It is said, or Telegram pushes through one."""
    monkeypatch.setenv(name, value)
    assert load_settings(None).has_proxy is known


def test_http_with_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any port, and any 32 characters that a header can carry."""
    for port, token in (("1", HTTP_TOKEN), ("65535", "contraseña-de-más-de-treinta-y-dos-letras")):
        monkeypatch.setenv("HTTP_PORT", port)
        monkeypatch.setenv("HTTP_TOKEN", token)
        settings = load_settings(None)
        assert settings.http_port == int(port)
        assert settings.secrets() == [token]


def test_all_faults_are_told_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line for each variable at fault, in alphabetical order."""
    message = fault(monkeypatch, TIMEZONE="Mars", ATHLETE_IDS="anna", LOG_LEVEL="x", MONGO_URL="nope")
    assert [line.split(":")[0] for line in message.splitlines()] == [
        "ATHLETE_IDS",
        "LOG_LEVEL",
        "MONGO_URL",
        "TIMEZONE",
    ]


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where the environment is silent, the file speaks."""
    env_file = tmp_path / ".env"
    env_file.write_text(
        "# a comment\nLATE_AFTER_DAYS=3\nexport TIMEZONE='Europe/Madrid'\nATHLETE_IDS=7,8 # two\n"
        "ADMIN_IDS=9\nSOMEBODY_ELSES=1\n"
    )
    monkeypatch.setenv("LATE_AFTER_DAYS", "5")
    settings = load_settings(env_file)
    assert settings.late_after_days == 5
    assert settings.timezone == ZoneInfo("Europe/Madrid")
    assert settings.athlete_ids == {7, 8}
    assert settings.admin_ids == {9}


def test_secrets_in_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file that a variable names, in the environment or in `.env`; the environment's own wins."""
    secret = tmp_path / "token"
    secret.write_text(f"{TOKEN}\n")
    env_file = tmp_path / ".env"
    env_file.write_text(f"TELEGRAM_BOT_TOKEN=1:other\nTELEGRAM_BOT_TOKEN_FILE={secret}\n")

    def token() -> str:
        found = load_settings(env_file).telegram_bot_token
        assert found is not None
        return found.get_secret_value()

    assert token() == TOKEN
    assert load_settings(env_file).secrets()[0] == TOKEN
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "2:mine")
    assert token() == "2:mine"
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "")
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN_FILE", str(tmp_path / "none"))
    with pytest.raises(ConfigError, match=r"^TELEGRAM_BOT_TOKEN_FILE: .*none cannot be read"):
        load_settings(env_file)
    secret.write_text("no token")
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN_FILE", str(secret))
    with pytest.raises(ConfigError, match=r"^TELEGRAM_BOT_TOKEN: this is not a bot token"):
        load_settings(env_file)
    assert not list(doubts({"TELEGRAM_BOT_TOKEN_FILE": str(secret)}, env_file))


def test_faults_in_the_file_name_the_variable(tmp_path: Path) -> None:
    """A bad value in the file is reported like one in the environment."""
    env_file = tmp_path / ".env"
    env_file.write_text("TIMEZONE=Mars\n")
    with pytest.raises(ConfigError, match=r"^TIMEZONE: 'Mars' is not an IANA time zone"):
        load_settings(env_file)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("ATHLETES_IDS", "ATHLETE_IDS"),
        ("ATHLETE_ID", "ATHLETE_IDS"),
        ("TIME_ZONE", "TIMEZONE"),
        ("TELEGRAM_TOKEN_BOT", None),
        ("mongo_urll", "MONGO_URL"),
    ],
)
def test_misspelt_names_in_the_file_are_found(tmp_path: Path, name: str, meant: str | None) -> None:
    """A variable that looks like one of ours, and is none, stops the start."""
    env_file = tmp_path / ".env"
    env_file.write_text(f"{name}=secret-nonsense\n")
    if meant is None:
        load_settings(env_file)
        return
    with pytest.raises(ConfigError, match=f"^{name}: .*{meant}") as caught:
        load_settings(env_file)
    assert "secret-nonsense" not in str(caught.value)


def test_all_misspelt_names_are_told_at_once(tmp_path: Path) -> None:
    """One line each, beside what else is wrong."""
    env_file = tmp_path / ".env"
    env_file.write_text("\n".join(["ATHLETE_ID=1", "MONGODB_URL=x", "TIMEZONE=Mars"]))
    _, faults = load_readable(env_file)
    assert [fault.partition(":")[0] for fault in faults] == ["ATHLETE_ID", "MONGODB_URL", "TIMEZONE"]


def test_no_file_is_fine(tmp_path: Path) -> None:
    """Neither a missing file nor none at all is an error."""
    assert load_settings(tmp_path / "none") == load_settings(None)


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    """The message says which file, and what it must be."""
    env_file = tmp_path / ".env"
    env_file.write_bytes(b"TIMEZONE=\xff\xfe\n")
    with pytest.raises(ConfigError, match=r"\.env: cannot be read .*UTF-8"):
        load_settings(env_file)


def test_a_directory_in_the_place_of_env(tmp_path: Path) -> None:
    """It is not passed over."""
    (tmp_path / ".env").mkdir()
    with pytest.raises(ConfigError, match=r"\.env: cannot be read .*directory"):
        load_settings(tmp_path / ".env")


def test_secrets_show_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither repr nor str of the settings shows a secret, and all of them are listed for the log."""
    url = "mongodb://coach:pa55-w0rd@db.example.org/coach"
    for name, value in (("TELEGRAM_BOT_TOKEN", TOKEN), ("MONGO_URL", url), ("HTTP_TOKEN", HTTP_TOKEN)):
        monkeypatch.setenv(name, value)
    settings = load_settings(None)
    for shown in (repr(settings), str(settings), settings.model_dump_json()):
        for secret in (TOKEN, TOKEN.partition(":")[2], url, "pa55-w0rd", HTTP_TOKEN):
            assert secret not in shown
    assert {TOKEN, url, HTTP_TOKEN, "pa55-w0rd"} <= set(settings.secrets())


@pytest.mark.parametrize(
    ("url", "password"),
    [
        ("mongodb://u:pw-1@h/db", "pw-1"),
        ("mongodb+srv://u:p%40ss@h/db?w=1", "p%40ss"),
        ("mongodb://u:a:b-1@h1,h2/db", "a:b-1"),
        ("mongodb://u:pw@h/db", None),  # it would be struck out of half the words
        ("mongodb://u@h/db", None),
        ("mongodb://h:27017/db", None),
        ("mongodb://h/db?x=a:b@c", None),
    ],
)
def test_the_password_of_mongodb_is_a_secret(
    monkeypatch: pytest.MonkeyPatch, url: str, password: str | None
) -> None:
    """The address as a whole is one, and the password by itself."""
    monkeypatch.setenv("MONGO_URL", url)
    assert load_settings(None).secrets() == [url, *([password] if password else [])]


def test_settings_cannot_be_changed() -> None:
    """What was read at the start holds."""
    with pytest.raises(ValueError, match="frozen"):
        load_settings(None).late_after_days = 1  # type: ignore[misc]


def test_what_can_be_read_is_read_in_spite_of_faults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each fault is a line, and a default stands in; faults of every kind are told at once."""
    env_file = tmp_path / ".env"
    env_file.write_text("ATHLETES_IDS=7\nPROMPT_TIME=21:30\n")
    for name, value in (
        ("TIMEZONE", "Mars"), ("LATE_AFTER_DAYS", "x"), ("HTTP_PORT", "8080"),
        ("RETAIN_RUN_EVENTS_DAYS", "1"), ("ADMIN_IDS", "7"),
    ):  # fmt: skip
        monkeypatch.setenv(name, value)
    settings, faults = load_readable(env_file)
    assert [fault.partition(":")[0] for fault in faults] == [
        "ATHLETES_IDS", "LATE_AFTER_DAYS", "TIMEZONE", "HTTP_TOKEN", "RETAIN_RUN_EVENTS_DAYS",
    ]  # fmt: skip
    assert (settings.timezone.key, settings.late_after_days, settings.http_port) == ("UTC", 14, None)
    assert settings.retention() == Retention(run_events=90)
    assert settings.admin_ids == {7}
    assert f"{settings.prompt_time:%H:%M}" == "21:30"
    with pytest.raises(ConfigError) as caught:
        load_settings(env_file)
    assert str(caught.value).splitlines() == faults


def test_a_file_that_is_no_text_leaves_the_environment(tmp_path: Path) -> None:
    """The one fault is the file."""
    env_file = tmp_path / ".env"
    env_file.write_bytes(b"\xff\xfe\n")
    settings, (fault,) = load_readable(env_file)
    assert "cannot be read (" in fault
    assert settings == load_settings(None)


def test_an_empty_variable_wins_over_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It means the default: so a setting of the file can be taken back, whatever the case of the names."""
    file = tmp_path / ".env"
    file.write_text("\n".join(["ATHLETE_IDS=5", "timezone=Asia/Tokyo", "LATE_AFTER_DAYS=3"]))
    monkeypatch.setenv("ATHLETE_IDS", "")
    monkeypatch.setenv("TIMEZONE", "")
    settings = load_settings(file)
    assert (settings.athlete_ids, str(settings.timezone), settings.late_after_days) == (frozenset(), "UTC", 3)
    assert settings.model_fields_set == {"late_after_days"}


def test_doubts(tmp_path: Path) -> None:
    """Nearly a setting's name, in any case, and what hides a value of the file; nothing else."""
    file = tmp_path / ".env"
    environment = {"ATHLETE_ID": "1", "mongodb_url": "", "mongo_url": "x", "PATH": "", "TIMEZONE": ""}
    names = [("ATHLETE_ID", "ATHLETE_IDS"), ("mongodb_url", "MONGO_URL")]
    looks = [
        (f"{name} in the environment is not a setting", f"rename it to {meant}, if that is meant")
        for name, meant in names
    ]
    assert list(doubts(environment, file)) == looks
    file.write_text("\n".join(["timezone=Asia/Tokyo", "MONGO_URL=y", "ADMIN_IDS=", "PATH=z"]))
    (hides,) = set(doubts({**environment, "ADMIN_IDS": ""}, file)) - set(looks)
    told = f"TIMEZONE is empty in the environment, so that the one in {file} does not count"
    assert hides == (told, "unset it, if the file's is meant")


def test_a_comma_with_no_id_beside_it_is_told(tmp_path: Path) -> None:
    """It may stand for an id that got lost; what the environment says hides the file's."""
    file = tmp_path / ".env"
    file.write_text("ADMIN_IDS=1,,2\nATHLETE_IDS=,\n")
    cure = "remove the comma, or write the id that is missing"
    assert list(doubts({"ATHLETE_IDS": "3,4"}, file)) == [
        ("ADMIN_IDS='1,,2' has a comma with no id beside it", cure)
    ]
    found = [doubt for doubt, _ in doubts({"ATHLETE_IDS": "3, ", "ADMIN_IDS": "5", "OTHER": "1,,2"}, file)]
    assert found == ["ATHLETE_IDS='3, ' has a comma with no id beside it"]
