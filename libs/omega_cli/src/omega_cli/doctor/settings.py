"""Environment variables: names that nobody reads, and values that a service refuses."""

from __future__ import annotations

import difflib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import distributions, entry_points
from pathlib import Path

from omega_cli.doctor.findings import Finding, fault, ok, warning
from omega_cli.reach import PROFILE, VARIABLES

CHECK = "settings"
GENERAL = (
    "OMEGA_CACHE_DIR",
    "OMEGA_CLOCK_FILE",
    "OMEGA_DATA",
    "OMEGA_LOG_FORMAT",
    "OMEGA_LOG_LEVEL",
    PROFILE,
    *VARIABLES.values(),
)
"""Variables that are read by their own names."""
_SECONDS = 30


def check_settings(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Looks at the OMEGA_ variables of an environment, as the services installed here read them."""
    given = {name for name in environ if name.startswith("OMEGA_")} - set(GENERAL)
    if not given:
        yield ok(CHECK, "no variable of a service is set here")
        return
    installed = scripts()
    with ThreadPoolExecutor() as pool:
        by_service = dict(zip(installed, pool.map(_names, installed), strict=True))
    known = {name for names in by_service.values() for name in names} | set(GENERAL)
    for name in sorted(given - known):
        near = difflib.get_close_matches(name, sorted(known), 1)
        advice = f"did you mean {near[0]}?" if near else "remove it, or install what reads it"
        yield warning(CHECK, f"{name} is set, and nothing here reads it", advice)
    for script, names in by_service.items():
        if given.isdisjoint(names):
            continue
        done = _run(script, "--check-config", environ)
        if done.returncode:
            said = done.stderr.strip().removeprefix(f"{script}: ").replace("\n", " ")
            yield fault(CHECK, f"{script} would not start: {said}", "see docs/configuration.md")
        else:
            yield ok(CHECK, f"{script} takes its settings")


def check_versions() -> Iterator[Finding]:
    """Whether what is installed here is of one release."""
    found: dict[str, list[str]] = {}
    for each in distributions():
        name = each.metadata["Name"] or ""
        if name.startswith("omega-"):
            found.setdefault(each.version, []).append(name)
    if len(found) == 1:
        (version,) = found
        yield ok("versions", f"everything installed here is of {version}")
        return
    told = "; ".join(f"{version}: {', '.join(sorted(set(n)))}" for version, n in found.items())
    yield fault("versions", f"releases are mixed here: {told}", "install all of one release")


def scripts() -> list[str]:
    """Console scripts of the services that are installed here."""
    points = entry_points(group="console_scripts")
    return sorted({p.name for p in points if p.name.startswith("omega-")})


def _names(script: str) -> list[str]:
    return _run(script, "--settings", {}).stdout.split()


def _run(script: str, flag: str, environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("OMEGA_")}
    given = {name: value for name, value in environ.items() if name.startswith("OMEGA_")}
    return subprocess.run(
        [str(Path(sys.prefix) / "bin" / script), flag],
        env={**inherited, **given},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
