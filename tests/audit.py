"""`python -m tests.audit`: known vulnerabilities of what is installed. Needs the network, so it is no test.

It runs pip-audit (the extra `audit`), which asks a public service about each installed distribution. Exit
status 0: all were asked about, and none is known; 1: some are, each named with the version that mends it; 3:
not asked, or not about all, with the reason. What can be checked without
the network is in `tests/unit/test_dependencies.py`.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from typing import Any

FOUND, NOT_RUN = 1, 3
_COMMAND = ["pip_audit", "--local", "--skip-editable", "--progress-spinner", "off", "--format", "json"]
_TIMEOUT = 600  # seconds


def judge(out: str, err: str) -> tuple[int, list[str]]:
    """Exit status, and lines for people.

    Args:
        out: what pip-audit printed; its report only if it got through, which its exit status does not tell.
        err: what it said besides.
    """
    try:
        report: dict[str, Any] = json.loads(out)
        dependencies: list[dict[str, Any]] = report["dependencies"]
    except (ValueError, KeyError, TypeError):
        # The last line is the error; it may name hosts, and the reason is in front.
        reason = (err.strip().splitlines() or ["it printed no report"])[-1]
        short = reason.partition("(")[0].strip()
        return NOT_RUN, [f"not run: pip-audit got no answer; is there a network? ({short})"]
    asked = [each for each in dependencies if "vulns" in each]
    skipped = [each for each in dependencies if "vulns" not in each and not _is_ours(each)]
    known = [
        f"{each['name']} {each['version']}: {flaw['id']};"
        f" mended in {', '.join(flaw['fix_versions']) or 'no version yet'}"
        for each in asked
        for flaw in each["vulns"]
    ]
    lines = [f"not asked: {each['name']}: {each.get('skip_reason', 'no reason given')}" for each in skipped]
    lines += [*known, f"{len(asked)} distributions asked about, {len(known)} known vulnerabilities"]
    if known:
        return FOUND, lines
    if skipped or not asked:
        return NOT_RUN, [*lines, f"not run: for {len(skipped)} distributions nobody answered"]
    return 0, lines


def _is_ours(dependency: dict[str, Any]) -> bool:
    """Installed from its sources, as the project itself is."""
    return "editable" in str(dependency.get("skip_reason"))


def main() -> int:
    """Run pip-audit, and say what came of it."""
    if importlib.util.find_spec("pip_audit") is None:
        print("not run: pip-audit is not installed; install the extra `audit`: pip install -e '.[audit]'")
        return NOT_RUN
    try:
        done = subprocess.run(
            [sys.executable, "-m", *_COMMAND], capture_output=True, text=True, timeout=_TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        print(f"not run: no answer within {_TIMEOUT} s")
        return NOT_RUN
    status, lines = judge(done.stdout, done.stderr)
    print("\n".join(lines))
    return status


if __name__ == "__main__":
    sys.exit(main())
