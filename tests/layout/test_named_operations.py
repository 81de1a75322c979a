"""Every operation of the database has a name of ours, which telemetry tells in place of it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from omega_testing.sources import distributions

ROOT = Path(__file__).resolve().parents[2]
FLEETS = {"omega_store", "omega_publish", "omega_constellation", "omega_federation_worker"}
OPENS = {"transaction", "statements", "snapshot"}
CONNECTION = re.compile(r"(self\._)?(conn|leader)")
"""What psycopg opens a transaction on: a part of an operation that has a name."""


def opened() -> Iterator[tuple[str, ast.Call]]:
    """Where an operation of a Store begins."""
    for each in distributions(ROOT):
        if each.package not in FLEETS:
            continue
        for path, tree in each.modules.items():
            for node in ast.walk(tree):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Attribute)
                    and node.func.attr in OPENS
                    and path.name != "pool.py"
                    and not CONNECTION.fullmatch(ast.unparse(node.func.value))
                ):
                    yield f"{path.name}:{node.lineno}", node


def test_every_operation_is_named_by_a_text_of_few_words() -> None:
    found = list(opened())
    assert len(found) > 60
    for where, call in found:
        name = call.args[0] if call.args else None
        assert isinstance(name, ast.Constant), f"{where} has no name"
        assert re.fullmatch(r"[a-z]+( [a-z]+){1,3}", str(name.value)), where
