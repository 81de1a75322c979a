"""A TV that runs a good release, and the program that updates it."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from omega_testing.tv_slots import Tv, load


@pytest.fixture(scope="session")
def program() -> ModuleType:
    return load()


@pytest.fixture
def tv(program: ModuleType, tmp_path: Path) -> Tv:
    made = Tv(program, tmp_path)
    assert made.install() == program.DONE
    assert made.slot() == "a"
    return made
