"""Holds the units of a TV to systemd's own checks."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

DEPLOY = Path(__file__).parents[1] / "deploy" / "tv"
UNITS = {"omega-brain.service": 15, "omega-update-recover.service": 25, "omega-ui.service": 15}
"""Unit -> highest exposure, in tenths: 0 is none, 100 is unsafe."""
MISSING = "systemd-analyze is missing: apt-get install -y --no-install-recommends systemd"
_LEVEL = re.compile(r"Overall exposure level for \S+: ([\d.]+)")
_SYSTEM = Path("/lib/systemd/system")


@dataclass(frozen=True)
class Unit:
    """What was found of one."""

    name: str
    """Of the file."""
    exposure: float
    """By `systemd-analyze security`: 0 is none, 10 is unsafe."""
    most: float
    """What it may be."""
    said: str
    """What `systemd-analyze verify` complains of; empty = nothing."""

    def ok(self) -> bool:
        """Whether it is as it must be."""
        return not self.said and self.exposure <= self.most


def program() -> str:
    """Where systemd-analyze is.

    Raises:
        FileNotFoundError: it is not; the text says how it is installed.
    """
    found = shutil.which("systemd-analyze")
    if found is None:
        raise FileNotFoundError(MISSING)
    return found


def look(folder: Path) -> list[Unit]:
    """Checks every unit as if installed below a folder."""
    root = _installed(folder)
    found = []
    for name, most in UNITS.items():
        verified = _run("verify", "--man=no", "--recursive-errors=one", f"--root={root}", name)
        level = _LEVEL.search(
            _run(
                "security",
                "--offline=true",
                "--no-pager",
                f"--threshold={most}",
                str(DEPLOY / name),
            )
        )
        exposure = float(level[1]) if level else 10.0
        found.append(Unit(name, exposure, most / 10, verified.strip()))
    return found


def _installed(folder: Path) -> Path:
    """A root with what systemd itself brings, the units, and the programs that they start."""
    root = folder / "root"
    units = root / "etc" / "systemd" / "system"
    shutil.copytree(_SYSTEM, root / "lib" / "systemd" / "system", symlinks=True)
    units.mkdir(parents=True)
    for name in UNITS:
        shutil.copy(DEPLOY / name, units / name)
    for program in (
        "opt/omega-tv/current/bin/omega-brain",
        "usr/local/bin/omega-ui",
        "usr/local/sbin/omega-update",
    ):
        path = root / program
        path.parent.mkdir(parents=True)
        shutil.copy(DEPLOY / "omega_update.py", path)
        path.chmod(0o755)
    return root


def _run(*words: str) -> str:
    done = subprocess.run([program(), *words], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr
