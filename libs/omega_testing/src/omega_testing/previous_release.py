"""The release before this tree: found in its history, checked out, and installed beside it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_RELEASE = re.compile(r"Release (\d+\.\d+\.\d+)\Z")
_BUILT_BEFORE = ("hatchling", "hnswlib")
"""Built or used without isolation, by exact version; hnswlib has no wheel on the index."""
_ASK = (
    "import json, sys; from importlib.metadata import version;"
    "from importlib.util import find_spec;"
    "print(json.dumps([[version(n), find_spec(n.replace('-', '_')).origin] for n in sys.argv[1:]]))"
)


@dataclass(frozen=True)
class Release:
    """A commit that made a release."""

    commit: str
    """Its hash."""
    version: str
    """What it released, "0.4.0"."""


def previous(repository: Path) -> Release:
    """The newest release that was made before the commit that is checked out.

    Raises:
        RuntimeError: there is none in the history.
    """
    head = _git(repository, "rev-parse", "HEAD").strip()
    listed = _git(repository, "log", "--grep", "^Release ", "--format=%H %s")
    for line in listed.splitlines():
        commit, _, subject = line.partition(" ")
        found = _RELEASE.match(subject)
        if found and commit != head:
            return Release(commit, found[1])
    raise RuntimeError("the history holds no release before this commit")


def check_out(repository: Path, release: Release, folder: Path) -> Path:
    """Clones the repository as of a release into a folder that is made; returns the folder."""
    _git(repository, "clone", "--quiet", "--no-checkout", str(repository), str(folder))
    _git(folder, "checkout", "--quiet", "--detach", release.commit)
    return folder


def install(tree: Path, names: Iterable[str], folder: Path) -> Path:
    """Installs distributions of a tree, with what they need of it, by its own constraints.

    Args:
        tree: a checkout.
        names: of distributions, "omega-sync".
        folder: of the virtual environment, which is made.

    Returns:
        The folder.

    Raises:
        RuntimeError: pip fails, or something was installed from elsewhere than the tree.
    """
    asked = list(names)
    local = local_needs(tree, asked)
    environ = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    environ["HNSWLIB_NO_NATIVE"] = "1"
    _run([sys.executable, "-m", "venv", str(folder)], environ)
    pip = [str(folder / "bin" / "pip"), "install", "-q", "--disable-pip-version-check"]
    pip += ["-c", str(tree / "constraints.txt")]
    _run([*pip, *_BUILT_BEFORE], environ)
    _run([*pip, "--no-build-isolation", *map(str, local)], environ)
    python = str(folder / "bin" / "python")
    answer = json.loads(_run([python, "-I", "-c", _ASK, *asked], environ))
    for name, (version, origin) in zip(asked, answer, strict=True):
        if not Path(origin).is_relative_to(folder):
            raise RuntimeError(f"{name} {version} comes from {origin}")
    return folder


def local_needs(tree: Path, names: Iterable[str]) -> list[str]:
    """Folders of distributions of a tree and of all that they need of it, as pip takes them.

    What their extras need comes behind, by name: pip 23 does not find a folder again by its name
    where it was given with extras.
    """
    folders: dict[str, tuple[Path, dict[str, Any]]] = {}
    for file in [*tree.glob("libs/*/pyproject.toml"), *tree.glob("services/*/pyproject.toml")]:
        project = tomllib.loads(file.read_text("utf-8"))["project"]
        folders[project["name"]] = (file.parent, project)
    found: dict[str, None] = {}
    more: dict[str, None] = {}
    waiting = list(names)
    while waiting:
        name, _, extras = waiting.pop().partition("[")
        if name not in folders:
            more[name] = None
            continue
        folder, project = folders[name]
        for extra in filter(None, extras.rstrip("]").split(",")):
            waiting += project["optional-dependencies"][extra]
        if str(folder) not in found:
            found[str(folder)] = None
            waiting += project.get("dependencies", [])
    return [*found, *more]


def _git(folder: Path, *arguments: str) -> str:
    return _run(["git", "-C", str(folder), *arguments], dict(os.environ))


def _run(command: list[str], environ: dict[str, str]) -> str:
    done = subprocess.run(
        command, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[:3])} failed:\n{done.stdout}{done.stderr}"[-4_000:])
    return done.stdout
