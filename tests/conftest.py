"""Settings of all tests, the MongoDB that they share, and the order in which they begin."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# A busy machine is no defect. The same tests get the same examples, but for `--hypothesis-profile=explore`.
_ANY_MACHINE = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("explore", _ANY_MACHINE, max_examples=1_000)
settings.register_profile("same", _ANY_MACHINE, derandomize=True)
# For what another run has looked at already.
settings.register_profile("brief", _ANY_MACHINE, derandomize=True, max_examples=20)
settings.load_profile("same")

# What is started in the background of a shell ignores Ctrl-C, and so would the processes that tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# What takes long begins first, so that nothing long is left to a single worker at the end.
_FIRST = (
    "tests/contract/store/mongodb/test_mongosh_script.py",  # may have to install mongosh
    "tests/e2e/test_faults_quick.py",
    "tests/e2e/test_histories.py",
    "tests/e2e/test_replay.py",
    "tests/contract/api/test_fuzz.py",
    "tests/contract/test_foreign_data.py",
    "tests/contract/store/mongodb/test_roles.py",
    "tests/e2e/test_strict_crashes.py",
    "tests/e2e/test_webhook.py",
    "tests/e2e/test_attacks.py",
    "tests/e2e/",
    "tests/contract/",
    "tests/unit/test_no_secrets.py",
    "tests/unit/test_layers.py",
)

# End-to-end tests that share what is slow to start: bots, or a run of the checker.
_SHARING = ("test_answering", "test_details", "test_notes", "test_people", "test_replay")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put them in order."""
    items.sort(key=_rank)


class TogetherByFile(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Whole files stay on one worker, with what they share. Other end-to-end tests go to whichever is free.

    Not by marks and `--dist loadgroup`: pytest-xdist 3.8 with pytest 9.2 takes no notice of the marks.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        goes_alone = file.startswith("tests/e2e/") and Path(file).stem not in _SHARING
        return nodeid if goes_alone else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> TogetherByFile:
    """Whatever `--dist` says."""
    return TogetherByFile(config, log)


def _rank(item: pytest.Item) -> int:
    return next((n for n, path in enumerate(_FIRST) if item.nodeid.startswith(path)), len(_FIRST))


@pytest.fixture(scope="session")
def mongo_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The connection string of a MongoDB that nobody kills; each test has a database of its own there."""
    # Not needed by unit tests, which also run where there is no MongoDB.
    from tests.support.mongo import running_mongo

    with running_mongo(tmp_path_factory.mktemp("mongo")) as url:
        yield url
