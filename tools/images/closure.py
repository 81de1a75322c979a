"""Which distributions a service needs, read from the pyproject.toml files alone.

Needs nothing but Python: it runs where images are built, before anything is installed.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)(?:\[([^\]]*)\])?")


@dataclass(frozen=True)
class Closure:
    """Everything that some distributions of ours need."""

    ours: dict[str, frozenset[str]]
    """Distributions of ours, by name, with the extras that are asked for."""
    folders: dict[str, Path]
    """Where each of them lies."""
    others: frozenset[str]
    """Requirements on distributions of others, such as "psycopg[binary]"; what those need in turn
    is not here."""

    def paths(self) -> list[str]:
        """Folder of each distribution of ours."""
        return [str(self.folders[name]) for name in sorted(self.ours)]


def split(requirement: str) -> tuple[str, frozenset[str]]:
    """Name and extras of a requirement, both as indexes spell them.

    Raises:
        ValueError: it is none.
    """
    found = _REQUIREMENT.match(requirement)
    if found is None:
        raise ValueError(requirement)
    extras = (canonical(extra.strip()) for extra in (found[2] or "").split(","))
    return canonical(found[1]), frozenset(filter(None, extras))


def canonical(name: str) -> str:
    """A name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def resolve(root: Path, requirements: Iterable[str]) -> Closure:
    """Follows requirements through the distributions of the repository at `root`.

    Raises:
        ValueError: a requirement has no name.
    """
    projects = {
        canonical(project["name"]): (path.parent, project)
        for group in ("libs", "services")
        for path in sorted((root / group).glob("*/pyproject.toml"))
        for project in [_project(path)]
    }
    ours: dict[str, frozenset[str]] = {}
    others: set[str] = set()
    waiting = list(requirements)
    while waiting:
        requirement = waiting.pop()
        name, extras = split(requirement)
        if name not in projects:
            others.add(requirement)
            continue
        new = extras - ours.get(name, frozenset())
        if name not in ours:
            waiting += projects[name][1]["dependencies"]
        groups = projects[name][1].get("optional-dependencies", {})
        waiting += [needed for extra in new for needed in groups[extra]]
        ours[name] = ours.get(name, frozenset()) | extras
    return Closure(ours, {name: projects[name][0] for name in ours}, frozenset(others))


def _project(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        project: dict[str, Any] = tomllib.load(file)["project"]
    return project
