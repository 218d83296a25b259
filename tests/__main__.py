"""`python -m tests`: everything that must hold. Lint, types, tests; further arguments go to pytest."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

# Real processes wait more than they compute. The tests of a file stay together, with one MongoDB a worker.
SIDE_BY_SIDE = ["-n", "4", "--dist", "loadfile"]
ROOT = Path(__file__).resolve().parent.parent
CHECKS = (
    ("lint", ["ruff", "check", "."]),
    ("format", ["ruff", "format", "--check", "."]),
    ("types", ["mypy"]),
    ("tests", ["pytest", *SIDE_BY_SIDE]),
)


def main() -> int:
    """Run each check in turn; the first that fails ends the run with its status."""
    for name, command in CHECKS:
        print(f"== {name}", flush=True)
        arguments = sys.argv[1:] if name == "tests" else []
        result = subprocess.run([sys.executable, "-m", *command, *arguments], cwd=ROOT, check=False)
        if result.returncode:
            print(f"== {name} failed", flush=True)
            return result.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
