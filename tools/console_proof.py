"""Walks through every page of the web console in a real browser, before a real fleet.

Starts the fleet and the console, and hands address and tokens to console_pages.py, which runs in
the environment of the browser's driver.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from proof_site import proof_site

ROOT = Path(__file__).resolve().parents[1]
PYTHON = ROOT / ".venv-console" / "bin" / "python"
_SECONDS = 300


def main() -> int:
    """Runs it; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--picture", type=Path, help="a file for a screenshot, .png")
    arguments = parser.parse_args()
    with proof_site() as site:
        told = {
            "url": site.url,
            "tokens": {role: site.token(role) for role in ("viewer", "operator", "admin")},
            "folder": str(site.folder),
            "picture": str(arguments.picture.resolve()) if arguments.picture else "",
        }
        command = [str(PYTHON), str(ROOT / "tools" / "console_pages.py")]
        ended = subprocess.run(
            command, input=json.dumps(told), text=True, check=False, timeout=_SECONDS
        )
    return ended.returncode


if __name__ == "__main__":
    sys.exit(main())
