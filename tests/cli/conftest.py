"""A constellation as a process, for commands that call one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from omega_testing.processes import ServiceProcess


@pytest.fixture
def target(database_url: str) -> Iterator[str]:
    """Its address."""
    environ = {
        "OMEGA_CONSTELLATION_DATABASE_URL": database_url,
        "OMEGA_CONSTELLATION_LISTEN": "127.0.0.1:0",
    }
    with ServiceProcess(["omega-constellation"], environ) as process:
        yield process.address
