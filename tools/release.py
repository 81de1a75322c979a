"""Prepares a release: one version everywhere, the changelog dated, the contract baseline stored.

Usage: tools/release.py 0.N.0, then commit as "Release 0.N.0".
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Returns the exit code."""
    if len(sys.argv) != 2 or not re.fullmatch(r"0\.\d+\.\d+", sys.argv[1]):  # noqa: PLR2004 - argv
        print(__doc__)
        return 2
    version = sys.argv[1]
    for path in sorted(ROOT.glob("libs/*/pyproject.toml")) + sorted(
        ROOT.glob("services/*/pyproject.toml")
    ):
        text = path.read_text("utf-8")
        path.write_text(re.sub(r'(?m)^version = ".*"$', f'version = "{version}"', text), "utf-8")
    changelog = ROOT / "CHANGELOG.md"
    text = changelog.read_text("utf-8")
    if "## Unreleased" not in text:
        print("CHANGELOG.md has no section '## Unreleased'")
        return 1
    dated = f"## Unreleased\n\n## {version} - {datetime.now(UTC):%Y-%m-%d}"
    changelog.write_text(text.replace("## Unreleased", dated, 1), "utf-8")
    baseline = ROOT / "proto" / "baseline" / "omega.binpb"
    baseline.parent.mkdir(exist_ok=True)
    subprocess.run(
        [ROOT / ".venv/bin/buf", "build", "proto", "--exclude-source-info", "-o", baseline],
        cwd=ROOT,
        check=True,
    )
    # `omega contract` holds servers to it wherever it is installed.
    shutil.copyfile(baseline, ROOT / "libs/omega_cli/src/omega_cli/contract/last_release.binpb")
    print(f"Now: make setup openapi check, commit as 'Release {version}'.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
