"""What is said to each vector extension, and that one module alone knows them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import omega_store
from omega_core.errors import OmegaError
from omega_store import StoreConfig, dialect
from omega_store.migrate import migrations
from omega_testing.fleet import vectors

GOLDEN = Path(__file__).parent / "golden"
NAMED = re.compile(r"halfvec|ruvector|vector_(cosine|l2|ip)_ops|<=>|hnsw", re.IGNORECASE)


def run(name: str, *command: str) -> subprocess.CompletedProcess[str]:
    environ = os.environ | {dialect.VARIABLE: name}
    return subprocess.run(
        [sys.executable, *command], env=environ, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("name", dialect.DIALECTS)
def test_every_statement_about_vectors_is_as_it_was_read(name: str) -> None:
    done = run(name, "-m", "omega_testing.dialects")
    assert done.returncode == 0, done.stderr
    assert done.stdout == (GOLDEN / f"{name}.sql").read_text("utf-8")


def test_no_other_module_names_an_extension() -> None:
    folder = Path(omega_store.__file__).parent
    found = [
        path.name
        for path in (*folder.glob("*.py"), *folder.glob("migrations/*.sql"))
        if path.name != "dialect.py" and NAMED.search(path.read_text("utf-8"))
    ]
    assert found == []


def test_migrations_hold_no_placeholder_that_nobody_fills() -> None:
    assert not [m.name for m in migrations() if "{{" in dialect.render(m.text)]


def test_a_vector_that_comes_as_text_is_the_same() -> None:
    vector = vectors(1)[0]
    np.testing.assert_array_equal(dialect.load(dialect.dump(vector)), vector)


def test_a_dialect_that_is_none_is_named() -> None:
    done = run("oracle", "-c", "from omega_store import StoreConfig; StoreConfig()")
    assert "OMEGA_STORE_DIALECT must be one of pgvector, ruvector" in done.stderr
    assert StoreConfig()
    with pytest.raises(OmegaError):
        StoreConfig(pool_size=0)
