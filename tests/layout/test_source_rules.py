"""Rules that hold for every file written by hand."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from omega_testing.sources import GENERATED, imported, parse

ROOT = Path(__file__).resolve().parents[2]
WRITTEN = (".c", ".h", ".md", ".mjs", ".proto", ".py", ".sh", ".sql", ".toml", ".yaml", ".yml")
OURS = ("bench", "deploy", "docs", "libs", "proto", "services", "tests", "tools")
UNSAFE = {"dill", "marshal", "multiprocessing", "pickle", "shelve"}
"""Modules that run what they read, or that fork."""


def _files() -> list[Path]:
    found = [path for path in ROOT.iterdir() if path.is_file()]
    found += [path for folder in OURS for path in (ROOT / folder).rglob("*") if path.is_file()]
    return [
        path
        for path in found
        if path.suffix in WRITTEN
        and not {"node_modules", GENERATED, "generated", "__pycache__", "rendered"}.intersection(
            path.parts
        )
    ]


PYTHON = [path for path in _files() if path.suffix == ".py"]


def _length(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())


def test_no_file_is_longer_than_700_lines() -> None:
    assert {str(path.relative_to(ROOT)) for path in _files() if _length(path) > 700} == set()


def test_half_of_the_modules_have_150_lines_or_fewer() -> None:
    assert median(_length(path) for path in PYTHON) <= 150


def test_nothing_is_pickled_and_nothing_forks() -> None:
    found = {str(path.relative_to(ROOT)): set(_unsafe(parse(path))) for path in PYTHON}
    assert {path: uses for path, uses in found.items() if uses} == {}


def _unsafe(tree: ast.Module) -> Iterator[str]:
    yield from {name.partition(".")[0] for name in imported(tree)} & UNSAFE
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            yield node.arg
        if isinstance(node, ast.Attribute) and node.attr in {"fork", "forkpty"}:
            yield ast.unparse(node)
