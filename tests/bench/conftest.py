"""The benchmark's peers, loaded from the script that runs them in an environment of their own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from omega_core.limits import DIMENSION
from omega_core.vectors import FloatArray, unit

SCRIPT = Path(__file__).resolve().parents[2] / "bench" / "peers.py"
Rows = Callable[[int, int], FloatArray]
Root = Callable[[str], Path]


@pytest.fixture(scope="session")
def script() -> ModuleType:
    """bench/peers.py as a module."""
    spec = spec_from_file_location("bench_peers_script", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def rows() -> Rows:
    """rows(number, seed) -> random unit rows, float32 (number, 384)."""
    return lambda number, seed: unit(
        np.random.default_rng(seed).standard_normal((number, DIMENSION)).astype(np.float32)
    )


@pytest.fixture
def root(tmp_path: Path) -> Root:
    """root(source of bench/peers.py) -> a repository with an environment of this Python."""

    def make(source: str) -> Path:
        python = tmp_path / ".venv-bench" / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        python.chmod(0o755)
        (tmp_path / "bench").mkdir()
        (tmp_path / "bench" / "peers.py").write_text(source)
        return tmp_path

    return make
