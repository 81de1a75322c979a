"""Looks up known vulnerabilities of every package that constraints.txt pins, with pip-audit.

The answer counts only when a service knew every package: where none is reached, or one leaves
packages out, this fails. Debian's packages of the images' base are not looked up here: their
records lie in each image (var/lib/dpkg/status.d), where scanners of images read them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PIP_AUDIT = ROOT / ".venv-audit" / "bin" / "pip-audit"
SERVICES = ("pypi", "osv")
"""Services that pip-audit can ask, in the order in which they are tried."""
_SECONDS = 300


@dataclass(frozen=True)
class Known:
    """What a service answered."""

    service: str
    """Which."""
    packages: int
    """Packages that it knew."""
    unknown: tuple[str, ...]
    """Packages that it did not, with the reason."""
    vulnerable: tuple[str, ...]
    """Vulnerabilities, a line each."""


def main() -> int:
    """Returns the exit code: 0 when every package is known and none has a known vulnerability."""
    parser = argparse.ArgumentParser("make audit", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one object for machines")
    parser.add_argument(
        "--requirements", type=Path, default=ROOT / "constraints.txt", help="packages with versions"
    )
    arguments = parser.parse_args()
    causes = []
    for service in SERVICES:
        found, cause = ask(service, arguments.requirements)
        if found is not None:
            return _show(found, machine=arguments.json)
        causes.append(f"{service}: {cause}")
    print(
        f"no vulnerability service is reached, so nothing is known ({'; '.join(causes)})",
        file=sys.stderr,
    )
    return 1


def ask(service: str, requirements: Path) -> tuple[Known | None, str]:
    """What a service knows of these packages; None and why when it does not answer."""
    command = [
        *(str(PIP_AUDIT), "--requirement", str(requirements), "--no-deps", "--disable-pip"),
        *("--vulnerability-service", service, "--format", "json", "--progress-spinner", "off"),
    ]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return None, f"no answer in {_SECONDS} s"
    try:
        answered = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        lines = done.stderr.strip().splitlines() or ["it said nothing"]
        return None, lines[-1][:200]
    found = read(service, answered)
    if not found.packages:
        # An index without this interface answers "not found" for everything.
        return None, f"it knows none of {len(answered)} packages"
    return found, ""


def read(service: str, answered: list[dict[str, Any]]) -> Known:
    """What pip-audit's JSON says."""
    return Known(
        service,
        sum("vulns" in each for each in answered),
        tuple(f"{each['name']}: {each['skip_reason']}" for each in answered if "vulns" not in each),
        tuple(
            f"{each['name']} {each['version']}: {vulnerability['id']}"
            f" (fixed in {', '.join(vulnerability['fix_versions']) or 'no release'})"
            for each in answered
            for vulnerability in each.get("vulns", ())
        ),
    )


def _show(found: Known, *, machine: bool) -> int:
    wrong = bool(found.vulnerable or found.unknown)
    if machine:
        print(json.dumps(asdict(found)))
        return int(wrong)
    for line in found.vulnerable:
        print(f"VULNERABLE {line}")
    for line in found.unknown:
        print(f"UNKNOWN {line}")
    print(
        f"{found.service} knows {found.packages} packages, {len(found.vulnerable)} vulnerabilities"
        f" of them, and does not know {len(found.unknown)} packages"
    )
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
