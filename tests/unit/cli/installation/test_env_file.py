"""Values in a `.env`: in their places, with everything else as it was."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from dotenv import dotenv_values
from hypothesis import given
from hypothesis import strategies as st

from bot.cli.installation.env_file import check_writable, read_env, with_values, write_env
from bot.cli.installation.files import find_files
from bot.core.shared.errors import BotError, ConfigError


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "TIMEZONE=UTC\n"),
        ("A=1", "A=1\nTIMEZONE=UTC\n"),
        ("A=1\n#TIMEZONE=Europe/Madrid\nB=2\n", "A=1\nTIMEZONE=UTC\nB=2\n"),
        ("export TIMEZONE='x' # why\r\nB=2\r\n", "export TIMEZONE=UTC # why\r\nB=2\r\n"),
        ('TIMEZONE = "a # b"  # why\n', "TIMEZONE=UTC  # why\n"),
        ("TIMEZONE\nB=1", "TIMEZONE=UTC\nB=1"),
        ("TIMEZONE=1\nTIMEZONE=2\n", "TIMEZONE=1\nTIMEZONE=UTC\n"),
        ("timezone=a\n", "TIMEZONE=UTC\n"),
        ("M='x\n#TIMEZONE=\n'\n", "M='x\n#TIMEZONE=\n'\nTIMEZONE=UTC\n"),
        ("#TIMEZONE=a\nTIMEZONE=b\n", "#TIMEZONE=a\nTIMEZONE=UTC\n"),
    ],
)
def test_where_a_value_goes(before: str, after: str) -> None:
    """In the place of the one that counts, else of the comment that shows it, else at the end."""
    assert with_values(before, {"TIMEZONE": "UTC"}) == after


def test_the_template_keeps_its_comments() -> None:
    """Only the lines of the values differ."""
    template = read_env(find_files()["config/env.example"])
    values = {"TELEGRAM_BOT_TOKEN": "1:a", "ATHLETE_IDS": "1", "TIMEZONE": "UTC", "MONGO_URL": "mongodb://h"}
    old, new = template.splitlines(), with_values(template, values).splitlines()
    changed = [line for before, line in zip(old, new, strict=True) if before != line]
    assert sorted(changed) == sorted(f"{name}={value}" for name, value in values.items())


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"]), min_size=1).map(str.strip),
    st.sampled_from(["", "A=1\n", "MONGO_URL=x # y\n", "MONGO_URL='a\nb'\n", "#MONGO_URL=\nB=2"]),
)
def test_a_value_is_read_as_it_was_meant(value: str, before: str) -> None:
    """Or refused."""
    try:
        written = with_values(before, {"MONGO_URL": value})
    except ConfigError:
        assert "${" in value or not value.isprintable()
        return
    read = dotenv_values(stream=io.StringIO(written))
    assert read == {**dotenv_values(stream=io.StringIO(before)), "MONGO_URL": value}


def test_half_a_file_is_never_there(tmp_path: Path) -> None:
    """What the check raises leaves the old one, and nothing else."""
    env = tmp_path / ".env"
    env.write_text("A=1\n", encoding="utf-8")

    def refuse(draft: Path) -> None:
        assert draft.read_text(encoding="utf-8") == "A=2\n"
        assert draft.stat().st_mode & 0o777 == 0o600
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_env(env, "A=2\n", refuse)
    assert list(tmp_path.iterdir()) == [env]
    assert read_env(env) == "A=1\n"


@pytest.mark.parametrize(
    ("before", "after"), [(0o644, 0o600), (0o600, 0o600), (0o640, 0o640), (0o666, 0o600)]
)
def test_who_can_read_it(tmp_path: Path, before: int, after: int) -> None:
    """Nobody else, but a group that could and was meant to."""
    env = tmp_path / ".env"
    env.touch()
    env.chmod(before)
    write_env(env, "A=2\n", lambda _: None)
    assert env.stat().st_mode & 0o777 == after


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    """Found out before anything is asked."""
    check_writable(tmp_path / ".env")
    (tmp_path / "file").touch()
    for place, why in ((tmp_path, "no file"), (tmp_path / "file" / ".env", "no directory")):
        with pytest.raises(BotError, match=why):
            check_writable(place)
    circle = tmp_path / "circle"
    circle.symlink_to(circle)
    with pytest.raises(BotError, match="circle cannot be written: Too many levels"):
        check_writable(circle)
    with pytest.raises(BotError, match="cannot be written: Not a directory"):
        write_env(tmp_path / "file" / ".env", "", lambda _: None)
