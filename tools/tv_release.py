"""Archives of a TV's release with real wheels, made as docs/tv-install.md says."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from omega_testing.previous_release import local_needs

BRAIN = "omega-brain"
"""The distribution that a TV is for."""


@dataclass(frozen=True)
class Archive:
    """A release that can be installed."""

    version: str
    """Of its distributions."""
    path: Path
    """Of the tar."""
    digest: str
    """Its SHA-256."""

    @property
    def megabytes(self) -> float:
        """Its size, 10^6 bytes."""
        return self.path.stat().st_size / 1e6


def folders(tree: Path) -> list[Path]:
    """Where the distributions lie that a brain needs of a tree."""
    return sorted(Path(each) for each in local_needs(tree, [BRAIN]) if Path(each).is_dir())


def version(tree: Path) -> str:
    """Of a tree's brain."""
    with (tree / "services" / "brain" / "pyproject.toml").open("rb") as file:
        return str(tomllib.load(file)["project"]["version"])


def copied(tree: Path, target: Path, old: str, new: str) -> Path:
    """What a brain needs of a tree, as another version; returns `target`, which is made.

    Raises:
        ValueError: a distribution is not of version `old`.
    """
    for source in folders(tree):
        place = target / source.relative_to(tree)
        shutil.copytree(source, place, ignore=shutil.ignore_patterns("__pycache__"))
        replace(place / "pyproject.toml", f'version = "{old}"', f'version = "{new}"')
    shutil.copy(tree / "constraints.txt", target)
    return target


def replace(path: Path, old: str, new: str) -> None:
    """Changes the one place of a file that holds a text.

    Raises:
        ValueError: there is none, or there are several.
    """
    text = path.read_text("utf-8")
    if text.count(old) != 1:
        raise ValueError(f"{path.name} must hold {old!r} once")
    path.write_text(text.replace(old, new), "utf-8")


def pack(
    tree: Path,
    version: str,
    folder: Path,
    *,
    others: Path | None = None,
    cache: Path | None = None,
) -> Archive:
    """Builds wheels of a tree and packs them.

    Args:
        tree: with the distributions and constraints.txt.
        version: of its distributions.
        folder: is made; holds `wheels/` and the archive.
        others: wheels of an earlier release, of which those of others are taken; None = all are
            asked of an index, or built.
        cache: with the model, in the form of OMEGA_CACHE_DIR; None = the archive brings none.

    Raises:
        RuntimeError: pip fails.
    """
    wheels = folder / "wheels"
    wheels.mkdir(parents=True)
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--disable-pip-version-check"]
    command += ["-c", str(tree / "constraints.txt"), "--no-build-isolation", "-w", str(wheels)]
    command += ["--no-deps"] if others else []
    _run([*command, *map(str, folders(tree))], {"HNSWLIB_NO_NATIVE": "1"})
    for path in others.iterdir() if others else ():
        if not path.name.startswith("omega_"):
            os.link(path, wheels / path.name)
    (folder / "release.json").write_text(json.dumps({"version": version}), "utf-8")
    path = folder / "release.tar"
    with tarfile.open(path, "w") as tar:
        tar.add(folder / "release.json", "release.json")
        tar.add(wheels, "wheels")
        if cache:
            tar.add(cache, "cache")
    with path.open("rb") as file:
        return Archive(version, path, hashlib.file_digest(file, "sha256").hexdigest())


def _run(command: list[str], more: Mapping[str, str]) -> None:
    done = subprocess.run(
        command, env={**os.environ, **more}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[:4])} failed:\n{done.stderr}"[-4_000:])
