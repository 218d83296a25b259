"""Settings from the environment and `.env`: each fault is reported with the variable's name.

Secrets are `SecretStr`: their values appear in no message and no repr.
"""

from __future__ import annotations

import difflib
import logging
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from dotenv import dotenv_values
from dotenv.parser import parse_stream
from pydantic import (
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    create_model,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from bot.core.availability.asking import WeeklyHour, read_weekly_hour
from bot.core.facts.questions import SETTINGS, Detail
from bot.core.inbox.webhook import WebhookSettings, read_hook, secret_of
from bot.core.people.athlete import ContactHours, QuietHours, read_hours, read_quiet, read_time, read_zone
from bot.core.records.collections import FEEDBACK_EVENTS
from bot.core.records.retention import DEFAULT_DAYS, Retention, variable
from bot.core.shared.errors import ConfigError
from bot.core.telegram.chats import ChatTopic, read_chat_topic

TELEGRAM_API_URL = "https://api.telegram.org"
ENV_FILE = Path(".env")
DEFAULT_DB = "running_coach"

_MAX_ID = 2**63 - 1
_SHOWN = 60
_EXAMPLES = {"http_port": "8080"}
_LONGEST_DB_NAME = 63  # bytes
TOKEN = re.compile(r"[0-9]+:[A-Za-z0-9_-]+")


def read_ids(text: str) -> frozenset[int]:
    """Telegram user ids, with commas.

    Raises:
        ValueError: saying what is expected.
    """
    ids = set()
    for part in filter(None, (part.strip() for part in text.split(","))):
        if not (part.isascii() and part.isdigit() and 0 < int(part) <= _MAX_ID):
            raise ValueError(
                f"{part!r} is not a Telegram user id; write numbers with commas, such as 123456,789"
            )
        ids.add(int(part))
    return frozenset(ids)


def _check_db_name(name: str, what: str) -> None:
    if re.search(r"[/\\. \"$*<>:|?\0]", name) or len(name.encode()) > _LONGEST_DB_NAME:
        raise ValueError(
            f'{what} is not a database name; MongoDB forbids / \\ . " $ * < > : | ? and spaces, and allows'
            f" {_LONGEST_DB_NAME} bytes"
        )


def _read(reader: Callable[[str], object]) -> BeforeValidator:
    return BeforeValidator(lambda value: reader(value) if isinstance(value, str) else value)


def _check_time(value: str) -> time | None:
    """A time of day; `off`: never.

    Raises:
        ValueError: saying what is expected.
    """
    try:
        return None if value.strip().lower() == "off" else read_time(value)
    except ValueError as exc:
        raise ValueError(f"{exc}, or off") from None


_PLAIN_REASONS = {
    "int_parsing": "{input} is not a whole number; write one such as {example}",
    "int_parsing_size": "{input} is too large; write a number such as {example}",
    "int_from_float": "{input} is not a whole number; write one such as {example}",
    "bool_parsing": "{input} is neither true nor false; write one of them",
    "greater_than_equal": "{input} is too small; write at least {ge}",
    "less_than_equal": "{input} is too large; write at most {le}",
    "literal_error": "{input} is not known; write {expected}",
}
Ids = Annotated[frozenset[int], NoDecode, _read(read_ids)]


_RETAIN = {name: variable(name).lower() for name in DEFAULT_DAYS}
if TYPE_CHECKING:

    class _DeclaredSettings(BaseSettings):
        """RETAIN_<COLLECTION>_DAYS of collections whose expiry may be set; ASK_<...> of questions."""

else:
    # `Retention.check` says what is allowed and why.
    _DeclaredSettings = create_model(
        "_DeclaredSettings",
        __base__=BaseSettings,
        **{field: (int, DEFAULT_DAYS[name]) for name, field in _RETAIN.items()},
        **dict.fromkeys(SETTINGS, (bool, True)),
    )


class Settings(_DeclaredSettings):
    """Everything that an operator can set; field names are the variables' names in lower case."""

    model_config = SettingsConfigDict(
        env_file_encoding="utf-8-sig",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What the environment has, even if it is empty and so means the default, no file changes."""
        if isinstance(dotenv_settings, DotEnvSettingsSource):
            here = {name.lower() for name in os.environ}
            dotenv_settings.env_vars = {
                name: value for name, value in dotenv_settings.env_vars.items() if name not in here
            }
        return init_settings, env_settings, dotenv_settings

    telegram_bot_token: SecretStr | None = None
    telegram_api_url: str = TELEGRAM_API_URL
    mongo_url: SecretStr | None = None
    mongo_db: str | None = None
    data_dir: Path = Path("data")
    journal: Literal["disk", "mongodb"] = "disk"
    athlete_ids: Ids = frozenset()
    admin_ids: Ids = frozenset()
    timezone: Annotated[ZoneInfo, NoDecode, _read(read_zone)] = ZoneInfo("UTC")
    prompt_time: Annotated[time, NoDecode, _read(read_time)] = time(20)
    reminder_time: Annotated[time | None, NoDecode, _read(read_time)] = None
    nudge_after_hours: Annotated[int | None, NoDecode, _read(read_hours)] = None
    quiet_hours: Annotated[QuietHours | None, NoDecode, _read(read_quiet)] = None
    ask_availability: Annotated[WeeklyHour | None, NoDecode, _read(read_weekly_hour)] = None
    weekly_summary_time: Annotated[time | None, NoDecode, _read(read_time)] = None
    late_after_days: int = Field(14, ge=0, le=3650)
    coach_chat_id: Annotated[ChatTopic | None, NoDecode, _read(read_chat_topic)] = None
    pain_check: Annotated[time | None, NoDecode, _read(_check_time)] = time(8)
    coach_digest_time: Annotated[time | None, NoDecode, _read(read_time)] = None
    silent_after: int = Field(3, ge=1, le=50)
    metrics_per_athlete: bool = False
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    log_format: Literal["text", "json"] = "text"
    http_host: str = "127.0.0.1"
    http_port: int | None = Field(None, ge=1, le=65535)
    http_token: SecretStr | None = None
    http_behind_proxy: bool = False
    webhook_url: str | None = None

    @field_validator("telegram_bot_token")
    @classmethod
    def _check_token(cls, token: SecretStr | None) -> SecretStr | None:
        if token is not None and not TOKEN.fullmatch(token.get_secret_value()):
            raise ValueError("this is not a bot token; it looks like 123456:ABC-DEF, and @BotFather gives it")
        return token

    @field_validator("telegram_api_url")
    @classmethod
    def _check_api_url(cls, url: str) -> str:
        if not re.fullmatch(r"https?://[^/\s]+(/\S*)?", url):
            raise ValueError(f"{url!r} is not an address; write one such as http://127.0.0.1:8081")
        return url.rstrip("/")

    @field_validator("data_dir")
    @classmethod
    def _expand(cls, path: Path) -> Path:
        return path.expanduser()

    @field_validator("mongo_url")
    @classmethod
    def _check_mongo_url(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not url.get_secret_value().startswith(("mongodb://", "mongodb+srv://")):
            raise ValueError(
                "this is not a MongoDB connection string; it begins with mongodb:// or mongodb+srv://"
            )
        if url is not None:
            # The driver would take what stands behind a dot for a collection's name, and say nothing.
            hosts = url.get_secret_value().partition("//")[2].rpartition("@")[2]
            name = unquote(hosts.partition("?")[0].partition("/")[2])
            _check_db_name(name, "what stands behind the host and its /")
        return url

    @field_validator("mongo_db")
    @classmethod
    def _check_mongo_db(cls, name: str | None) -> str | None:
        _check_db_name(name or "", _shown(name))
        return name

    @field_validator("journal")
    @classmethod
    def _check_journal(cls, journal: str, info: ValidationInfo) -> str:
        if journal == "mongodb" and info.data.get("mongo_url", ...) is None:
            raise ValueError(
                "mongodb needs MONGO_URL, a MongoDB that lasts: the embedded one is on the same disk; set"
                " MONGO_URL, or JOURNAL=disk"
            )
        return journal

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("log_format", "journal", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @model_validator(mode="after")
    def _check_http(self) -> Settings:
        if self.http_token is not None:
            token = self.http_token.get_secret_value()
            if len(token) < 32:
                raise ValueError("HTTP_TOKEN: too short; use at least 32 characters")
            if not token.isprintable() or " " in token:
                raise ValueError("HTTP_TOKEN: holds what no HTTP header can carry; use letters and digits")
        elif self.http_port is not None:
            raise ValueError("HTTP_TOKEN: required when HTTP_PORT is set; use at least 32 random characters")
        return self

    def hook(self) -> WebhookSettings | None:
        """Where Telegram pushes updates to; None: they are polled.

        Raises:
            ConfigError: WEBHOOK_URL, or what it needs, cannot be used.
        """
        if self.webhook_url is None or self.telegram_bot_token is None:
            return None
        is_local = self.telegram_api_url != TELEGRAM_API_URL
        try:
            return read_hook(self.webhook_url, self.telegram_bot_token.get_secret_value(), is_local=is_local)
        except ValueError as exc:
            raise ConfigError(f"WEBHOOK_URL (--webhook): {exc}") from None

    @property
    def has_proxy(self) -> bool:
        """Whether a proxy with TLS stands in front of the HTTP port, as HTTP_BEHIND_PROXY says, or a webhook
        that Telegram pushes to."""
        return self.http_behind_proxy or (self.webhook_url or "").startswith("https://")

    def retention(self) -> Retention:
        """How long documents are kept."""
        return Retention(**{name: getattr(self, field) for name, field in _RETAIN.items()})

    @property
    def kept_days(self) -> int:
        """RETAIN_FEEDBACK_EVENTS_DAYS: how long answers are kept."""
        return self.retention()[FEEDBACK_EVENTS]

    def hours(self) -> ContactHours:
        """When athletes are written to who have no hours of their own."""
        return ContactHours(
            self.timezone, self.prompt_time, self.reminder_time, self.nudge_after_hours, self.quiet_hours
        )

    def asked_details(self) -> frozenset[Detail]:
        """The questions after an answer that are switched on."""
        return frozenset(detail for detail in Detail if getattr(self, detail.facts.setting))

    def mongo_place(self) -> str:
        """Where MongoDB is meant to be, for a message: without user, password and options."""
        if self.mongo_url is None:
            return f"the embedded MongoDB of DATA_DIR ({self.data_dir})"
        hosts = re.sub(r"^[^/]+//(?:.*@)?", "", self.mongo_url.get_secret_value())
        return f"the MongoDB of MONGO_URL ({re.split('[/?]', hosts)[0]})"

    def secrets(self) -> list[str]:
        """The values that must appear nowhere."""
        found = [self.telegram_bot_token, self.http_token, self.mongo_url]
        values = [secret.get_secret_value() for secret in found if secret is not None]
        if self.telegram_bot_token is not None:
            values.append(secret_of(self.telegram_bot_token.get_secret_value()))
        if self.mongo_url is not None and (password := _PASSWORD.match(self.mongo_url.get_secret_value())):
            values.append(password[1])
        return values


# A shorter one is found in its address only: elsewhere half the words would be taken for it.
_PASSWORD = re.compile(r"[^/]+//[^/@]*?:([^/@]{4,})@")
_LISTS = ("ATHLETE_IDS", "ADMIN_IDS")
_IN_FILES = {f"{name.upper()}_FILE": name for name in ("telegram_bot_token", "mongo_url", "http_token")}
"""Variables that name a file with a secret, as containers get theirs; the secret's field."""
_NAMES = frozenset({*(name.upper() for name in Settings.model_fields), *_IN_FILES})


def load_settings(env_file: Path | None = ENV_FILE) -> Settings:
    """Read the environment, then `env_file` where the environment is silent.

    Raises:
        ConfigError: one line for each variable at fault, naming it and the cure.
    """
    settings, faults = load_readable(env_file)
    if faults:
        raise ConfigError("\n".join(faults))
    return settings


def load_readable(env_file: Path | None = ENV_FILE) -> tuple[Settings, list[str]]:
    """The settings with the defaults in place of what cannot be read, and what is wrong: a line each,
    beginning with the variable's name where one is at fault."""
    faults: list[str] = []
    logging.getLogger("dotenv.main").setLevel(logging.ERROR)  # what is wrong with the file is said here
    try:
        if env_file is not None and (env_file.is_file() or env_file.is_dir()):
            _check_names(env_file)
    except ConfigError as exc:
        faults += str(exc).splitlines()
    except (OSError, UnicodeError) as exc:
        faults.append(f"{env_file}: cannot be read ({exc}); it must be a UTF-8 text file")
        env_file = None
    replaced: dict[str, Any] = {}
    for variable_name, path in _secret_files(env_file).items():
        try:
            replaced[_IN_FILES[variable_name]] = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeError) as exc:
            faults.append(
                f"{variable_name}: {path} cannot be read ({exc}); it must be a text file with just the secret"
            )
    while True:
        try:
            settings = Settings(_env_file=env_file, **replaced)
            break
        except ValidationError as exc:
            errors = exc.errors()
            faults += sorted(_explain(error) for error in errors)
            # What is wrong about several together is about the HTTP API.
            at_fault = {str(error["loc"][0]) for error in errors if error["loc"]} or {
                "http_port",
                "http_token",
            }
            replaced |= {name: Settings.model_fields[name].get_default() for name in at_fault}
    try:
        settings.retention().check()
    except ConfigError as exc:
        faults += str(exc).splitlines()
        settings = settings.model_copy(update={field: DEFAULT_DAYS[name] for name, field in _RETAIN.items()})
    return settings, faults


def doubts(environment: Mapping[str, str], env_file: Path = ENV_FILE) -> Iterator[tuple[str, str]]:
    """What is allowed in the environment, but may be a mistake: the sentence, and its cure."""
    for name, meant in _lookalikes(environment).items():  # it may be another program's
        yield f"{name} in the environment is not a setting", f"rename it to {meant}, if that is meant"
    empty = {name.upper() for name, value in environment.items() if not value}
    in_file = _file_values(env_file)
    for name, value in {**in_file, **environment}.items():
        if name.upper() in _LISTS and value and not all(map(str.strip, value.split(","))):
            yield (
                f"{name.upper()}={_shown(value)} has a comma with no id beside it",
                "remove the comma, or write the id that is missing",
            )
    for name, value in in_file.items():
        if value and name.upper() in empty & _NAMES:
            yield (
                f"{name.upper()} is empty in the environment, so that the one in {env_file} does not count",
                "unset it, if the file's is meant",
            )


def _secret_files(env_file: Path | None) -> dict[str, str]:
    """The files that secrets are read from: a secret that stands in the environment itself counts first."""
    values = {} if env_file is None else _file_values(env_file)
    found = {name: os.environ.get(name) or values.get(name) for name in _IN_FILES}
    return {
        name: path for name, path in found.items() if path and not os.environ.get(_IN_FILES[name].upper())
    }


def _file_values(env_file: Path) -> Mapping[str, str | None]:
    try:
        return dotenv_values(env_file, encoding="utf-8-sig")
    except (OSError, UnicodeError):
        return {}  # it is no file, or that it cannot be read is told elsewhere


def _lookalikes(names: Iterable[str]) -> dict[str, str]:
    """Names that are no setting's but nearly one's, with that one: a default would silently stay in force."""
    return {
        name: close[0]
        for name in names
        if name.upper() not in _NAMES and (close := difflib.get_close_matches(name.upper(), _NAMES, 1, 0.85))
    }


def _check_names(env_file: Path) -> None:
    """A misspelt variable, or a line that is none, would silently leave a default in force."""
    with env_file.open(encoding="utf-8-sig") as lines:
        for binding in parse_stream(lines):
            if binding.error:
                raise ConfigError(f"{env_file}, line {binding.original.line}: this is not NAME=VALUE")
    if strange := _lookalikes(_file_values(env_file)):
        raise ConfigError(
            "\n".join(
                f"{name}: unknown variable in {env_file}; do you mean {meant}?"
                for name, meant in strange.items()
            )
        )


def _explain(error: Any) -> str:
    reason = str(error["ctx"]["error"]) if error["type"] == "value_error" else error["msg"]
    if not error["loc"]:
        return reason
    name = str(error["loc"][0])
    if plain := _PLAIN_REASONS.get(error["type"]):  # of no secret
        example = _EXAMPLES.get(name) or Settings.model_fields[name].get_default()
        reason = plain.format(**error.get("ctx", {}), input=_shown(error["input"]), example=example)
    return f"{name.upper()}: {reason}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
