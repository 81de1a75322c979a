"""What is in an image: its files are read one by one, and every forbidden module is imported."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from images import elf
from images.closure import canonical
from images.engine import Engine
from images.make import Built
from images.plan import ARCHES, PREFIX, SBOM, USER

COMPILERS = frozenset({"as", "c++", "cc", "cc1", "clang", "g++", "gcc", "ld", "make"})
"""Names of programs, with or without a processor before or a version behind them."""
_CACHES = ("root/.cache/", "var/cache/apt/", "var/cache/pip/", "var/lib/apt/lists/")
_IMPORT = """
import importlib, sys
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        continue
    print(name)
"""
"""Prints the modules that are there."""


@dataclass
class Contents:
    """What the files of an image are."""

    objects: int = 0
    """Shared objects of the service."""
    distributions: set[str] = field(default_factory=set)
    """What is installed, by its metadata."""
    components: set[str] = field(default_factory=set)
    """What the SBOM names."""
    faults: list[str] = field(default_factory=list)
    """What must not be, a sentence each."""


def contents(built: Built, archive: Path) -> Contents:
    """Reads an image's files from what its engine exported."""
    found = Contents()
    arch = ARCHES[built.arch]
    for member, data in _files(archive):
        path = PurePosixPath("/") / member.name
        text = f"{path}/" if member.isdir() else str(path)
        found.faults += _faults(path, text, member.mode, member.uid, is_file=member.isfile())
        parsed = elf.read(data)
        if parsed is not None:
            ours = text.startswith(PREFIX)
            found.objects += ours
            if parsed.machine != arch.elf:
                found.faults.append(f"{text} is for processor {parsed.machine}, not {arch.elf}")
            if ours and not parsed.stripped:
                found.faults.append(f"{text} is not stripped")
        if path.name == "METADATA" and path.parent.suffix == ".dist-info":
            found.distributions.add(canonical(path.parent.name.split("-")[0]))
        if text == SBOM:
            found.components = {canonical(each["name"]) for each in _components(data)}
    missing = found.distributions - found.components
    if missing:
        found.faults.append(f"the SBOM does not name {', '.join(sorted(missing))}")
    return found


def labels(engine: Engine, built: Built, version: str) -> list[str]:
    """What is wrong with an image's labels and settings."""
    about = engine.inspect(built.reference)
    settings = about.get("Config", {})
    said = {k.removeprefix("org.opencontainers.image."): v for k, v in settings["Labels"].items()}
    wanted = {
        "title": built.image.name,
        "version": version,
        "licenses": "MIT",
    }
    wrong = [f"label {key} is {said.get(key)}" for key, v in wanted.items() if said.get(key) != v]
    if len(said.get("revision", "")) < 40:  # noqa: PLR2004 - digits of a commit
        wrong.append("label revision names no commit")
    if settings.get("User") != f"{USER}:{USER}":
        wrong.append(f"it runs as {settings.get('User')}")
    if about.get("Architecture") != built.arch:
        wrong.append(f"it says that it is for {about.get('Architecture')}")
    return wrong


def importable(engine: Engine, built: Built, names: list[str]) -> list[str]:
    """Which of these modules can be imported in an image of this machine's processor."""
    said = engine.run(
        *("run", "--rm", "--network", "none", "--read-only"),
        *("--entrypoint", f"{PREFIX}/bin/python", built.reference, "-c", _IMPORT, *names),
    )
    return said.split()


def _files(archive: Path) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    """Each member, with its bytes where they are looked at."""
    with tarfile.open(archive) as tar:
        for member in tar:
            is_read = member.isfile() and _is_read(PurePosixPath("/") / member.name)
            file = tar.extractfile(member) if is_read else None
            yield member, file.read() if file else b""


def _is_read(path: PurePosixPath) -> bool:
    return ".so" in path.name or str(path) == SBOM or path.parent.name == "bin"


def _components(data: bytes) -> list[dict[str, Any]]:
    found = json.loads(data)
    return [*found["components"], found["metadata"]["component"]]


def _faults(path: PurePosixPath, text: str, mode: int, uid: int, *, is_file: bool) -> list[str]:
    faults = []
    if is_file and path.parent.name in {"bin", "sbin"}:
        if COMPILERS & set(path.name.split("-")):
            faults.append(f"{text} is a compiler's")
        if path.name.startswith("pip"):
            faults.append(f"{text} installs software")
    if text.startswith(PREFIX) and {"test", "tests"} & set(path.parts):
        faults.append(f"{text} is a test")
    if any(cache in text for cache in _CACHES) and is_file:
        faults.append(f"{text} is a cache")
    if is_file and mode & 0o6000:
        faults.append(f"{text} gives rights to who runs it")
    if is_file and (mode & 0o002 or uid == USER):
        faults.append(f"{text} can be written by the service")
    return faults
