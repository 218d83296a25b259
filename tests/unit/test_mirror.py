"""Tests stand where the tree mirrors what they test: who opens a module knows where its tests are."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KINDS = ("unit", "contract")

# About files of the repository, or about all of the bot.
OF_THE_WHOLE = {
    "unit/test_architecture_page.py",
    "unit/test_changes.py",
    "unit/test_deployment_files.py",
    "unit/test_dependencies.py",
    "unit/test_fault_results.py",
    "unit/test_layers.py",
    "unit/test_mirror.py",
    "unit/test_monitoring_files.py",
    "unit/test_n8n_files.py",
    "unit/test_no_secrets.py",
    "unit/test_pages.py",
    "unit/test_require_python.py",
    "unit/test_run_of_tests.py",
    "unit/test_security_page.py",
    "contract/test_foreign_data.py",
    "contract/test_moving_in.py",
}
# About several modules of the folder in which they stand.
OF_A_ROOM = {
    "unit/cli/test_cli.py",
    "unit/core/health/test_doctor_checks.py",
    "unit/core/i18n/test_texts.py",
    "unit/core/summary/test_session_load.py",
    "unit/core/telegram/test_note_updates.py",
    "unit/sandbox/test_http.py",
    "unit/store/inbox/test_journal_loss.py",
    "unit/test_pictures.py",
    "contract/api/http/test_door.py",
    "contract/api/test_fuzz.py",
    "contract/api/test_operations.py",
    "contract/services/answers/test_answer_changes.py",
    "contract/services/prompts/test_coach_alerts.py",
    "contract/services/prompts/test_dispatcher_outcomes.py",
    "contract/store/mongodb/test_retention.py",
    "contract/store/mongodb/test_weekly_metrics_keys.py",
    "contract/store/prompts/test_prompt_answers.py",
    "contract/store/test_query_plans.py",
}


def _files() -> dict[str, Path]:
    """Every test file, with the place in `bot` that its own place mirrors."""
    found = {}
    for kind in KINDS:
        base = ROOT / "tests" / kind
        for path in base.rglob("test_*.py"):
            mirrored = ROOT / "bot" / path.relative_to(base).with_name(path.stem.removeprefix("test_"))
            found[path.relative_to(ROOT / "tests").as_posix()] = mirrored
    return found


def test_tests_mirror_the_tree() -> None:
    """A test file is named after the module or the folder that it tests, and stands where that does."""
    elsewhere = {
        name
        for name, mirrored in _files().items()
        if not mirrored.with_suffix(".py").is_file() and not mirrored.is_dir()
    }
    assert elsewhere == OF_THE_WHOLE | OF_A_ROOM


def test_a_test_of_a_room_stands_in_it() -> None:
    """Its folder is one of the bot's."""
    files = _files()
    assert [name for name in sorted(OF_A_ROOM) if not files[name].parent.is_dir()] == []
