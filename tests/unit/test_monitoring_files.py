"""The files for Prometheus and Grafana: they load, and everything they name is exported."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from bot.api.openapi import examples
from bot.core.figures.stats import Stats
from bot.core.health.vitals import Part, Vitals
from bot.metrics import PrometheusMeters

CONFIG = Path(__file__).resolve().parents[2] / "config"
PROMETHEUS = CONFIG / "prometheus"
NOW = datetime(2026, 2, 16, tzinfo=UTC)
FIGURES = examples.stats()
OURS = re.compile(r"\b(?:feedback_bot|process)_[a-z_]+\b")
SELECTION = re.compile(r"\b(feedback_bot_[a-z_]+)\{([^}]*)\}")
MATCHER = re.compile(r'(\w+)=~?"([^"]*)"')
PROMTOOL = shutil.which("promtool")


def page(vitals: Vitals | None = None, figures: Stats | None = FIGURES) -> str:
    """What is exported when everything is known."""
    well = Vitals(NOW, answers=True, is_writable=True, last_poll=NOW, pending=0, dead_letters=0)
    return PrometheusMeters().page(vitals or well, figures, "")[0].decode()


def exported() -> Mapping[str, list[Mapping[str, str]]]:
    """Every series: labels by name."""
    series: dict[str, list[Mapping[str, str]]] = {}
    for family in text_string_to_metric_families(page()):
        for sample in family.samples:
            series.setdefault(sample.name, []).append(sample.labels)
    return series


def read(path: Path) -> Any:
    """A YAML file."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def rules() -> list[dict[str, Any]]:
    """The alert rules."""
    return [rule for group in read(PROMETHEUS / "alerts.yml")["groups"] for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    """The dashboard."""
    found: dict[str, Any] = json.loads((CONFIG / "grafana" / "dashboard.json").read_text(encoding="utf-8"))
    return found


def expressions() -> Iterator[str]:
    """Every expression in the rules and in the dashboard."""
    yield from (rule["expr"] for rule in rules())
    yield from (target["expr"] for panel in dashboard()["panels"] for target in panel["targets"])
    yield from (test["series"] for group in read(PROMETHEUS / "alerts_test.yml")["tests"]
                for test in group["input_series"])  # fmt: skip


def test_everything_named_is_exported() -> None:
    """Metrics, their labels, and the values of labels that rules and panels ask for."""
    series = exported()
    names = {name for expression in expressions() for name in OURS.findall(expression)}
    assert len(names) > 10
    assert names <= series.keys()
    for expression in expressions():
        for name, labels in SELECTION.findall(expression):
            for label, value in MATCHER.findall(labels):
                if label not in ("instance", "job"):
                    values = {labels[label] for labels in series[name]}
                    assert set(value.split("|")) <= values, (name, label, value)


def test_everything_exported_is_described() -> None:
    """In docs/operations.md, each name of ours."""
    text = (CONFIG.parent / "docs" / "operations.md").read_text(encoding="utf-8")
    for family in text_string_to_metric_families(page()):
        if family.name.startswith("feedback_bot_"):
            name = family.name.removeprefix("feedback_bot_")
            assert f"`{name}" in text, name
    assert {rule["alert"] for rule in rules()} == set(re.findall(r"\| `(FeedbackBot\w+)`", text))


def test_what_is_unknown_is_left_out() -> None:
    """No gauge tells of what nobody knows."""
    text = page(Vitals(NOW, answers=False, is_writable=False), None)
    assert 'feedback_bot_healthy{part="mongodb"} 0.0' in text
    for name in (
        "write_success",
        "dead_letters",
        "journal_pending",
        "last_poll",
        "journal_oldest",
        "response",
    ):
        assert f"feedback_bot_{name}" not in text
    for part in (Part.TELEGRAM, Part.BACKLOG):
        assert f'part="{part}"' not in text


def test_no_label_is_an_id() -> None:
    """Labels have few values, all of them known beforehand, so that series do not grow."""
    labels = {label for series in exported().values() for labels in series for label in labels}
    assert labels - {"version", "python"} == {"outcome", "result", "kind", "part", "le", "hour"}


def test_each_alert_says_what_to_do() -> None:
    """With a severity, a time, a summary, and a description with the cure."""
    assert len(rules()) == len({rule["alert"] for rule in rules()}) == 8
    for rule in rules():
        assert re.fullmatch(r"\d+[mh]", rule["for"])
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["annotations"]["summary"].endswith(".")
        assert len(rule["annotations"]["description"]) > 100


def test_the_dashboard_loads_as_it_is() -> None:
    """A data source to choose, panels that do not overlap, each with a unit and thresholds."""
    found = dashboard()
    [source] = [variable for variable in found["templating"]["list"] if variable["type"] == "datasource"]
    assert (source["name"], source["query"]) == ("datasource", "prometheus")
    taken: set[tuple[int, int]] = set()
    for panel in found["panels"]:
        assert panel["title"]
        assert panel["description"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        defaults = panel["fieldConfig"]["defaults"]
        assert defaults["unit"]
        assert defaults["thresholds"]["steps"][0]["value"] is None
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells
    assert len({panel["id"] for panel in found["panels"]}) == len(found["panels"])


def test_the_example_loads_the_alerts() -> None:
    """Its job has the name that the alerts ask for."""
    example = read(PROMETHEUS / "prometheus.yml")
    assert example["rule_files"] == ["alerts.yml"]
    [job] = example["scrape_configs"]
    assert (job["job_name"], job["metrics_path"]) == ("feedback-bot", "/metrics")


@pytest.mark.skipif(PROMTOOL is None, reason="needs promtool (Debian: prometheus)")
@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "rules", "alerts.yml"),
        ("check", "config", "prometheus.yml"),
        ("test", "rules", "alerts_test.yml"),
    ],
)
def test_promtool_takes_the_files(arguments: tuple[str, ...]) -> None:
    """Syntax, references, and what fires when."""
    done = subprocess.run(
        [str(PROMTOOL), *arguments], cwd=PROMETHEUS, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(PROMTOOL is None, reason="needs promtool (Debian: prometheus)")
def test_promtool_takes_the_page() -> None:
    """Names, types and help texts follow Prometheus's rules."""
    done = subprocess.run(
        [str(PROMTOOL), "check", "metrics"],
        input=page(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
