"""Reads the project's own source, so that tests can hold its parts to their rules."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

GENERATED = "omega_proto"
"""Folder of libs/ whose modules nobody writes by hand."""


@dataclass(frozen=True)
class Distribution:
    """A folder in libs/ or services/."""

    folder: Path
    """The folder."""

    @property
    def package(self) -> str:
        """The one package that it installs, as it is imported."""
        (package,) = (path.name for path in (self.folder / "src").iterdir() if path.is_dir())
        return package

    @property
    def is_service(self) -> bool:
        """Whether it is a service."""
        return self.folder.parent.name == "services"

    @cached_property
    def project(self) -> dict[str, Any]:
        """The [project] table of its pyproject.toml."""
        with (self.folder / "pyproject.toml").open("rb") as file:
            table: dict[str, Any] = tomllib.load(file)["project"]
        return table

    @cached_property
    def modules(self) -> dict[Path, ast.Module]:
        """Its modules, parsed."""
        return {path: parse(path) for path in sorted((self.folder / "src").rglob("*.py"))}

    def imports(self) -> set[str]:
        """Dotted names of what its modules import at run time, its own package left out."""
        found = {name for tree in self.modules.values() for name in imported(tree)}
        return {name for name in found if name.partition(".")[0] != self.package}

    @cached_property
    def _strings(self) -> frozenset[str]:
        return frozenset(text for tree in self.modules.values() for text in strings(tree))

    def strings(self) -> frozenset[str]:
        """Every text that its modules hold."""
        return self._strings


@cache
def distributions(root: Path) -> tuple[Distribution, ...]:
    """Every distribution of the repository at `root`, read once a process."""
    return tuple(
        Distribution(path.parent)
        for group in ("libs", "services")
        for path in sorted((root / group).glob("*/pyproject.toml"))
    )


def parse(path: Path) -> ast.Module:
    """The syntax tree of a module."""
    return ast.parse(path.read_text("utf-8"), str(path))


def imported(tree: ast.AST) -> Iterator[str]:
    """Dotted names of everything imported, but for what only a type checker imports.

    `from a import b` gives a.b, whether b is a module or not.
    """
    for node in _run_time(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def strings(tree: ast.AST) -> Iterator[str]:
    """Every text constant, docstrings among them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _run_time(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node outside the blocks of `if TYPE_CHECKING:`."""
    waiting = [tree]
    while waiting:
        for node in ast.iter_child_nodes(waiting.pop()):
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                continue
            yield node
            waiting.append(node)
