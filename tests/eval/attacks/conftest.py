"""The town that attacks are tried on."""

from __future__ import annotations

import pytest

from omega_testing.attacked import Town, town_of


@pytest.fixture(scope="session")
def town() -> Town:
    """The town of seed 0; nobody changes it."""
    return town_of()
